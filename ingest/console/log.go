package console

import (
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/bigmind/backchannel/ingest"
	"github.com/bigmind/backchannel/ingest/actor"
	"github.com/bigmind/backchannel/ingest/deliverylog"
	"github.com/bigmind/backchannel/ingest/lists"
	"github.com/bigmind/backchannel/schemas"
)

// logRow is a delivery as the page shows it.
type logRow struct {
	deliverylog.Entry
	Who      string // the recipient's name, where the directory has it
	TypeName string
	Steps    []string // how it was decided, in words
}

// logData is what the page shows.
type logData struct {
	Rows                       []logRow
	Types                      []schemas.TypeInfo
	Who, Status, Kind, Channel string
	Request, Days              string
	Everybody                  bool // an administrator may ask about anybody
	Next                       string
	Awaited                    bool   // more may come of what was asked for, and the page looks by itself
	Again                      string // where it does
	Off                        bool   // ClickHouse is not to be had here
	Nobody                     string // who was asked for and is not known
}

const (
	logPage = 50
	// mostRecipients bounds how many people a name may mean.
	mostRecipients = 200
)

// deliveries is the delivery log: an administrator's of the organization, a member's of themselves.
func (c *Console) deliveries(v *visit) (answer, error) {
	q := v.r.URL.Query()
	d := logData{
		Who: strings.TrimSpace(q.Get("who")), Status: q.Get("status"), Kind: q.Get("type"), Channel: q.Get("channel"), Request: strings.TrimSpace(q.Get("request")),
		Days: q.Get("days"), Everybody: v.may(actor.SeePeople), Off: c.opts.Deliveries == nil,
	}
	p, err := c.loadPrefs(v, "")
	if err != nil {
		return answer{}, err
	}
	d.Types = p.types
	a := answer{template: "log", title: "Delivery log"}
	ask, err := c.logQuery(v, q, &d)
	if err == nil && !d.Off && d.Nobody == "" {
		var rows []deliverylog.Entry
		if rows, err = c.opts.Deliveries.Find(v.ctx(), v.org(), ask); err == nil {
			err = c.logRows(v, &d, rows)
		}
		d.Awaited = ask.After == nil && (len(rows) == 0 || d.Request != "") // a request may have another outcome, of a person or a channel; ClickHouse finds it by its key
	}
	if err != nil {
		return answer{}, err
	}
	same := false
	if d.Awaited {
		if d.Again, same, err = again(v, "log", "log_rows", d); err != nil {
			return answer{}, err
		}
	}
	a.data = d
	if v.part() && v.r.Header.Get("HX-Target") == "list" {
		if same {
			return unchanged, nil
		}
		a.part = "log_list"
	}
	return a, nil
}

// logQuery bounds what is asked by who asks.
func (c *Console) logQuery(v *visit, q url.Values, d *logData) (deliverylog.Query, error) {
	days, err := strconv.Atoi(d.Days)
	if err != nil || days < 1 || days > 400 {
		days, d.Days = 7, "7"
	}
	ask := deliverylog.Query{
		Type: schemas.NotificationType(d.Kind), Status: schemas.OutcomeStatus(d.Status), Channel: schemas.DeliveryChannel(d.Channel),
		Request: schemas.RequestID(d.Request), From: c.opts.Now().AddDate(0, 0, -days), Limit: logPage + 1,
	}
	if ask.After, err = deliverylog.ParseCursor(q.Get("after")); err != nil {
		ask.After = nil // the first page
	}
	if !d.Everybody {
		ask.Recipients = []string{string(v.me.UserID)}
		if v.me.Email != "" {
			ask.Recipients = append(ask.Recipients, schemas.NormalEmail(v.me.Email))
		}
		return ask, nil
	}
	if d.Who == "" {
		return ask, nil
	}
	found, err := c.called(v, lists.People(v.org()), d.Who, mostRecipients)
	if err != nil {
		return ask, err
	}
	ask.Recipients = found
	if strings.Contains(d.Who, "@") {
		ask.Recipients = append(ask.Recipients, schemas.NormalEmail(d.Who))
	}
	if len(ask.Recipients) == 0 {
		d.Nobody = d.Who
	}
	return ask, nil
}

// path is the page with the same filter, behind an entry.
func (d *logData) path(after string) string {
	q := url.Values{}
	for name, value := range map[string]string{"who": d.Who, "status": d.Status, "type": d.Kind, "channel": d.Channel, "days": d.Days, "request": d.Request, "after": after} {
		if value != "" {
			q.Set(name, value)
		}
	}
	return Home + "log?" + q.Encode()
}

// logRows names people and types, and tells how each was decided.
func (c *Console) logRows(v *visit, d *logData, rows []deliverylog.Entry) error {
	if len(rows) > logPage {
		rows = rows[:logPage]
		d.Next = d.path(rows[logPage-1].Cursor().String())
	}
	var ids []string
	for _, r := range rows {
		ids = append(ids, r.Recipient)
	}
	slices.Sort(ids)
	names, err := c.userNames(v, slices.Compact(ids))
	if err != nil {
		return err
	}
	for _, r := range rows {
		row := logRow{Entry: r, Who: r.Recipient, TypeName: string(r.Type), Steps: stepsOf(&r)}
		if name := names[r.Recipient]; name != "" {
			row.Who = name
		}
		if i := slices.IndexFunc(d.Types, func(t schemas.TypeInfo) bool { return t.ID == r.Type }); i >= 0 {
			row.TypeName = d.Types[i].Name
		} else if r.Type == schemas.SetupPromptType {
			row.TypeName = "Setup prompt of a channel"
		}
		d.Rows = append(d.Rows, row)
	}
	return nil
}

func (c *Console) userNames(v *visit, ids []string) (map[string]string, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	var users *redis.SliceCmd
	if err := ingest.Lookup(v.ctx(), c.opts.Redis, func(pipe redis.Pipeliner) { users = pipe.HMGet(v.ctx(), schemas.ViewOrgUsers(v.org()), ids...) }); err != nil {
		return nil, err
	}
	names := map[string]string{}
	for i, value := range users.Val() {
		text, _ := value.(string)
		u, err := ingest.Viewed[schemas.DirectoryUser](text)
		if err != nil {
			return nil, err
		}
		if u != nil {
			names[ids[i]] = u.Title()
		}
	}
	return names, nil
}

// theirRules name the rules of somebody else's decision.
var theirRules = map[schemas.Rule]string{
	schemas.RuleUserType: "The person's own choice for the type", schemas.RuleUserCategory: "The person's own choice for the category",
	schemas.RuleOrgType: "The organization's default for the type", schemas.RuleOrgCategory: "The organization's default for the category",
	schemas.RuleTypeDefault: "The type's own default",
}

var choiceWords = map[schemas.ChannelPreference]string{
	schemas.PreferEmail: "Email", schemas.PreferMessage: "Slack", schemas.PreferBoth: "Slack and email", schemas.PreferOff: "Off",
}

// stepsOf tells how an outcome came about.
func stepsOf(r *deliverylog.Entry) (steps []string) {
	for _, said := range r.Considered {
		rule, choice, _ := strings.Cut(said, "=")
		text := theirRules[schemas.Rule(rule)] + " says " + choiceWords[schemas.ChannelPreference(choice)]
		if schemas.Rule(rule) == r.Rule {
			text += ", and decides"
		}
		steps = append(steps, text+".")
	}
	if r.Mandatory {
		steps = append(steps, "The type cannot be turned off; an off was passed over.")
	}
	if r.Fallback {
		steps = append(steps, "The preferred channel cannot work, and the organization lets the other one take its place.")
	}
	if r.Held != "" {
		steps = append(steps, "It waited until "+when(r.HeldUntil)+". "+reasonOf(r.Held).Means)
	}
	if r.TimeZone != "" {
		steps = append(steps, "The clock of "+r.TimeZone+" counted.")
	}
	if r.Attempts > 1 {
		steps = append(steps, "It took "+strconv.Itoa(int(r.Attempts))+" attempts.")
	}
	if r.Detail != "" {
		steps = append(steps, r.Detail)
	}
	if r.Reply != "" {
		steps = append(steps, "The mail server said: "+r.Reply)
	}
	return steps
}
