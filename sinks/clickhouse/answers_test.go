package clickhouse

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	conn "github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/schemas"
)

// Fifty questions have the right answers, computed from what was said and not from ClickHouse: at first, after every topic was replayed in other batches and another
// order, after channels were re-associated and messages of any age edited and deleted, and with a sink that is killed in the midst of batches.
func TestAnalystsGetRightAnswers(t *testing.T) {
	t.Parallel()
	c := database(t)
	northwind, globex := newOrganization(t, "org-northwind", "T1", 220), newOrganization(t, "globex", "T2", 60)
	random := rand.New(rand.NewPCG(3, 9))
	write := newSink(t, c)
	all := func() []*kgo.Record { return append(northwind.records(t), globex.records(t)...) }

	write(all()...)
	check(t, c, "at first", northwind)
	document(t, c)
	examples(t, c)
	runbooks(t, c)
	dbt(t, c)
	nulls(t, c)

	replayed := all()
	random.Shuffle(len(replayed), func(i, j int) { replayed[i], replayed[j] = replayed[j], replayed[i] })
	for batch := range slices.Chunk(replayed, 97) {
		write(batch...)
	}
	for _, table := range []string{"messages", "message_texts", "channel_associations"} {
		exec(t, c, "OPTIMIZE TABLE "+table+" FINAL")
	}
	check(t, c, "replayed and merged", northwind)

	northwind.link(t, northwind.rooms[2], link{"a3", "", began + 50*aDay})
	northwind.link(t, northwind.rooms[3], link{"a2", "d1", began + 50*aDay})
	northwind.link(t, northwind.rooms[1], link{"", "", began + 50*aDay})
	for n, s := range northwind.said {
		switch {
		case n%6 == 0:
			northwind.edit(s)
		case n%11 == 0:
			northwind.delete(s)
		}
	}
	killed(t, c, random, all())
	check(t, c, "changed, by a sink that was killed", northwind)
}

// killed writes batches of which many break off somewhere, as when the process is killed; then the same again, since nothing was committed.
func killed(t *testing.T, c conn.Conn, random *rand.Rand, records []*kgo.Record) {
	t.Helper()
	for from := 0; from < len(records); {
		to := min(from+50+random.IntN(100), len(records))
		ctx, cancel := context.WithCancel(t.Context())
		kill := time.AfterFunc(time.Duration(random.IntN(30))*time.Millisecond, cancel)
		_, err := Definition(c, 1000, time.Millisecond).Sink.Write(ctx, records[from:to])
		kill.Stop()
		cancel()
		if err == nil || random.IntN(4) == 0 { // sooner or later it gets through
			newSink(t, c)(records[from:to]...)
			from = to
		}
	}
}

func check(t *testing.T, c conn.Conn, when string, w *organization) {
	t.Helper()
	for _, q := range questions {
		want := q.truth(w)
		slices.Sort(want)
		got := rows(t, c, q.sql)
		slices.Sort(got)
		if len(want) == 0 {
			t.Errorf("%s: %s has no answer in this data: it shows nothing", when, q.question)
		}
		if diff := cmp.Diff([]string(want), got); diff != "" {
			t.Errorf("%s: %s\n%s\n(-truth +answer):\n%s", when, q.question, q.sql, diff)
		}
	}
	for view, condition := range map[string]string{ // their rows, column by column
		"org_search(org = 'org-northwind', words = 'renewal')":                       "org_id = 'org-northwind' AND hasAllTokens(text, 'renewal')",
		"org_search(org = 'globex', words = 'sso')":                                  "org_id = 'globex' AND hasAllTokens(text, 'sso')",
		"account_search(org = 'org-northwind', account = 'a2', words = 'invoice')":   "org_id = 'org-northwind' AND account_id = 'a2' AND hasAllTokens(text, 'invoice')",
		"account_search(org = 'org-northwind', account = 'a9', words = 'Pricing')":   "org_id = 'org-northwind' AND account_id = 'a9' AND hasAllTokens(text, 'pricing')",
		"account_search(org = 'globex', account = 'a1', words = 'renewal discount')": "org_id = 'globex' AND account_id = 'a1' AND hasAllTokens(text, 'renewal discount')",
	} {
		const inOrder = " ORDER BY channel_id, ts"
		want := rows(t, c, "SELECT * FROM conversations WHERE "+condition+inOrder)
		if len(want) == 0 {
			t.Errorf("%s: nothing is found by %s: it shows nothing", when, condition)
		}
		if diff := cmp.Diff(want, rows(t, c, "SELECT * FROM "+view+inOrder)); diff != "" {
			t.Errorf("%s: %s (-conversations +view):\n%s", when, view, diff)
		}
	}
}

// One organization's views have none of another's rows, and do not tell that there is one.
func TestOrgViewsHaveOneOrganization(t *testing.T) {
	t.Parallel()
	c := database(t)
	write := newSink(t, c)
	const purged = "INSERT INTO retention_log (org_id, policy, table_name, rows, at) VALUES ('%s', 'deleted', 'message_texts', 1, now())"
	write(newOrganization(t, "acme", "T1", 40).records(t)...)
	exec(t, c, fmt.Sprintf(purged, "acme"))
	tables, err := schemas.Tables()
	if err != nil {
		t.Fatal(err)
	}
	calls := func(org, team string) map[string]string { return orgViews(t, c, tables, org, team) }
	alone := map[string][]string{}
	for view, call := range calls("acme", "T1") {
		alone[view] = rows(t, c, "SELECT count() FROM "+call)
	}
	write(newOrganization(t, "globex", "T2", 40).records(t)...)
	exec(t, c, fmt.Sprintf(purged, "globex"))
	for view, call := range calls("acme", "T1") {
		if diff := cmp.Diff(alone[view], rows(t, c, "SELECT count() FROM "+call)); diff != "" {
			t.Errorf("%s tells of another organization (-alone +with another):\n%s", call, diff)
		}
	}
	for _, call := range calls("globex", "T2") {
		if got := rows(t, c, "SELECT DISTINCT org_id FROM "+call); len(got) != 1 || got[0] != "('globex')" {
			t.Errorf("%s has rows of %v", call, got)
		}
	}
	for _, org := range []string{"nobody", "globex"} { // one that is none, and one that asks for what is another's
		for view, call := range calls(org, "T1") {
			if got := rows(t, c, "SELECT count() FROM "+call); got[0] != "(0)" && (org == "nobody" || strings.Contains(call, "team = ")) {
				t.Errorf("%s: %s has %s rows", view, call, got)
			}
		}
	}
}

// orgViews are calls of each view of one organization. A parameter that is new has to be told here.
func orgViews(t *testing.T, c conn.Conn, tables []schemas.Table, org, team string) map[string]string {
	t.Helper()
	values := map[string]string{"org": org, "team": team, "account": "a1", "channel": "C1", "words": "renewal", "since": "2000-01-01 00:00:00", "root": "0"}
	if roots := rows(t, c, "SELECT max(thread_ts) FROM messages WHERE channel_id = 'C1' AND team_id = '"+team+"'"); len(roots) > 0 {
		values["root"] = strings.Trim(roots[0], "()'")
	}
	calls := map[string]string{}
	for _, view := range tables {
		if !slices.ContainsFunc(view.Params, func(p schemas.Column) bool { return p.Name == "org" }) {
			continue
		}
		var args []string
		for _, p := range view.Params {
			value, known := values[p.Name]
			if !known {
				t.Fatalf("%s has a parameter %s, of which this test has no value", view.Name, p.Name)
			}
			args = append(args, p.Name+" = '"+value+"'")
		}
		calls[view.Name] = view.Name + "(" + strings.Join(args, ", ") + ")"
	}
	if len(calls) < 20 {
		t.Fatalf("views %v", calls)
	}
	return calls
}

// A tombstone is its organization's: whoever sees only the rows of that one sees what it takes away.
func TestTombstonesAreTheirOrganizations(t *testing.T) {
	t.Parallel()
	c := database(t)
	write := newSink(t, c)
	acme := newOrganization(t, "acme", "T1", 0)
	write(acme.controls...)
	for _, r := range acme.controls {
		gone := *r
		gone.Value, gone.Offset = nil, r.Offset+1000
		if r.Topic == "channel.associations" || strings.HasPrefix(r.Topic, "slack.") || r.Topic == "sync.checkpoints" {
			write(&gone)
		}
	}
	for _, table := range []string{"channel_associations", "slack_users", "slack_channels", "sync_coverage"} {
		if got := rows(t, c, "SELECT DISTINCT org_id FROM "+table); len(got) != 1 || got[0] != "('acme')" {
			t.Errorf("%s has rows of %v", table, got)
		}
	}
	for _, table := range []string{"current_associations", "slack_users FINAL", "slack_channels FINAL", "sync_coverage FINAL"} {
		if got := rows(t, c, "SELECT count() FROM "+table+" WHERE org_id = 'acme'"); got[0] != "(0)" {
			t.Errorf("%s has %s rows still", table, got)
		}
	}
}
