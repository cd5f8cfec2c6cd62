package conversation

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bigmind/backchannel/deploy/apply/applytest"
	"github.com/bigmind/backchannel/deploy/embedded/chdb/chdbtest"
	"github.com/bigmind/backchannel/ingest/conversation"
	"github.com/bigmind/backchannel/schemas"
)

var engineAddr string

func TestMain(m *testing.M) {
	chdbtest.Main(m, func(_ context.Context, addr string) error {
		engineAddr = addr
		return nil
	})
}

const began = 1_700_000_000

func at(second int) time.Time { return time.Unix(began+int64(second), 0).UTC() }
func ts(second int) string    { return string(schemas.TSOf(uint64(at(second).UnixMicro()))) }

// filled is a conversation: each message takes 11 characters, 10 of text and one of its author's name.
func filled(t *testing.T) ClickHouse {
	t.Helper()
	conn := applytest.Database(t, engineAddr, "conversation")
	var rows []string
	say := func(org, channel string, second, root int, text string, deleted, version int) {
		thread := ""
		if root > 0 {
			thread = ts(root)
		}
		rows = append(rows, fmt.Sprintf("('%s', 'T1', '%s', '%s', toDateTime64('%s', 6, 'UTC'), %d, %d, '%s', 'U1', 'A', 1, '%s')", org, channel, ts(second), at(second).Format(time.DateTime), version, deleted, thread, text))
	}
	say("acme", "C1", 1, 0, "first.....", 0, 1)
	say("acme", "C1", 2, 0, "root......", 0, 1)
	say("acme", "C2", 3, 0, "other.....", 0, 1)
	say("acme", "C1", 4, 2, "reply.....", 0, 1)
	say("acme", "C1", 5, 0, "before....", 0, 1)
	say("acme", "C1", 5, 0, "edited....", 0, 2)
	say("acme", "C1", 6, 0, "deleted...", 0, 1)
	say("acme", "C1", 6, 0, "", 1, 2)
	say("acme", "C1", 7, 2, "late reply", 0, 1)
	say("acme", "C3", 8, 0, "dissociatd", 0, 1)
	say("acme", "C4", 9, 0, "account a2", 0, 1)
	say("globex", "C1", 9, 0, "of globex.", 0, 1)
	for _, sql := range []string{
		"INSERT INTO messages (org_id, team_id, channel_id, ts, ts_time, version, is_deleted, thread_ts, user_id, author_name, is_external, text) VALUES " + strings.Join(rows, ", "),
		`INSERT INTO channel_associations (org_id, team_id, channel_id, account_id, deal_id, version) VALUES ('acme', 'T1', 'C1', 'a1', 'd1', 1), ('acme', 'T1', 'C2', 'a1', '', 1),
			('acme', 'T1', 'C3', 'a1', '', 1), ('acme', 'T1', 'C3', '', '', 2), ('acme', 'T1', 'C4', 'a2', '', 1)`,
		"INSERT INTO slack_channels (org_id, team_id, channel_id, name, version) VALUES ('acme', 'T1', 'C1', 'customer', 1)",
		"INSERT INTO slack_users (org_id, team_id, user_id, company_name, is_external, version) VALUES ('acme', 'T1', 'U1', '', 1, 1)",
	} {
		if err := conn.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	return ClickHouse{Conn: conn}
}

// drawn is a page as words: threads in braces.
func drawn(p conversation.Page) string {
	var all []string
	for _, thread := range p.Threads {
		var words []string
		for _, m := range thread.Messages {
			word := strings.Trim(m.Text, ".")
			if m.TooLong {
				word = fmt.Sprint("too long: ", m.Characters)
			}
			words = append(words, word)
		}
		if thread.Earlier {
			words = slices.Insert(words, 0, "…")
		}
		all = append(all, "{"+strings.Join(words, ", ")+"}")
	}
	return strings.Join(all, " ")
}

// pages reads all of them.
func pages(t *testing.T, c ClickHouse, org schemas.OrgID, q conversation.Query) string {
	t.Helper()
	var all []string
	for range 20 {
		p, err := c.Read(t.Context(), org, q)
		if err != nil {
			t.Fatal(err)
		}
		size := 0
		for _, thread := range p.Threads {
			for _, m := range thread.Messages {
				if !m.TooLong {
					size += m.Characters
				}
			}
		}
		if size > q.Budget {
			t.Errorf("a page of %d characters is over the budget of %d", size, q.Budget)
		}
		all = append(all, drawn(p))
		if p.Next == nil {
			return strings.Join(all, " | ")
		}
		if p.Next.Account != q.Account || p.Next.Since != micros(q.Since) {
			t.Errorf("the cursor %+v is of another walk than %+v", p.Next, q)
		}
		if q.Before, err = conversation.ParseCursor(p.Next.String()); err != nil {
			t.Fatal(err)
		}
	}
	t.Fatal("the pages do not end")
	return ""
}

func TestRead(t *testing.T) {
	c := filled(t)
	for name, tt := range map[string]struct {
		org    schemas.OrgID
		q      conversation.Query
		budget int
		want   string
	}{
		"all":                      {"acme", conversation.Query{}, 1000, "{first} {other} {edited} {root, reply, late reply}"},
		"threads are kept whole":   {"acme", conversation.Query{}, 43, "{root, reply, late reply} | {first} {other} {edited}"},
		"one at a time":            {"acme", conversation.Query{}, 33, "{root, reply, late reply} | {first} {other} {edited}"},
		"a thread over the budget": {"acme", conversation.Query{}, 22, "{…, reply, late reply} | {edited} {root} | {first} {other}"},
		"hardly anything":          {"acme", conversation.Query{}, 11, "{…, late reply} | {…, reply} | {root} | {edited} | {other} | {first}"},
		"a message over it":        {"acme", conversation.Query{}, 10, "{too long: 11} {too long: 11} {too long: 11} {too long: 11, too long: 11, too long: 11}"},
		"since":                    {"acme", conversation.Query{Since: at(5)}, 1000, "{edited} {root, reply, late reply}"},
		"until":                    {"acme", conversation.Query{Until: at(4)}, 1000, "{first} {other} {root, reply}"},
		"another account":          {"acme", conversation.Query{Account: "a2"}, 1000, "{account a2}"},
		"another organization":     {"globex", conversation.Query{}, 1000, ""},
		"nobody's":                 {"acme", conversation.Query{Account: `a1' OR '1'='1\`}, 1000, ""},
	} {
		tt.q.Budget = tt.budget
		if tt.q.Account == "" {
			tt.q.Account = "a1"
		}
		if tt.q.Until.IsZero() {
			tt.q.Until = at(100)
		}
		if got := pages(t, c, tt.org, tt.q); got != tt.want {
			t.Errorf("%s: %s\nwant %s", name, got, tt.want)
		}
	}
	p, err := c.Read(t.Context(), "acme", conversation.Query{Account: "a1", Until: at(100), Budget: 100})
	if err != nil {
		t.Fatal(err)
	}
	last := p.Threads[len(p.Threads)-1]
	m := last.Messages[0]
	if last.ChannelName != "customer" || last.DealID != "d1" || !last.LastActivity.Equal(at(7)) || m.Author != "A" || !m.External || m.UserID != "U1" || !m.SaidAt.Equal(at(2)) || m.Characters != 11 {
		t.Errorf("%+v", last)
	}
}
