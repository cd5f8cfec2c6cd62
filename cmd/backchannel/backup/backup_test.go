package backup

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/schemas"
)

const (
	accounts = "crm.accounts"
	requests = "notification.requests"
)

// fill gives a system something of each kind, and groups that are in the middle of it.
func fill(s *system) {
	s.put(accounts, 0, "acme/a1", `{"name":"former"}`)
	s.put(accounts, 0, "acme/a2", `{"name":"ended"}`)
	s.put(accounts, 0, "acme/a1", "no JSON \xff")
	s.put(accounts, 0, "acme/a2", "")
	s.put("slack.installations", 0, "T1", `{"org_id":"acme","team_id":"T1","sealed_token":"sealed","status":"active","app_id":"A","bot_user_id":"U"}`)
	for i, request := range []string{"r0", "r1", "r2", "r3"} {
		s.put(requests, int32(i%2), "acme/u", request)
	}
	s.put("slack.events", 3, "T1/C1", "what nobody opted in to")
	s.put("slack.events.dlq", 0, "T1/C1", "")
	s.put(requests+".dlq", 0, "acme/u", "dropped by retention")
	answer, err := kadm.NewClient(s.client).DeleteRecords(s.t.Context(), kadm.Offsets{requests + ".dlq": {0: {Topic: requests + ".dlq", At: 1}}})
	if err = errors.Join(err, answer.Error()); err != nil {
		s.t.Fatal(err)
	}
	s.put(requests+".dlq", 0, "acme/u", "a letter")
	s.put(requests+".dlq", 0, "acme/u", "", kgo.RecordHeader{Key: schemas.HeaderCloses, Value: []byte(requests + ".dlq/0/1")})
	var at kadm.Offsets
	at.AddOffset(requests, 0, 1, -1) // r2 is to be done
	at.AddOffset(requests, 1, 2, -1)
	at.AddOffset("slack.events", 3, 1, -1)
	if err := kadm.NewClient(s.client).CommitAllOffsets(s.t.Context(), "backchannel-route", at); err != nil {
		s.t.Fatal(err)
	}
	s.exec("INSERT INTO messages (org_id, team_id, channel_id, ts, text, ts_time, version, file_names) VALUES ('acme', 'T1', 'C1', '1700000001.000000', 'Größe \\' \\t \"', '2023-11-14 22:13:21.000001', 18446744073709551615, ['a', '']), ('acme', 'T1', 'C1', '1400000001.000000', '', '2014-05-13 16:53:21', 5, [])")
	s.exec("INSERT INTO channel_associations VALUES ('acme', 'T1', 'C1', 'a1', '', 'U1', 'slack', '2023-11-14 00:00:00.123', 1), ('acme', 'T1', 'C1', 'a2', '', 'U1', 'slack', '2023-11-15 00:00:00', 2)")
}

func rows(s *system, sql string) string {
	s.t.Helper()
	var found string
	if err := s.ClickHouse.QueryRow(s.t.Context(), "SELECT toString(groupArray(tuple(*))) FROM ("+sql+")").Scan(&found); err != nil {
		s.t.Fatal(err)
	}
	return found
}

func made(t *testing.T, s *system) (dir string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "backup")
	if _, err := Make(t.Context(), s.Options, dir, time.Date(2026, 11, 26, 3, 0, 0, 0, time.UTC)); err != nil {
		t.Fatal(err)
	}
	return dir
}

func restored(t *testing.T, into *system, dir string, choices Choices) error {
	t.Helper()
	plan, err := Prepare(t.Context(), into.Options, dir, choices)
	if err != nil {
		return err
	}
	return plan.Run(t.Context(), into.Options, dir)
}

func TestWhatIsTruthComesBack(t *testing.T) {
	from, to := newSystem(t).withTables(), newSystem(t).withTables()
	fill(from)
	dir := made(t, from)
	if err := restored(t, to, dir, Choices{}); err != nil {
		t.Fatal(err)
	}
	for _, spec := range topics() {
		if strings.HasSuffix(spec.Name, ".dlq") {
			continue
		}
		if diff := cmp.Diff(from.held(spec.Name), to.held(spec.Name)); diff != "" {
			t.Errorf("%s (-from +to):\n%s", spec.Name, diff)
		}
	}
	want := []string{"0 1790000000123 acme/u=a letter []", "0 1790000000123 acme/u= [{" + schemas.HeaderCloses + " " + requests + ".dlq/0/0}]"}
	if diff := cmp.Diff(want, to.held(requests+".dlq")); diff != "" {
		t.Errorf("a note names its letter by where it was (-want +got):\n%s", diff)
	}
	if got := to.held(accounts); len(got) != 1 || !strings.Contains(got[0], "no JSON \xff") {
		t.Errorf("of a compacted topic there is %q, want the last record of the one key that was not ended", got)
	}
	for _, private := range []string{"slack.events", "slack.events.dlq"} {
		if got := to.held(private); len(got) > 0 {
			t.Errorf("%s, which is private, was copied: %q", private, got)
		}
	}
	for _, table := range []string{"SELECT * FROM messages ORDER BY ts", "SELECT * FROM channel_associations ORDER BY version", "SELECT * FROM message_texts FINAL ORDER BY ts", "SELECT * FROM message_origins FINAL ORDER BY ALL"} {
		if diff := cmp.Diff(rows(from, table), rows(to, table)); diff != "" {
			t.Errorf("%s (-from +to):\n%s", table, diff)
		}
	}
	offsets, err := kadm.NewClient(to.client).FetchOffsets(t.Context(), "backchannel-route")
	if err != nil {
		t.Fatal(err)
	}
	got := map[int32]int64{}
	for p, o := range offsets[requests] {
		got[p] = o.At
	}
	if diff := cmp.Diff(map[int32]int64{0: 1, 1: 2}, got); diff != "" {
		t.Errorf("route goes on at (-want +got):\n%s", diff)
	}
	if len(offsets["slack.events"]) > 0 {
		t.Error("it goes on in a topic that the backup does not have")
	}

	// Once more over what is there: the backup is the truth of its keys, and others stay.
	to.put(accounts, 0, "acme/a1", "another")
	to.put(accounts, 0, "acme/a9", "stays")
	if err := restored(t, to, dir, Choices{Overwrite: true}); err != nil {
		t.Fatal(err)
	}
	if got := to.held(accounts); len(got) != 2 || !strings.Contains(got[0], "a9=stays") || !strings.Contains(got[1], "a1=no JSON") {
		t.Errorf("accounts are %q", got)
	}
	const messages = "SELECT * FROM messages FINAL ORDER BY ts"
	if diff := cmp.Diff(rows(from, messages), rows(to, messages)); diff != "" {
		t.Errorf("messages (-from +to):\n%s", diff)
	}
}

// A copy has the records of a partition in order, and those of several as they came: a note may stand before its letter.
func TestANoteNamesALetterOfAnotherPartition(t *testing.T) {
	to, dir := newSystem(t), t.TempDir()
	const topic = requests + ".dlq"
	answer, err := kadm.NewClient(to.client).CreatePartitions(t.Context(), 1, topic)
	if err = errors.Join(err, answer.Error()); err != nil {
		t.Fatal(err)
	}
	out, err := create(dir, topic+".jsonl.gz")
	if err != nil {
		t.Fatal(err)
	}
	note := record{Partition: 1, Offset: 7, Headers: []header{{schemas.HeaderCloses, []byte(topic + "/0/4")}}}
	err = errors.Join(out.add(note), out.add(record{Partition: 0, Offset: 4, Value: []byte("a letter")}))
	file, err := closed(out, err)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := (&Plan{}).fillTopic(t.Context(), to.client, Topic{Topic: topic, File: file}, dir, newMoves(nil)); err != nil {
		t.Fatal(err)
	}
	want := []string{"0 0 =a letter []", "1 0 = [{" + schemas.HeaderCloses + " " + topic + "/0/0}]"}
	if diff := cmp.Diff(want, to.held(topic)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// What had gone from the beginning of a partition does not shift where a group goes on.
func TestGroupsGoOnWhereTheyWere(t *testing.T) {
	from, to := newSystem(t), newSystem(t)
	for range 5 {
		from.put(requests, 0, "acme/u", "old")
	}
	answer, err := kadm.NewClient(from.client).DeleteRecords(t.Context(), kadm.Offsets{requests: {0: {Topic: requests, At: 3}}})
	if err = errors.Join(err, answer.Error()); err != nil {
		t.Fatal(err)
	}
	var at kadm.Offsets
	at.AddOffset(requests, 0, 4, -1)
	if err := kadm.NewClient(from.client).CommitAllOffsets(t.Context(), "backchannel-route", at); err != nil {
		t.Fatal(err)
	}
	if err := restored(t, to, made(t, from), Choices{KeepClickHouse: true}); err != nil {
		t.Fatal(err)
	}
	offsets, err := kadm.NewClient(to.client).FetchOffsets(t.Context(), "backchannel-route")
	if err != nil {
		t.Fatal(err)
	}
	if got := offsets[requests][0].At; got != 1 {
		t.Errorf("of records 3 and 4 the second was to be done; it goes on at %d, want 1", got)
	}
}

func TestWithoutRowsHistoryIsReadAgain(t *testing.T) {
	from := newSystem(t)
	from.put("sync.checkpoints", 0, "T1/C1", `{}`)
	dir := made(t, from)
	for name, tt := range map[string]struct {
		choices Choices
		want    int
	}{"ClickHouse is empty": {Choices{}, 0}, "ClickHouse has its rows": {Choices{KeepClickHouse: true}, 1}} {
		to := newSystem(t)
		if !tt.choices.KeepClickHouse {
			to.withTables()
		}
		if err := restored(t, to, dir, tt.choices); err != nil {
			t.Fatal(err)
		}
		if got := to.held("sync.checkpoints"); len(got) != tt.want {
			t.Errorf("%s: %d checkpoints, want %d", name, len(got), tt.want)
		}
	}
}

func TestARestoreIsRefused(t *testing.T) {
	from := newSystem(t).withTables()
	fill(from)
	dir := made(t, from)
	refused := func(what string, into *system, choices Choices, want string) {
		t.Helper()
		if err := restored(t, into, dir, choices); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", what, err, want)
		}
	}
	refused("into what is not empty", from, Choices{}, "Kafka is not empty: crm.accounts, notification.requests, notification.requests.dlq, slack.installations. ")
	refused("into what is not empty", from, Choices{}, "ClickHouse is not empty: channel_associations, message_origins, message_texts, messages. ")

	running := newSystem(t)
	member, err := kgo.NewClient(append(running.Kafka, kgo.ConsumerGroup("backchannel-route"), kgo.ConsumeTopics(requests))...)
	if err != nil {
		t.Fatal(err)
	}
	defer member.Close()
	for deadline := time.Now().Add(time.Minute); ; {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		member.PollFetches(ctx)
		cancel()
		groups, err := kadm.NewClient(running.client).DescribeGroups(t.Context(), "backchannel-route")
		if err == nil && len(groups["backchannel-route"].Members) > 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the member never joined")
		}
	}
	refused("while a component runs", running, Choices{KeepClickHouse: true}, "route runs in 1 processes: end them first")

	empty := newSystem(t).withTables()
	unfit := func(change func(*Manifest)) {
		t.Helper()
		m, err := Read(dir)
		if err != nil {
			t.Fatal(err)
		}
		change(&m)
		content, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, manifestName), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	kept, err := os.ReadFile(filepath.Join(dir, manifestName))
	if err != nil {
		t.Fatal(err)
	}
	for want, change := range map[string]func(*Manifest){
		"this version reads format 1":               func(m *Manifest) { m.Format = 2 },
		"a topic later.topic, which this version":   func(m *Manifest) { m.Topics[0].Topic = "later.topic" },
		"has a column later, which this version":    func(m *Manifest) { m.Tables[0].Columns[0] = "later" },
		"a table later, which this version":         func(m *Manifest) { m.Tables[0].Table = "later" },
		"has 1 partitions, and the backup is of 3:": func(m *Manifest) { m.Topics[0].Ends = map[int32]int64{0: 1, 1: 1, 2: 1} },
		"a file outside of the folder":              func(m *Manifest) { m.Topics[0].Name = "../passwords" },
	} {
		unfit(change)
		refused("another manifest", empty, Choices{}, want)
		if err := os.WriteFile(filepath.Join(dir, manifestName), kept, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	damage := func(file string, content []byte) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, file), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	whole, err := os.ReadFile(filepath.Join(dir, accounts+".jsonl.gz"))
	if err != nil {
		t.Fatal(err)
	}
	damage(accounts+".jsonl.gz", whole[:len(whole)-1])
	refused("a file that was cut", empty, Choices{}, accounts+".jsonl.gz has ")
	whole[len(whole)/2] ^= 1
	damage(accounts+".jsonl.gz", whole)
	refused("a file that was changed", empty, Choices{}, accounts+".jsonl.gz was changed")
	if err := os.Remove(filepath.Join(dir, "clickhouse.messages.jsonl.gz")); err != nil {
		t.Fatal(err)
	}
	refused("a file that is gone", empty, Choices{}, "clickhouse.messages.jsonl.gz is missing")
	if got := empty.held(requests); len(got) > 0 {
		t.Errorf("what was refused left %q", got)
	}
}

// A backup that breaks off leaves no folder behind, and none takes the place of another.
func TestABackupIsWholeOrNotThere(t *testing.T) {
	s := newSystem(t)
	s.put(accounts, 0, "acme/a1", "{}")
	dir := made(t, s)
	if _, err := Make(t.Context(), s.Options, dir, time.Now()); err == nil || !strings.Contains(err.Error(), "is there already") {
		t.Errorf("over another backup: %v", err)
	}
	s.open(s.database()) // without tables
	next := filepath.Join(filepath.Dir(dir), "next")
	if _, err := Make(t.Context(), s.Options, next, time.Now()); err == nil || !strings.Contains(err.Error(), "read table accounts") {
		t.Errorf("without a table: %v", err)
	}
	left, err := os.ReadDir(filepath.Dir(dir))
	if err != nil || len(left) != 1 {
		t.Errorf("a backup that broke off left %v, %v", left, err)
	}
}
