package diagnose

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/bigmind/backchannel/ingest"
	"github.com/bigmind/backchannel/schemas"
)

// Person answers 'What to check if notifications are not arriving', for a directory user or an email. Without a type it goes through all
// types that the organization has, and says which are off and which do not come by Slack.
func (e *Examiner) Person(ctx context.Context, org schemas.OrgID, to schemas.Recipient, kind schemas.NotificationType) ([]Check, error) {
	all, err := e.workspaces(ctx, org)
	if err != nil {
		return nil, err
	}
	connected, err := e.connected(ctx, all)
	if err != nil {
		return nil, err
	}
	kinds := []schemas.NotificationType{kind}
	if kind == "" {
		if kinds, err = e.kinds(ctx, org); err != nil {
			return nil, err
		}
	}
	verdicts, err := e.Verdicts(ctx, org, to, kinds)
	if err != nil {
		return nil, err
	}
	if len(verdicts) != len(kinds) {
		return nil, errors.New("diagnose: a verdict for each type was asked for")
	}
	p := &person{examiner: e, org: org, named: to, workspaces: all, connected: connected.Result == Pass}
	if err := p.find(ctx); err != nil {
		return nil, err
	}
	matched, err := p.matched(ctx, &verdicts[0])
	if err != nil {
		return nil, err
	}
	checks := []Check{connected, matched}
	if kind == "" {
		return append(checks, overview(verdicts)...), nil
	}
	return append(checks, enabled(&verdicts[0]), includes(&verdicts[0]), now(&verdicts[0])), nil
}

// kinds are the catalogue's types and the organization's own.
func (e *Examiner) kinds(ctx context.Context, org schemas.OrgID) ([]schemas.NotificationType, error) {
	var own *redis.MapStringStringCmd
	if err := ingest.Lookup(ctx, e.Redis, func(pipe redis.Pipeliner) { own = pipe.HGetAll(ctx, schemas.ViewOrgTypes(org)) }); err != nil {
		return nil, err
	}
	all := make([]schemas.NotificationType, 0, len(schemas.NotificationTypes)+len(own.Val()))
	for _, t := range schemas.NotificationTypes {
		all = append(all, t.ID)
	}
	for id, value := range own.Val() {
		t, err := ingest.Viewed[schemas.OrgType](value)
		if err != nil {
			return nil, err
		}
		if t != nil {
			all = append(all, schemas.NotificationType(id))
		}
	}
	slices.Sort(all[len(schemas.NotificationTypes):])
	return all, nil
}

// person is who is looked for, and what is known of them.
type person struct {
	examiner   *Examiner
	org        schemas.OrgID
	named      schemas.Recipient
	workspaces []schemas.Installation
	connected  bool
	user       *schemas.DirectoryUser
}

// find looks the person up in the directory: enabled ones and lower ids first, as the pipeline does.
func (p *person) find(ctx context.Context) error {
	ids := []string{string(p.named.UserID)}
	if p.named.UserID == "" {
		var members *redis.StringSliceCmd
		if err := ingest.Lookup(ctx, p.examiner.Redis, func(pipe redis.Pipeliner) { members = pipe.SMembers(ctx, schemas.ViewOrgEmail(p.org, p.named.Email)) }); err != nil {
			return err
		}
		if ids = members.Val(); len(ids) == 0 {
			return nil
		}
		slices.Sort(ids)
	}
	var users *redis.SliceCmd
	if err := ingest.Lookup(ctx, p.examiner.Redis, func(pipe redis.Pipeliner) { users = pipe.HMGet(ctx, schemas.ViewOrgUsers(p.org), ids...) }); err != nil {
		return err
	}
	for _, value := range users.Val() {
		text, _ := value.(string)
		u, err := ingest.Viewed[schemas.DirectoryUser](text)
		if err != nil {
			return err
		}
		if u == nil || p.named.UserID == "" && schemas.NormalEmail(u.Email) != schemas.NormalEmail(p.named.Email) {
			continue
		}
		if p.user == nil || p.user.Disabled && !u.Disabled {
			p.user = u
		}
	}
	return nil
}

// email is the address by which the person is matched.
func (p *person) email() string {
	if p.user != nil && strings.TrimSpace(p.user.Email) != "" {
		return schemas.NormalEmail(p.user.Email)
	}
	return schemas.NormalEmail(p.named.Email)
}

// called is how the directory knows the person, else how they were named.
func (p *person) called() string {
	switch {
	case p.user != nil && p.user.Name != "":
		return p.user.Name
	case p.named.Email != "":
		return p.named.Email
	}
	return string(p.named.UserID)
}

// overview is checks three and four for all types.
func overview(verdicts []Verdict) []Check {
	var off, notSlack, undecided []string
	for i := range verdicts {
		v := &verdicts[i]
		switch choice := v.Decision.Choice; {
		case choice == "":
			undecided = append(undecided, string(v.Type.ID))
		case choice == schemas.PreferOff:
			off = append(off, v.Type.Name+" (by "+Rule(v.Decision.Rule)+")")
		case !choice.Message():
			notSlack = append(notSlack, v.Type.Name+" (by "+Rule(v.Decision.Rule)+")")
		}
	}
	n, name := len(verdicts), "Name a type to see what would become of it."
	if len(undecided) > 0 {
		return []Check{
			unknown(TypeEnabled, "It ends before preferences are asked: "+means(verdicts[0].Ended), mend(verdicts[0].Ended, "")),
			unknown(ChannelHasSlack, "Preferences were not asked.", ""),
		}
	}
	types := pass(TypeEnabled, fmt.Sprintf("All %d types are enabled.", n))
	if len(off) > 0 {
		types.Fact, types.Next = fmt.Sprintf("%d of %d types are enabled. Off: %s.", n-len(off), n, strings.Join(off, ", ")), name
	}
	if len(off) == n {
		types = fail(TypeEnabled, "Every type is turned off.", "Turn on in Notification Settings what should come.", OpenPreferences)
	}
	channel := pass(ChannelHasSlack, "Whatever is enabled comes by Slack.")
	if len(notSlack) > 0 {
		channel.Fact, channel.Next = "By email only: "+strings.Join(notSlack, ", ")+".", name
	}
	if len(off)+len(notSlack) == n {
		channel = fail(ChannelHasSlack, "Nothing comes by Slack.", "Choose Message or Both in Notification Settings.", OpenPreferences)
	}
	return []Check{types, channel}
}

func enabled(v *Verdict) Check {
	switch {
	case v.Ended == schemas.UnknownType:
		return fail(TypeEnabled, means(v.Ended), mend(v.Ended, ""), "")
	case v.Decision.Choice == "":
		return unknown(TypeEnabled, "It ends before preferences are asked: "+means(v.Ended), mend(v.Ended, ""))
	case v.Decision.Choice == schemas.PreferOff:
		return fail(TypeEnabled, fmt.Sprintf("%s is turned off, by %s.", v.Type.Name, Rule(v.Decision.Rule)), "Choose Message, Email or Both for it in Notification Settings.", OpenPreferences)
	case v.Decision.Mandatory:
		return pass(TypeEnabled, v.Type.Name+" cannot be turned off.")
	}
	return pass(TypeEnabled, fmt.Sprintf("%s is enabled, by %s.", v.Type.Name, Rule(v.Decision.Rule)))
}

func includes(v *Verdict) Check {
	switch choice := v.Decision.Choice; {
	case choice == "":
		return unknown(ChannelHasSlack, "Preferences were not asked.", "")
	case choice == schemas.PreferOff:
		return unknown(ChannelHasSlack, "The type is turned off.", "")
	case !choice.Message():
		return fail(ChannelHasSlack, fmt.Sprintf("The channel is %s, by %s.", choice, Rule(v.Decision.Rule)), "Choose Message or Both in Notification Settings.", OpenPreferences)
	default:
		return pass(ChannelHasSlack, fmt.Sprintf("The channel is %s, by %s.", choice, Rule(v.Decision.Rule)))
	}
}

// now is what would become of it, where the four checks pass: quiet hours and caps are none of the page's.
func now(v *Verdict) Check {
	switch {
	case v.Ended != "" || v.Reason != "" || !v.Decision.Choice.Message():
		return unknown(DeliveredNow, "Nothing is sent by Slack before the checks above pass.", "")
	case v.Dropped:
		return fail(DeliveredNow, v.Now, mend(schemas.InQuietHours, ""), OpenPreferences)
	}
	return pass(DeliveredNow, v.Now)
}

// rules name the rules as a person would.
var rules = map[schemas.Rule]string{
	schemas.RuleUserType: "the person's own choice for the type", schemas.RuleUserCategory: "the person's own choice for the category",
	schemas.RuleOrgType: "the organization's default for the type", schemas.RuleOrgCategory: "the organization's default for the category",
	schemas.RuleTypeDefault: "the type's own default",
}

// Rule says in words which rule decided.
func Rule(r schemas.Rule) string { return rules[r] }
