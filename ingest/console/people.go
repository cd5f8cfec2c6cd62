package console

import (
	"encoding/base64"
	"net/url"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/bigmind/backchannel/ingest"
	"github.com/bigmind/backchannel/ingest/lists"
	"github.com/bigmind/backchannel/schemas"
)

// personRow is a directory user, and whom they are in Slack.
type personRow struct {
	User  schemas.DirectoryUser
	Slack *schemas.SlackUser // nil: nobody
	Why   string             // why nobody
	Mend  string
}

// peopleData is what the page shows.
type peopleData struct {
	Text, State               string
	Rows                      []personRow
	Open, Matched, Ended      int64
	Connected                 bool
	Next, First, Again        string
	StateOpen, Done, Disabled string
}

// people lists directory users, those without a match first, and says why.
func (c *Console) people(v *visit) (answer, error) {
	q := v.r.URL.Query()
	d := peopleData{Text: strings.TrimSpace(q.Get("q")), State: q.Get("state")}
	for _, in := range v.installs {
		d.Connected = d.Connected || in.Active()
	}
	ids, err := c.peoplePage(v, q, &d)
	if err != nil {
		return answer{}, err
	}
	if d.Rows, err = c.personRows(v, ids); err != nil {
		return answer{}, err
	}
	var same bool
	if d.Again, same, err = again(v, "people", "people_rows", d); err != nil {
		return answer{}, err
	}
	a := answer{template: "people", title: "People", data: d}
	if v.part() && v.r.Header.Get("HX-Target") == "list" {
		if same {
			return unchanged, nil
		}
		a.part = "people_list"
	}
	return a, nil
}

func (c *Console) peoplePage(v *visit, q url.Values, d *peopleData) ([]string, error) {
	ctx, list := v.ctx(), lists.People(v.org())
	counts := make([]*redis.IntCmd, 3)
	states := []string{schemas.StateOpen, schemas.StateDone, schemas.StateEnded}
	err := ingest.Lookup(ctx, c.opts.Redis, func(pipe redis.Pipeliner) {
		for i, s := range states {
			counts[i] = lists.Count(ctx, pipe, list, s)
		}
	})
	if err != nil {
		return nil, err
	}
	d.Open, d.Matched, d.Ended = counts[0].Val(), counts[1].Val(), counts[2].Val()
	if i := map[string]int{"unmatched": 1, "matched": 2, "disabled": 3}[d.State]; i > 0 {
		states = states[i-1 : i]
	}
	after, _ := base64.RawURLEncoding.DecodeString(q.Get("after")) // anything else is the beginning
	if len(after) > 0 {
		d.First = d.path("")
	}
	found, err := lists.Find(ctx, c.opts.Redis, list, lists.Query{States: states, Text: d.Text, Search: d.Text != "", After: string(after), Limit: pageSize})
	if found.After != "" {
		d.Next = d.path(base64.RawURLEncoding.EncodeToString([]byte(found.After)))
	}
	return found.IDs, err
}

// path is the page with the same filter, behind an entry.
func (d *peopleData) path(after string) string {
	q := url.Values{}
	for name, value := range map[string]string{"q": d.Text, "state": d.State, "after": after} {
		if value != "" {
			q.Set(name, value)
		}
	}
	return Home + "people?" + q.Encode()
}

// personRows reads users and the Slack users who have their emails: three round trips.
func (c *Console) personRows(v *visit, ids []string) ([]personRow, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	ctx := v.ctx()
	var users *redis.SliceCmd
	if err := ingest.Lookup(ctx, c.opts.Redis, func(pipe redis.Pipeliner) { users = pipe.HMGet(ctx, schemas.ViewOrgUsers(v.org()), ids...) }); err != nil {
		return nil, err
	}
	var rows []personRow
	for _, value := range users.Val() {
		text, _ := value.(string)
		u, err := ingest.Viewed[schemas.DirectoryUser](text)
		if err != nil {
			return nil, err
		}
		if u != nil && u.OrgID == v.org() {
			rows = append(rows, personRow{User: *u})
		}
	}
	candidates, err := c.candidates(v, rows)
	if err != nil {
		return nil, err
	}
	for i := range rows {
		rows[i].match(v, candidates[i])
	}
	return rows, c.namesakes(v, rows)
}

// candidates are the Slack users who have, or once had, the email of each row.
func (c *Console) candidates(v *visit, rows []personRow) ([][]schemas.SlackUser, error) {
	ctx, sets := v.ctx(), make([]*redis.StringSliceCmd, len(rows))
	err := ingest.Lookup(ctx, c.opts.Redis, func(pipe redis.Pipeliner) {
		for i, r := range rows {
			sets[i] = &redis.StringSliceCmd{}
			if r.User.Email != "" {
				sets[i] = pipe.SMembers(ctx, schemas.ViewOrgSlackEmail(v.org(), r.User.Email))
			}
		}
	})
	if err != nil {
		return nil, err
	}
	found := make([][]*redis.StringCmd, len(rows))
	err = ingest.Lookup(ctx, c.opts.Redis, func(pipe redis.Pipeliner) {
		for i, set := range sets {
			for _, id := range set.Val() {
				found[i] = append(found[i], pipe.HGet(ctx, schemas.ViewOrgSlackUsers(v.org()), id))
			}
		}
	})
	if err != nil {
		return nil, err
	}
	out := make([][]schemas.SlackUser, len(rows))
	for i := range found {
		for _, cmd := range found[i] {
			u, err := ingest.Viewed[schemas.SlackUser](cmd.Val())
			if err != nil {
				return nil, err
			}
			if u != nil && u.OrgID == v.org() && schemas.NormalEmail(u.Email) == schemas.NormalEmail(rows[i].User.Email) {
				out[i] = append(out[i], *u)
			}
		}
	}
	return out, nil
}

// match chooses as the pipeline does (processors/route), or says why nobody is chosen.
func (r *personRow) match(v *visit, candidates []schemas.SlackUser) {
	for i := range candidates {
		u := &candidates[i]
		in := v.install(u.TeamID)
		switch {
		case u.Matchable() && in != nil && in.Active():
			if r.Slack == nil || u.TeamID < r.Slack.TeamID || u.TeamID == r.Slack.TeamID && u.UserID < r.Slack.UserID {
				r.Slack = u
			}
		case u.Deleted:
			r.Why, r.Mend = "Their Slack account is deactivated.", "Reactivate it in Slack, or choose Email for them."
		case u.IsBot:
			r.Why, r.Mend = "The Slack account with this email is a bot.", "Invite the person to the workspace with their own account."
		case u.IsExternal:
			r.Why, r.Mend = "The Slack account with this email is another company's.", "Invite the person to your workspace."
		default:
			r.Why, r.Mend = "The workspace that they are in is not connected.", "Connect it from the overview."
		}
	}
	switch {
	case r.Slack != nil:
		r.Why, r.Mend = "", ""
	case r.User.Disabled:
		r.Why, r.Mend = "Disabled in Bigmind: they get no notifications.", "Enable the user, if they should."
	case r.User.Email == "":
		r.Why, r.Mend = "They have no email address in Bigmind, by which people are matched.", "Add the address to the directory."
	case r.Why == "":
		r.Why, r.Mend = "Nobody in the connected workspaces has this email.", "They must be in the workspace, with the same email as in Bigmind."
	}
}

// namesakes looks for unmatched people by their names: likely they are in Slack under another email.
func (c *Console) namesakes(v *visit, rows []personRow) error {
	ctx, found := v.ctx(), make([]*redis.StringSliceCmd, len(rows))
	err := ingest.Lookup(ctx, c.opts.Redis, func(pipe redis.Pipeliner) {
		for i, r := range rows {
			name := schemas.FoldWords(r.User.Name)
			found[i] = &redis.StringSliceCmd{}
			if r.Slack == nil && !r.User.Disabled && name != "" {
				prefix := schemas.EntryName + schemas.CutEntry(name) + schemas.EntryEnd
				found[i] = pipe.ZRangeByLex(ctx, schemas.ViewOrgSlackIndex(v.org()), &redis.ZRangeBy{Min: "[" + prefix, Max: "(" + prefix + "\xff", Count: 1})
			}
		}
	})
	if err != nil {
		return err
	}
	users := make([]*redis.StringCmd, len(rows))
	err = ingest.Lookup(ctx, c.opts.Redis, func(pipe redis.Pipeliner) {
		for i := range rows {
			users[i] = &redis.StringCmd{}
			if ids := idsOf(found[i].Val()); len(ids) > 0 {
				users[i] = pipe.HGet(ctx, schemas.ViewOrgSlackUsers(v.org()), ids[0])
			}
		}
	})
	if err != nil {
		return err
	}
	for i := range rows {
		u, err := ingest.Viewed[schemas.SlackUser](users[i].Val())
		if err != nil {
			return err
		}
		if u == nil || schemas.NormalEmail(u.Email) == schemas.NormalEmail(rows[i].User.Email) {
			continue
		}
		email := u.Email
		if email == "" {
			email = "no email address"
		}
		rows[i].Why = "The emails do not match: " + u.Name + " is in Slack with " + email + "."
		rows[i].Mend = "Change one of the two addresses, so that they are the same."
	}
	return nil
}

// idsOf are the ids of members of an index.
func idsOf(members []string) (ids []string) {
	for _, m := range members {
		if i := strings.LastIndex(m, schemas.EntryEnd); i >= 0 {
			ids = append(ids, m[i+1:])
		}
	}
	return ids
}
