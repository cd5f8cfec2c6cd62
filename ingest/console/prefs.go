package console

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/bigmind/backchannel/ingest"
	"github.com/bigmind/backchannel/schemas"
)

// prefs is what is known of notifications for one person, or with an empty user of the organization's defaults.
type prefs struct {
	own, org *schemas.Preferences // nil: nothing said
	settings *schemas.OrgSettings
	types    []schemas.TypeInfo // the catalogue's and the organization's own
	slack    *schemas.SlackUser
	why      string // why Slack does not reach the person
	mend     string
}

// loadPrefs reads all of it: one round trip, and for a person those that find whom they are in Slack.
func (c *Console) loadPrefs(v *visit, user schemas.UserID) (*prefs, error) {
	ctx, p := v.ctx(), &prefs{types: slices.Clone(schemas.NotificationTypes)}
	var own, org, settings *redis.StringCmd
	var types *redis.MapStringStringCmd
	err := ingest.Lookup(ctx, c.opts.Redis, func(pipe redis.Pipeliner) {
		own, org = pipe.HGet(ctx, schemas.ViewOrgPreferences(v.org()), string(user)), pipe.HGet(ctx, schemas.ViewOrgPreferences(v.org()), "")
		settings, types = pipe.HGet(ctx, schemas.ViewOrgSettings(v.org()), ""), pipe.HGetAll(ctx, schemas.ViewOrgTypes(v.org()))
	})
	if err != nil {
		return nil, err
	}
	var err1, err2, err3 error
	if user != "" {
		p.own, err1 = ingest.Viewed[schemas.Preferences](own.Val())
	}
	p.org, err2 = ingest.Viewed[schemas.Preferences](org.Val())
	p.settings, err3 = ingest.Viewed[schemas.OrgSettings](settings.Val())
	for _, err := range []error{err1, err2, err3} {
		if err != nil {
			return nil, err
		}
	}
	for _, id := range sortedKeys(types.Val()) {
		t, err := ingest.Viewed[schemas.OrgType](types.Val()[id])
		if err != nil {
			return nil, err
		}
		if t != nil {
			p.types = append(p.types, t.Info())
		}
	}
	if user == "" {
		return p, nil
	}
	rows, err := c.personRows(v, []string{string(user)})
	if err != nil {
		return nil, err
	}
	if len(rows) == 1 {
		p.slack, p.why, p.mend = rows[0].Slack, rows[0].Why, rows[0].Mend
	}
	if !slices.ContainsFunc(v.installs, func(in *schemas.Installation) bool { return in.Active() }) {
		p.slack, p.why, p.mend = nil, "Slack is not connected.", "An administrator connects it from the overview."
	}
	return p, nil
}

// typeRow is a type of the table.
type typeRow struct {
	schemas.TypeInfo
	Set      schemas.ChannelPreference // what is chosen here; empty: nothing, so that what is below it counts
	Inherits schemas.ChannelPreference // what would count then
	Why      string                    // which rule decides now
	Decided  schemas.ChannelPreference
}

// group is a category of the table.
type group struct {
	Name string
	Rows []typeRow
}

// table lays the types out by category. mine: the person's choices over the organization's; else the organization's over the types' own.
func (p *prefs) table(mine bool) (groups []group) {
	set, without := p.org, (*schemas.Preferences)(nil)
	own := (*schemas.Preferences)(nil)
	if mine {
		set, own = p.own, p.own
	}
	index := map[schemas.Category]int{}
	for _, cat := range schemas.Categories {
		index[cat.ID] = len(groups)
		groups = append(groups, group{Name: cat.Name})
	}
	for _, t := range p.types {
		i, known := index[t.Category]
		if !known {
			i, index[t.Category] = len(groups), len(groups)
			groups = append(groups, group{Name: string(t.Category)})
		}
		now := schemas.Choose(t, own, p.org)
		row := typeRow{TypeInfo: t, Decided: now.Choice, Why: ruleWords[now.Rule]}
		if set != nil {
			row.Set = set.Types[t.ID]
		}
		if without = withoutType(set, t.ID); mine {
			row.Inherits = schemas.Choose(t, without, p.org).Choice
		} else {
			row.Inherits = schemas.Choose(t, nil, without).Choice
		}
		groups[i].Rows = append(groups[i].Rows, row)
	}
	return slices.DeleteFunc(groups, func(g group) bool { return len(g.Rows) == 0 })
}

// withoutType is what counts when nothing is chosen for a type.
func withoutType(p *schemas.Preferences, t schemas.NotificationType) *schemas.Preferences {
	if p == nil {
		return nil
	}
	less := *p
	less.Types = map[schemas.NotificationType]schemas.ChannelPreference{}
	for id, choice := range p.Types {
		if id != t {
			less.Types[id] = choice
		}
	}
	return &less
}

// ruleWords name the rules as a person reads them who looks at their own settings.
var ruleWords = map[schemas.Rule]string{
	schemas.RuleUserType: "your choice", schemas.RuleUserCategory: "your choice for all of this kind", schemas.RuleOrgType: "your organization's default",
	schemas.RuleOrgCategory: "your organization's default for all of this kind", schemas.RuleTypeDefault: "the product's default",
}

// choices reads the table's form into preferences: what is inherited is absent. Categories stay as they are.
func (p *prefs) choices(v *visit, into *schemas.Preferences) error {
	next := map[schemas.NotificationType]schemas.ChannelPreference{}
	for id, choice := range into.Types { // of types that are none any more, or not yet
		next[id] = choice
	}
	for _, t := range p.types {
		values, sent := v.r.PostForm["type."+string(t.ID)]
		if !sent {
			continue
		}
		choice := schemas.ChannelPreference(values[0])
		switch {
		case choice == "":
			delete(next, t.ID)
		case !choice.Valid():
			return errSentence("Choose Email, Slack, Both or Off for " + t.Name + ".")
		case choice == schemas.PreferOff && t.Mandatory:
			return errSentence(t.Name + " cannot be turned off.")
		default:
			next[t.ID] = choice
		}
	}
	into.Types = next
	return nil
}

// stampOf stands in forms, so that nobody replaces what they have not seen.
func stampOf(at *time.Time) string {
	if at == nil {
		return "none"
	}
	return at.UTC().Format(time.RFC3339Nano)
}

func preferencesStamp(p *schemas.Preferences) string {
	if p == nil {
		return "none"
	}
	return stampOf(&p.UpdatedAt)
}

// savePreferences writes preferences of a person, or the organization's.
func (c *Console) savePreferences(ctx context.Context, p schemas.Preferences) (late []change, err error) {
	p.UpdatedAt = c.now()
	if err := p.Validate(); err != nil {
		return nil, errSentence(sentence(err))
	}
	ch, err := encoded(schemas.NotificationPreferences, schemas.OrgKey(p.OrgID, p.UserID), p, schemas.ViewOrgPreferences(p.OrgID), string(p.UserID), p.UpdatedAt)
	if err != nil {
		return nil, err
	}
	return c.apply(ctx, ch)
}

// sentence makes an error of the contracts one: they name fields as records have them.
func sentence(err error) string {
	text := strings.NewReplacer("quiet_hours.", "", "quiet_hours ", "Quiet hours ", "_", " ").Replace(err.Error())
	return strings.ToUpper(text[:1]) + text[1:] + "."
}
