package route

import (
	"context"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/bigmind/backchannel/schemas"
)

// Explanation is what would become of a notification of a type for a person now, and why.
type Explanation struct {
	Person   schemas.UserID // empty: the directory does not know the email
	Email    string
	Type     schemas.TypeInfo
	Decision schemas.Decision
	Ended    schemas.Reason // why nobody would get anything, before a channel is chosen
	Channels []ExplainedChannel
	Until    time.Time // when it would wait: until then
	Dropped  bool      // it would not be sent, since these are quiet hours and it is of no use later
	TimeZone string    // of the quiet hours; empty: there are none now
	Sent     int       // of this type to this person in this clock hour
	Cap      schemas.Cap
	Checks   []Check // the product page's, in its order
}

// ExplainedChannel is one that the preference asks for, or that takes its place.
type ExplainedChannel struct {
	By     schemas.DeliveryChannel
	To     string         // "T…/U…", or an address
	Reason schemas.Reason // why it cannot work; empty: it can
	Detail string
}

// Check is one of 'What to check if notifications are not arriving'.
type Check struct {
	Name string
	OK   bool
	Says string
}

// Explain decides as the processor does, and neither sends nor counts anything. The recipient is one with an id or an email.
func Explain(ctx context.Context, rdb redis.UniversalClient, org schemas.OrgID, to schemas.Recipient, kind schemas.NotificationType, now time.Time) (*Explanation, error) {
	r := &schemas.NotificationRequest{OrgID: org, RequestID: "explain", Type: kind, Recipient: to, CreatedAt: now}
	people, err := load(ctx, rdb, []*schemas.NotificationRequest{r}, hourOf(now))
	if err != nil {
		return nil, err
	}
	who := &people[0]
	if who.user != nil && to.UserID == "" { // as address makes of it: what is counted is counted by id
		r.Recipient = schemas.Recipient{UserID: who.user.UserID, Email: to.Email}
		if people, err = load(ctx, rdb, []*schemas.NotificationRequest{r}, hourOf(now)); err != nil {
			return nil, err
		}
		who = &people[0]
	}
	e := evaluate(r, who, now)
	x := &Explanation{
		Email: who.email(to), Type: e.kind, Decision: e.decision, Ended: e.reason, Sent: who.sent.person, Cap: who.settings.CapOf(kind),
	}
	if who.user != nil {
		x.Person = who.user.UserID
	}
	for _, c := range e.channels {
		one := ExplainedChannel{By: c.by, To: c.email, Reason: c.reason, Detail: c.detail}
		if c.slack != nil {
			one.To = string(c.slack.TeamID) + "/" + string(c.slack.UserID)
		}
		x.Channels = append(x.Channels, one)
	}
	w := e.wait(who.sent.person < x.Cap.PerRecipient && who.sent.org < x.Cap.PerOrg)
	x.Until, x.Dropped, x.TimeZone = w.until, w.drop, e.decision.TimeZone
	x.Checks = e.checks()
	return x, nil
}

// checks answers the product page's list.
func (e *evaluation) checks() []Check {
	slack := e.bySlack()
	choice := e.decision.Choice
	connected := Check{"Slack is connected", len(e.person.active) > 0, fmt.Sprintf("%d workspaces are connected", len(e.person.active))}
	if !connected.OK {
		connected.Says = "no workspace is connected: an admin connects Slack in Settings, Communication data, Messaging"
	}
	matched := Check{"User matching succeeded", slack.slack != nil, ""}
	switch {
	case matched.OK:
		matched.Says = fmt.Sprintf("%s in workspace %s has the same email", slack.slack.UserID, slack.slack.TeamID)
	case e.person.user == nil:
		matched.Says = "the directory does not know the person"
	case slack.reason == schemas.AccountInactive:
		matched.Says = "the Slack account with this email is deactivated"
	case !connected.OK:
		matched.Says = "nobody is matched while Slack is not connected"
	default:
		matched.Says = "nobody in the connected workspaces has the person's email"
	}
	enabled := Check{"Notification type is enabled", choice != "" && choice != schemas.PreferOff, ""}
	includes := Check{"Channel includes Slack", choice.Message(), ""}
	switch choice {
	case "":
		enabled.Says, includes.Says = "it ended before preferences were asked: "+string(e.reason), "not asked"
	case schemas.PreferOff:
		enabled.Says = "it is turned off by " + ruleWords[e.decision.Rule]
		includes.Says = "it is turned off"
	default:
		enabled.Says = "by " + ruleWords[e.decision.Rule]
		includes.Says = "the channel is " + string(choice)
	}
	return []Check{connected, matched, enabled, includes}
}

// ruleWords name the rules as a person would.
var ruleWords = map[schemas.Rule]string{
	schemas.RuleUserType: "the person's own choice for the type", schemas.RuleUserCategory: "the person's own choice for the category",
	schemas.RuleOrgType: "the organization's default for the type", schemas.RuleOrgCategory: "the organization's default for the category",
	schemas.RuleTypeDefault: "the type's own default",
}

// RuleWords says which rule decided.
func RuleWords(r schemas.Rule) string { return ruleWords[r] }
