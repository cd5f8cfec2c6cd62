package clickhouse

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/schemas"
)

// An account that is gone keeps its channels, which say so, and name it by its id; so it does for a deal.
func TestAnAccountThatIsGoneSaysSo(t *testing.T) {
	t.Parallel()
	c := database(t)
	write := newSink(t, c)
	account := record(t, schemas.CRMAccounts.Spec, "acme/a1", schemas.Account{OrgID: "acme", AccountID: "a1", Name: "Acme Corp"})
	deal := record(t, schemas.CRMDeals.Spec, "acme/d1", schemas.Deal{OrgID: "acme", DealID: "d1", AccountID: "a1", Name: "Renewal"})
	write(associate(t, 1, "acme", "T1", "C1", "a1", "d1"), associate(t, 2, "acme", "T1", "C2", "a1", ""), account, deal)
	for _, channel := range []schemas.ChannelID{"C1", "C2"} {
		m := said("1727384523.000200", 1, "hello")
		m.ChannelID = channel
		write(message(t, m))
	}
	check := func(want ...string) {
		t.Helper()
		if got := rows(t, c, "SELECT channel_id, account_id, account_name, account_gone, deal_name FROM conversations ORDER BY channel_id"); !slices.Equal(got, want) {
			t.Errorf("%v, want %v", got, want)
		}
	}
	check("('C1','a1','Acme Corp',0,'Renewal')", "('C2','a1','Acme Corp',0,'')")
	for _, rec := range []*kgo.Record{account, deal} {
		gone := *rec
		gone.Value, gone.Offset = nil, rec.Offset+1
		write(&gone)
	}
	check("('C1','a1','a1',1,'d1')", "('C2','a1','a1',1,'')")
	account.Offset += 2
	write(account)
	check("('C1','a1','Acme Corp',0,'d1')", "('C2','a1','Acme Corp',0,'')")
}

// A time filter on the view skips the months before it, although FINAL compares versions.
func TestATimeFilterSkipsMonths(t *testing.T) {
	t.Parallel()
	c := database(t)
	write := newSink(t, c)
	for _, ts := range []schemas.TS{"1780000000.000100", "1783000000.000100", "1790000000.000100"} {
		micros, err := ts.Micros()
		if err != nil {
			t.Fatal(err)
		}
		write(record(t, schemas.ContextMessages.Spec, schemas.TeamChannelKey("T1", "C1"), schemas.ContextMessage{
			OrgID: "acme", TeamID: "T1", ChannelID: "C1", TS: ts, Version: micros, UserID: "U1", Text: "said", Source: "live", ReceivedAt: time.Unix(1790000000, 0),
		}))
	}
	plan := strings.Join(rows(t, c, "EXPLAIN indexes = 1 SELECT count() FROM conversations WHERE ts_time > toDateTime64('2026-09-01 00:00:00', 6, 'UTC')"), "\n")
	if !strings.Contains(plan, "Parts: 1/3") {
		t.Errorf("the plan does not read one month of three:\n%s", plan)
	}
}

// What is searched for is found as it reads now: neither what was edited away, deleted or dissociated, nor another account's or organization's; and a thread is
// its root and its replies, of any month.
func TestSearches(t *testing.T) {
	t.Parallel()
	c := database(t)
	write := newSink(t, c)
	write(associate(t, 1, "acme", "T1", "C1", "a1", ""), associate(t, 2, "acme", "T1", "C2", "a2", ""), associate(t, 3, "globex", "T2", "C1", "a1", ""), associate(t, 4, "acme", "T1", "C3", "", ""))
	const root = "1780000000.000100"
	say := func(org schemas.OrgID, team schemas.TeamID, channel schemas.ChannelID, ts schemas.TS, version uint64, text string, change func(*schemas.ContextMessage)) {
		m := schemas.ContextMessage{OrgID: org, TeamID: team, ChannelID: channel, TS: ts, Version: version, UserID: "U1", Text: text, Source: "live", ReceivedAt: time.Unix(1790000000, 0)}
		if change != nil {
			change(&m)
		}
		write(message(t, m))
	}
	reply := func(m *schemas.ContextMessage) { m.ThreadTS = root }
	say("acme", "T1", "C1", root, 1, "Renewal of SSO", nil)
	say("acme", "T1", "C1", "1783000000.000100", 1, "the renewal waits", reply)
	say("acme", "T1", "C1", "1790000000.000100", 1, "yes", reply)
	say("acme", "T1", "C1", "1780000001.000100", 1, "renewal?", nil)
	say("acme", "T1", "C1", "1780000001.000100", 2, "nothing", func(m *schemas.ContextMessage) { m.EditedTS = "1780000009.000000" })
	say("acme", "T1", "C1", "1780000002.000100", 1, "nothing", nil)
	say("acme", "T1", "C1", "1780000002.000100", 2, "a renewal", func(m *schemas.ContextMessage) { m.EditedTS = "1780000009.000000" })
	say("acme", "T1", "C1", "1780000003.000100", 1, "renewal, deleted", nil)
	say("acme", "T1", "C1", "1780000003.000100", 2, "", func(m *schemas.ContextMessage) { m.Deleted = true })
	say("acme", "T1", "C2", "1780000004.000100", 1, "the other account's renewal", nil)
	say("acme", "T1", "C3", "1780000005.000100", 1, "renewal of a channel that is no account's", nil)
	say("globex", "T2", "C1", root, 1, "the other company's renewal", nil)
	for call, want := range map[string][]string{
		"account_search(org = 'acme', account = 'a1', words = 'renewal')":                             {"('1780000000.000100')", "('1780000002.000100')", "('1783000000.000100')"},
		"account_search(org = 'acme', account = 'a1', words = 'sso RENEWAL')":                         {"('1780000000.000100')"},
		"account_search(org = 'acme', account = 'none', words = 'renewal')":                           nil,
		"org_search(org = 'acme', words = 'renewal')":                                                 {"('1780000000.000100')", "('1780000002.000100')", "('1780000004.000100')", "('1783000000.000100')"},
		"org_search(org = 'acme', words = 'renew')":                                                   nil,
		"org_search(org = 'globex', words = 'renewal')":                                               {"('1780000000.000100')"},
		"thread_conversations(org = 'acme', team = 'T1', channel = 'C1', root = '" + root + "')":      {"('1780000000.000100')", "('1783000000.000100')", "('1790000000.000100')"},
		"thread_conversations(org = 'globex', team = 'T1', channel = 'C1', root = '" + root + "')":    nil,
		"thread_conversations(org = 'acme', team = 'T1', channel = 'C1', root = '1783000000.000100')": nil, // a reply is no root
		"thread_conversations(org = 'acme', team = 'T1', channel = 'C1', root = 'no ts')":             nil,
	} {
		if got := rows(t, c, "SELECT ts FROM "+call+" ORDER BY ts"); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", call, got, want)
		}
	}
}

// Who waits is told by where it was answered: a reply in its thread, anything else in the channel, or in its own thread once one began.
func TestWhenCustomersAreAnswered(t *testing.T) {
	t.Parallel()
	c := database(t)
	write := newSink(t, c)
	type line struct {
		at, thread int // 0: outside threads
		who        string
	}
	const customer, we, robot = "customer", "we", "robot"
	for name, tt := range map[string]struct {
		said []line
		want []string // of each of the customer's messages: when it was asked and answered; 0: it waits
	}{
		"in the channel":                {[]line{{1, 0, customer}, {2, 0, we}}, []string{"1 2"}},
		"by nobody":                     {[]line{{1, 0, we}, {2, 0, customer}, {3, 0, customer}, {4, 0, robot}}, []string{"2 0", "3 0"}},
		"two by one":                    {[]line{{1, 0, customer}, {2, 0, customer}, {3, 0, we}, {4, 0, we}}, []string{"1 3", "2 3"}},
		"in the thread":                 {[]line{{1, 0, customer}, {2, 1, we}, {3, 0, we}}, []string{"1 2"}},
		"not by what is said elsewhere": {[]line{{1, 0, customer}, {2, 1, customer}, {3, 0, we}}, []string{"1 0", "2 0"}},
		"before its thread began":       {[]line{{1, 0, customer}, {2, 0, we}, {3, 1, customer}}, []string{"1 2", "3 0"}},
		"before somebody of ours wrote into its thread":       {[]line{{1, 0, customer}, {2, 0, we}, {3, 1, we}}, []string{"1 2"}},
		"by a message that a thread hangs on":                 {[]line{{1, 0, customer}, {2, 0, we}, {3, 2, customer}}, []string{"1 2", "3 0"}},
		"a reply not by the channel":                          {[]line{{1, 0, we}, {2, 1, customer}, {3, 0, we}, {5, 1, we}}, []string{"2 5"}},
		"a reply to what is gone":                             {[]line{{2, 1, customer}, {3, 1, we}}, []string{"2 3"}},
		"not by a reply to another":                           {[]line{{1, 0, we}, {2, 0, customer}, {3, 1, we}}, []string{"2 0"}},
		"by the first of ours, whatever others say meanwhile": {[]line{{1, 0, customer}, {2, 1, robot}, {3, 1, customer}, {4, 1, we}}, []string{"1 4", "3 4"}},
	} {
		org := schemas.OrgID(strings.ReplaceAll(name, " ", "-"))
		team := schemas.TeamID("T" + org)
		batch := []*kgo.Record{associate(t, 1, org, team, "C1", "a1", "")}
		at := func(n int) schemas.TS { return schemas.TSOf(uint64(1_790_000_000+n) * 1_000_000) }
		for _, l := range tt.said {
			m := said(at(l.at), 1, "text")
			m.OrgID, m.TeamID, m.IsExternal = org, team, l.who == customer
			if l.thread != 0 {
				m.ThreadTS = at(l.thread)
			}
			if l.who == robot {
				m.BotID = "B1"
			}
			batch = append(batch, message(t, m))
		}
		write(batch...)
		for _, view := range []string{"org_customer_messages(org = '" + string(org) + "')", "recent_customer_messages(org = '" + string(org) + "', since = '2020-01-01 00:00:00')"} {
			got := rows(t, c, "SELECT concat(toString(toUnixTimestamp(ts_time) - 1790000000), ' ', toString(if(answered_at IS NULL, 0, toUnixTimestamp(assumeNotNull(answered_at)) - 1790000000))) FROM "+view+" ORDER BY ts_time")
			for i := range got {
				got[i] = strings.Trim(got[i], "()'")
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("%s: %s (-want +got):\n%s", name, view, diff)
			}
		}
	}
}

// A word is found whatever stands beside it, as people and their phones type.
func TestSearchesFindWordsAsTheyAreTyped(t *testing.T) {
	t.Parallel()
	c := database(t)
	write := newSink(t, c)
	write(associate(t, 1, "acme", "T1", "C1", "a1", ""))
	for i, text := range []string{"“Quarterly” numbers—please", "don’t renew…", "»Angebot« „Vertrag“ ¿Qué?", "Zürich\u00a0Nord", "emoji🙏glued", "Hauptstraße 5", "Mu\u0308ller", "価格の見積もり、です", "plain, ASCII-text"} {
		m := said(schemas.TSOf(uint64(1_790_000_000_000_000+i*1_000_000)), 1, text)
		write(message(t, m))
	}
	for _, index := range []string{"read", "by the index"} {
		for words, want := range map[string]int{
			"quarterly": 1, "NUMBERS": 1, "please": 1, "renew": 1, "don't": 1, "don’t": 1, "angebot": 1, "Vertrag": 1, "qué": 1, "zürich nord": 1, "emoji": 1, "glued": 1,
			"HAUPTSTRASSE": 1, "müller": 1, "MÜLLER": 1, "価格の見積もり": 1, "价格": 0, "ascii": 1, "quarter": 0, "nothing": 0, "": 0, "…": 0, "🙏": 0,
		} {
			for _, search := range []string{"org_search(org = 'acme', words = " + schemas.SQLString(words) + ")", "account_search(org = 'acme', account = 'a1', words = " + schemas.SQLString(words) + ")"} {
				if got := rows(t, c, "SELECT text FROM "+search); len(got) != want {
					t.Errorf("%s: %s finds %v, want %d", index, search, got, want)
				}
			}
			if got := rows(t, c, "SELECT text FROM conversations WHERE hasAllTokens(text, "+schemas.SQLString(words)+")"); len(got) != want {
				t.Errorf("%s: conversations with %q are %v, want %d", index, words, got, want)
			}
		}
		exec(t, c, "ALTER TABLE messages MATERIALIZE INDEX words SETTINGS mutations_sync = 2")
		exec(t, c, "OPTIMIZE TABLE messages FINAL")
	}
}

// A search knows the last version of what it found, in whatever part and granule that is, and also when it is asked for more words.
func TestSearchesSeeTheLastVersion(t *testing.T) {
	t.Parallel()
	c := database(t)
	newSink(t, c)(associate(t, 1, "acme", "T1", "C1", "a1", ""))
	exec(t, c, "SYSTEM STOP MERGES messages")
	insert := func(version int, deleted, which string) { // with its indexes, which a sink leaves to merges
		exec(t, c, fmt.Sprintf(`INSERT INTO messages (org_id, team_id, channel_id, ts, ts_time, version, is_deleted, text)
SELECT 'acme', 'T1', 'C1', toString(1780000000 + number) || '.000100', fromUnixTimestamp64Micro(toInt64((1780000000 + number) * 1000000 + 100), 'UTC'), %d, %s, 'Renewal word' || toString(number %% 100)
FROM numbers(20000) WHERE %s SETTINGS max_partitions_per_insert_block = 0`, version, deleted, which))
	}
	insert(1, "0", "1")
	insert(2, "1", "number % 300 = 7")
	exec(t, c, `INSERT INTO messages (org_id, team_id, channel_id, ts, ts_time, version, text)
SELECT org_id, team_id, channel_id, ts, ts_time, 3, 'nothing of it' FROM messages WHERE version = 1 AND cityHash64(ts) % 10 = 0`)
	want := rows(t, c, "SELECT count(), min(ts), max(ts) FROM conversations WHERE text = 'Renewal word7'")
	if want[0] == "(0,'','')" || want[0] == rows(t, c, "SELECT count(), min(ts), max(ts) FROM messages WHERE text = 'Renewal word7' AND version = 1")[0] {
		t.Fatalf("there are %v: nothing to be wrong about", want)
	}
	for _, search := range []string{"org_search(org = 'acme', words = 'RENEWAL word7')", "account_search(org = 'acme', account = 'a1', words = 'RENEWAL word7')"} {
		for _, more := range []string{"1", "hasAllTokens(text, 'Renewal')", "hasAnyTokens(text, 'word7 nothing')", "text LIKE '%word7'", "hasToken(text, 'word7')", "ts_time > '2026-01-01 00:00:00'"} {
			if found := rows(t, c, "SELECT count(), min(ts), max(ts) FROM "+search+" WHERE "+more); !slices.Equal(found, want) {
				t.Errorf("%s WHERE %s: %v, want %v", search, more, found, want)
			}
		}
	}
	// Searches read with FINAL what indexes chose, and not what overlaps it: an index of anything but the key would choose an older version.
	const others = "SELECT name, expr FROM system.data_skipping_indices WHERE database = currentDatabase() AND table = 'messages' AND name != 'words' AND expr NOT IN ('ts', 'ts_time')"
	if got := rows(t, c, others); len(got) > 0 {
		t.Errorf("indexes %v may choose an older version of a message (use_skip_indexes_if_final_exact_mode)", got)
	}
}
