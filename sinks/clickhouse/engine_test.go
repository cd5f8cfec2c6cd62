package clickhouse

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	conn "github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/schemas"
	"github.com/bigmind/backchannel/sinks"
	"github.com/bigmind/backchannel/sinks/sinkstest"
)

func TestContract(t *testing.T) {
	sinkstest.Check(t, func(t *testing.T, _ *sinkstest.Kafka) sinkstest.Subject {
		c := database(t)
		return sinkstest.Subject{
			Define: func() sinks.Definition { return Definition(c, 1000, 5*time.Millisecond) },
			Good: func(n int) *kgo.Record {
				id := schemas.AccountID(fmt.Sprint("a", n))
				return record(t, schemas.CRMAccounts.Spec, schemas.OrgKey("acme", id), schemas.Account{OrgID: "acme", AccountID: id, Name: "good"})
			},
			Bad: func() *kgo.Record {
				return record(t, schemas.CRMAccounts.Spec, "acme/a9", schemas.Account{OrgID: "globex", AccountID: "a9", Name: "hunter2"})
			},
			Reason: schemas.Malformed, Secret: "hunter2",
			Break: func() func() { // as before 'backchannel apply': the table is not there yet
				exec(t, c, "RENAME TABLE accounts TO accounts_away")
				return func() { exec(t, c, "RENAME TABLE accounts_away TO accounts") }
			},
			Effects: func(t testing.TB) []string { return rows(t, c, "SELECT * FROM accounts FINAL") },
		}
	})
}

// A row that ClickHouse itself refuses ends alone in the dead-letter topic; its neighbours are in.
func TestARowThatClickHouseRefuses(t *testing.T) {
	t.Parallel()
	c := database(t)
	exec(t, c, "ALTER TABLE accounts ADD CONSTRAINT named CHECK name != 'hunter2'")
	def := Definition(c, 1000, 5*time.Millisecond)
	k := sinkstest.NewKafka(t, 1, def.In...)
	var all []*kgo.Record
	for n := range 20 {
		id := schemas.AccountID(fmt.Sprint("a", n))
		name := "fine"
		if n == 13 {
			name = "hunter2"
		}
		all = append(all, record(t, schemas.CRMAccounts.Spec, schemas.OrgKey("acme", id), schemas.Account{OrgID: "acme", AccountID: id, Name: name}))
	}
	k.Produce(t, all...)
	run := sinkstest.Start(t, k, def)
	k.WaitCommitted(t, sinks.Group("clickhouse"), schemas.CRMAccounts.Name)
	if got := rows(t, c, "SELECT count() FROM accounts FINAL"); got[0] != "(19)" {
		t.Errorf("%s rows, want 19", got)
	}
	letters := k.Letters(t, schemas.CRMAccounts.Spec)
	if len(letters) != 1 || letters[0].Offset != 13 || letters[0].Reason != schemas.RefusedStore || !strings.Contains(letters[0].Detail, "code 469") {
		t.Errorf("dead letters %+v", letters)
	}
	for _, l := range letters {
		if strings.Contains(l.Detail, "hunter2") {
			t.Errorf("the dead letter quotes the row: %s", l.Detail)
		}
	}
	if told := run.Told(); len(told) > 0 {
		t.Errorf("a refusal was taken for an outage: %v", told)
	}
}

func newSink(t testing.TB, c conn.Conn) func(...*kgo.Record) {
	t.Helper()
	s := Definition(c, 1000, time.Millisecond).Sink
	return func(batch ...*kgo.Record) {
		t.Helper()
		result, err := s.Write(t.Context(), batch)
		if err != nil || len(result.Rejected)+len(result.Deferred) > 0 {
			t.Fatalf("write: %v, %+v", err, result)
		}
	}
}

func associate(t testing.TB, offset int64, org schemas.OrgID, team schemas.TeamID, channel schemas.ChannelID, account schemas.AccountID, deal schemas.DealID) *kgo.Record {
	t.Helper()
	var v any
	if account != "" {
		v = schemas.ChannelAssociation{OrgID: org, TeamID: team, ChannelID: channel, AccountID: account, DealID: deal, By: "U1", Source: "slack"}
	}
	r := record(t, schemas.ChannelAssociations.Spec, schemas.TeamChannelKey(team, channel), v)
	r.Offset = offset
	return r
}

// Whatever order the versions of a message come in, the highest is what it says.
func TestTheHighestVersionWins(t *testing.T) {
	t.Parallel()
	deletion := func(v uint64) schemas.ContextMessage {
		m := said("1727384523.000200", v, "")
		m.Deleted = true
		return m
	}
	for name, tt := range map[string]struct {
		versions []schemas.ContextMessage
		want     []string
	}{
		"an older version comes late": {[]schemas.ContextMessage{said("1727384523.000200", 2, "new"), said("1727384523.000200", 1, "old")}, []string{"('new')"}},
		"deleted, then a late edit":   {[]schemas.ContextMessage{said("1727384523.000200", 1, "a"), deletion(3), said("1727384523.000200", 2, "edit")}, []string{}},
		"deleted before it is there":  {[]schemas.ContextMessage{deletion(3), said("1727384523.000200", 1, "a")}, []string{}},
		"live and polled":             {[]schemas.ContextMessage{said("1727384523.000200", 1, "a"), said("1727384523.000200", 1, "a")}, []string{"('a')"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := database(t)
			write := newSink(t, c)
			write(associate(t, 1, "acme", "T1", "C1", "a1", ""))
			for range 2 { // and all of it again
				for _, m := range tt.versions {
					write(message(t, m))
				}
				if diff := cmp.Diff(tt.want, rows(t, c, "SELECT text FROM conversations")); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
			}
			exec(t, c, "OPTIMIZE TABLE messages FINAL")
			if diff := cmp.Diff(tt.want, rows(t, c, "SELECT text FROM conversations")); diff != "" {
				t.Errorf("after a merge (-want +got):\n%s", diff)
			}
		})
	}
}

// Any cut and order of any replay of the topics gives the same answers.
func TestReplaysChangeNoAnswer(t *testing.T) {
	t.Parallel()
	var records []*kgo.Record
	for n := range 20 {
		ts := schemas.TS(fmt.Sprintf("1727384%03d.000100", n))
		records = append(records, message(t, said(ts, 1, fmt.Sprint("first ", n))))
		if n%2 == 0 {
			records = append(records, message(t, said(ts, 5, fmt.Sprint("second ", n))))
		}
		if n%5 == 0 {
			gone := said(ts, 9, "")
			gone.Deleted = true
			records = append(records, message(t, gone))
		}
	}
	records = append(records, associate(t, 1, "acme", "T1", "C1", "a1", ""), associate(t, 2, "acme", "T1", "C1", "a2", "d2"))
	name := record(t, schemas.CRMAccounts.Spec, "acme/a2", schemas.Account{OrgID: "acme", AccountID: "a2", Name: "Globex"})
	records = append(records, name)
	const query = "SELECT ts, text, account_id, account_name, deal_id FROM conversations"

	straight := database(t)
	newSink(t, straight)(records...)
	want := rows(t, straight, query)
	if len(want) != 16 {
		t.Fatalf("%d rows, want 16", len(want))
	}
	other := database(t)
	write := newSink(t, other)
	random := rand.New(rand.NewPCG(1, 2))
	for range 3 {
		random.Shuffle(len(records), func(i, j int) { records[i], records[j] = records[j], records[i] })
		for batch := range slices.Chunk(records, 1+random.IntN(9)) {
			write(batch...)
		}
	}
	if diff := cmp.Diff(want, rows(t, other, query)); diff != "" {
		t.Errorf("(-straight +replayed):\n%s", diff)
	}
}

// Re-associating a channel moves its whole past at once; dissociating takes it out of every answer at once.
func TestAssociationsMoveThePast(t *testing.T) {
	t.Parallel()
	c := database(t)
	write := newSink(t, c)
	write(associate(t, 1, "acme", "T1", "C1", "a1", "d1"), message(t, said("1727384523.000200", 1, "hello")))
	const query = "SELECT account_id, deal_id, text FROM conversations"
	check := func(what string, want ...string) {
		t.Helper()
		if got := rows(t, c, query); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", what, got, want)
		}
	}
	check("associated", "('a1','d1','hello')")
	write(associate(t, 4, "acme", "T1", "C1", "a2", ""))
	check("re-associated", "('a2','','hello')")
	write(associate(t, 3, "acme", "T1", "C1", "a3", ""))
	check("a late older association", "('a2','','hello')")
	write(associate(t, 5, "acme", "T1", "C1", "", ""))
	check("dissociated")
	if got := rows(t, c, "SELECT account_id FROM channel_associations FINAL"); len(got) != 4 {
		t.Errorf("the history of the association is %v", got)
	}
	write(associate(t, 6, "acme", "T1", "C1", "a1", ""))
	check("associated again", "('a1','','hello')")
}

// A tombstone says in its headers who dissociated a channel, and need not.
func TestWhoEndedAnAssociation(t *testing.T) {
	t.Parallel()
	c := database(t)
	write := newSink(t, c)
	end := func(offset int64, headers ...kgo.RecordHeader) *kgo.Record {
		r := associate(t, offset, "acme", "T1", "C1", "", "")
		r.Headers = headers
		return r
	}
	write(associate(t, 1, "acme", "T1", "C1", "a1", ""), associate(t, 2, "acme", "T1", "C1", "a2", ""),
		end(3, kgo.RecordHeader{Key: schemas.HeaderBy, Value: []byte("ada")}, kgo.RecordHeader{Key: schemas.HeaderSource, Value: []byte("api")}),
		associate(t, 4, "acme", "T1", "C1", "a3", ""), end(5, kgo.RecordHeader{Key: schemas.HeaderBy, Value: []byte("\xff")}), associate(t, 6, "acme", "T1", "C1", "a4", ""))
	want := []string{"('a1','U1','slack','U1')", "('a2','U1','slack','ada')", "('a3','U1','slack','')", "('a4','U1','slack','')"}
	if diff := cmp.Diff(want, rows(t, c, "SELECT account_id, changed_by, source, ended_by FROM org_association_periods(org = 'acme') ORDER BY account_id")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"('ada','api')"}, rows(t, c, "SELECT changed_by, source FROM channel_associations FINAL WHERE version % 16 = 3")); diff != "" {
		t.Errorf("the tombstone's row (-want +got):\n%s", diff)
	}
}

// Two organizations with the same ids for everything never see each other's rows.
func TestOrganizationsNeverMix(t *testing.T) {
	t.Parallel()
	c := database(t)
	write := newSink(t, c)
	for offset, o := range []struct {
		org  schemas.OrgID
		team schemas.TeamID
	}{{"acme", "T1"}, {"globex", "T2"}} {
		m := said("1727384523.000200", 1, "of "+string(o.org))
		m.OrgID, m.TeamID, m.AuthorEmail = o.org, o.team, "ada@x.example"
		write(message(t, m), associate(t, int64(offset), o.org, o.team, "C1", "a1", "d1"),
			record(t, schemas.CRMAccounts.Spec, schemas.OrgKey(o.org, schemas.AccountID("a1")), schemas.Account{OrgID: o.org, AccountID: "a1", Name: "account of " + string(o.org)}),
			record(t, schemas.CRMDeals.Spec, schemas.OrgKey(o.org, schemas.DealID("d1")), schemas.Deal{OrgID: o.org, DealID: "d1", Name: "deal of " + string(o.org)}),
			record(t, schemas.DirectoryUsers.Spec, schemas.OrgKey(o.org, schemas.UserID("u-"+o.org)), schemas.DirectoryUser{OrgID: o.org, UserID: schemas.UserID("u-" + o.org), Email: "Ada@X.example "}))
	}
	// A row that another organization left behind in this workspace is in nobody's answer.
	stray := said("1727384524.000200", 1, "stray")
	stray.OrgID = "globex"
	write(message(t, stray))
	want := []string{
		"('acme','of acme','account of acme','deal of acme','u-acme')",
		"('globex','of globex','account of globex','deal of globex','u-globex')",
	}
	if diff := cmp.Diff(want, rows(t, c, "SELECT org_id, text, account_name, deal_name, author_user_id FROM conversations")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A backfill brings messages of many years in one batch; each month is a partition, and ClickHouse takes 100 by default.
func TestABatchOfManyMonths(t *testing.T) {
	t.Parallel()
	c := database(t)
	var batch []*kgo.Record
	for month := range 150 {
		at := time.Date(2013, 8, 1, 0, 0, 0, 0, time.UTC).AddDate(0, month, 0)
		batch = append(batch, message(t, said(schemas.TS(fmt.Sprintf("%d.000100", at.Unix())), 1, "x")))
	}
	newSink(t, c)(batch...)
	if got := rows(t, c, "SELECT uniqExact(toYYYYMM(ts_time)) FROM messages FINAL"); got[0] != "(150)" {
		t.Errorf("%s months, want 150", got)
	}
}

func TestOddValuesArriveAsTheyAre(t *testing.T) {
	t.Parallel()
	c := database(t)
	odd := said("9223372035.999999", 1<<63, "tab\t quote' back\\slash \u0000 \U0001F600 \u2028")
	odd.FileNames = []string{"", "ü\".pdf"}
	huge := said("0.000001", 1, strings.Repeat("ä", 400_000))
	huge.ReceivedAt = time.Time{}
	newSink(t, c)(message(t, odd), message(t, huge), associate(t, 1, "acme", "T1", "C1", "a1", ""))
	want := []string{"(800000,'1970-01-01 00:00:00.000001','1970-01-01 00:00:00.000',1,[])", "(" + strconv.Itoa(len(odd.Text)) + ",'2262-04-11 23:47:15.999999','2023-11-14 22:13:20.000',9223372036854775808,['','ü\".pdf'])"}
	slices.Sort(want)
	if diff := cmp.Diff(want, rows(t, c, "SELECT length(text), toString(ts_time), toString(received_at), version, file_names FROM messages FINAL")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	var text string
	if err := c.QueryRow(t.Context(), "SELECT text FROM messages FINAL WHERE version > 1").Scan(&text); err != nil || text != odd.Text {
		t.Errorf("text %q, %v", text, err)
	}
}

// Every control topic has its table: the last record of a key is the truth, a tombstone takes it away.
func TestControlTables(t *testing.T) {
	t.Parallel()
	c := database(t)
	write := newSink(t, c)
	user := record(t, schemas.SlackUsers.Spec, "T1/U1", schemas.SlackUser{OrgID: "acme", TeamID: "T1", UserID: "U1", Name: "Ada", Email: " Ada@X.example", IsExternal: true, HomeTeamID: "T9", CompanyName: "Globex"})
	channel := record(t, schemas.SlackChannels.Spec, "T1/C1", schemas.SlackChannel{OrgID: "acme", TeamID: "T1", ChannelID: "C1", Name: "deal", IsPrivate: true, IsMember: true, ExternalTeamIDs: []schemas.TeamID{"T9", "E8"}})
	person := record(t, schemas.DirectoryUsers.Spec, "acme/u1", schemas.DirectoryUser{OrgID: "acme", UserID: "u1", Email: "Ada@X.example", Disabled: true})
	deal := record(t, schemas.CRMDeals.Spec, "acme/d1", schemas.Deal{OrgID: "acme", DealID: "d1", AccountID: "a1", Name: "Big", Stage: "won"})
	outcome := record(t, schemas.NotificationOutcomes.Spec, "acme/r1", schemas.Outcome{OrgID: "acme", RequestID: "r1", DeliveryID: "d", Channel: schemas.BySlack, Status: schemas.Delivered, At: time.Unix(1700000000, 0),
		Recipient: schemas.Recipient{UserID: "u1"}, RequestedAt: time.Unix(1699999990, 0), Attempts: 2, Decision: &schemas.Decision{
			Rule: schemas.RuleOrgType, Choice: schemas.PreferBoth, Considered: []schemas.Considered{{Rule: schemas.RuleOrgType, Value: schemas.PreferBoth}, {Rule: schemas.RuleTypeDefault, Value: schemas.PreferEmail}},
			Held: schemas.QuietTime, Named: &schemas.Recipient{Role: schemas.ManagerOf, UserID: "u2"},
		}})
	coverage := record(t, schemas.SyncCheckpoints.Spec, "T1/C1", schemas.SyncCheckpoint{
		OrgID: "acme", TeamID: "T1", ChannelID: "C1", Status: schemas.SyncStopped, Reason: schemas.ChannelArchived, Messages: 3,
		Intervals: []schemas.SyncInterval{{From: "1700000001.000001", To: "1700000002.000000"}, {From: "1", To: "2"}},
	})
	for range 3 {
		write(user, channel, person, deal, outcome, coverage)
	}
	for query, want := range map[string]string{
		"SELECT name, email, is_external, home_team_id, company_name FROM slack_users FINAL":                                                                     "('Ada','ada@x.example',1,'T9','Globex')",
		"SELECT name, is_private, is_member, is_archived, external_team_ids FROM slack_channels FINAL":                                                           "('deal',1,1,0,['T9','E8'])",
		"SELECT email, disabled FROM directory_users FINAL":                                                                                                      "('ada@x.example',1)",
		"SELECT account_id, name, stage FROM deals FINAL":                                                                                                        "('a1','Big','won')",
		"SELECT request_id, status, channel FROM notification_outcomes FINAL":                                                                                    "('r1','delivered','slack')",
		"SELECT request_id, recipient, rule, choice, considered, held, named, attempts, toString(requested_at), toYear(released_at) FROM notification_log FINAL": "('r1','u1','org_type','both',['org_type=both','type_default=email'],'quiet_hours','manager:u2',2,'2023-11-14 22:13:10.000',1970)",
		"SELECT status, reason, messages, toString(known_from[1]), toString(known_to[2]) FROM sync_coverage FINAL":                                               "('stopped','channel_archived',3,'2023-11-14 22:13:21.000001','1970-01-01 00:00:02.000000')",
	} {
		if got := rows(t, c, query); len(got) != 1 || got[0] != want {
			t.Errorf("%s: %v, want %s", query, got, want)
		}
	}
	for _, rec := range []*kgo.Record{user, channel, person, deal, coverage} {
		gone := *rec
		gone.Value, gone.Offset = nil, rec.Offset+1
		write(&gone)
		write(rec) // late
	}
	for _, table := range []string{"slack_users", "slack_channels", "directory_users", "deals", "sync_coverage"} {
		if got := rows(t, c, "SELECT count() FROM "+table+" FINAL"); got[0] != "(0)" {
			t.Errorf("%s has %s rows after the tombstones", table, got)
		}
	}
}
