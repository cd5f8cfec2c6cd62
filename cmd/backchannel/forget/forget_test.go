package forget

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/deploy/apply"
	"github.com/bigmind/backchannel/deploy/apply/applytest"
	"github.com/bigmind/backchannel/deploy/embedded/chdb/chdbtest"
	"github.com/bigmind/backchannel/deploy/embedded/kafka"
	"github.com/bigmind/backchannel/schemas"
	"github.com/bigmind/backchannel/sinks/views"
)

func TestMain(m *testing.M) { chdbtest.Main(m, nil) }

// world is a broker and an engine that hold two organizations, and the Redis views of them.
type world struct {
	Options
	dir, kafka string // of the engine, and of the broker
	mini       *miniredis.Miniredis
}

func newWorld(t *testing.T) *world {
	t.Helper()
	dir := t.TempDir()
	broker, err := kafka.Start(t.Context(), kafka.Options{Addr: "127.0.0.1:0", DataDir: dir, Log: slog.New(slog.DiscardHandler), TidyEvery: 100 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = broker.Close() })
	return worldOn(t, broker.Addr(), dir)
}

// worldOn is one on a broker that has its segments in a folder.
func worldOn(t *testing.T, addr, dir string) *world {
	t.Helper()
	w := &world{dir: t.TempDir(), kafka: dir, mini: miniredis.RunT(t)}
	rdb := redis.NewClient(&redis.Options{Addr: w.mini.Addr(), ReadTimeout: time.Minute})
	t.Cleanup(func() { _ = rdb.Close() })
	w.Options = Options{Kafka: []kgo.Opt{kgo.SeedBrokers(addr)}, Redis: rdb, Now: time.Now, Progress: io.Discard}
	admin, err := kgo.NewClient(w.Kafka...)
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close()
	if _, err := apply.Topics(t.Context(), kadm.NewClient(admin), 1, false); err != nil {
		t.Fatal(err)
	}
	w.open(t, chdbtest.Engine(t, w.dir), "one")
	w.records(t)
	return w
}

// open makes a database for one story, and fills it.
func (w *world) open(t *testing.T, addr, database string) {
	t.Helper()
	w.ClickHouse = applytest.Database(t, addr, database)
	for _, table := range []string{"messages", "message_texts"} { // parts that mutations replaced go after eight minutes otherwise
		w.exec(t, "ALTER TABLE "+table+" MODIFY SETTING old_parts_lifetime = 1")
	}
	// The texts have no four letters in common: of those that have, ClickHouse writes the four once, and the search finds neither.
	for _, row := range []string{
		"'acme', 'T1', 'C1', '1700000001.000000', 'U1', 'ada@x.example', 'ADAQUILT'", "'acme', 'T1', 'C2', '1700000002.000000', 'U1', 'ada@x.example', 'TWOFJORD'",
		"'acme', 'T1', 'C1', '1700000003.000000', 'U2', 'ben@x.example', 'BENWHISK'", "'globex', 'T2', 'C1', '1700000004.000000', 'U1', 'ada@x.example', 'GLOBEXPLUMB'",
	} {
		w.exec(t, "INSERT INTO messages (org_id, team_id, channel_id, ts, user_id, author_email, text, ts_time, version) VALUES ("+row+", '2023-11-14 22:13:20', 5)")
	}
	w.exec(t, "INSERT INTO channel_associations VALUES ('acme', 'T1', 'C1', 'a1', '', 'U1', 'slack', '2023-11-14 00:00:00', 1), ('acme', 'T1', 'C2', 'a2', '', 'U1', 'slack', '2023-11-14 00:00:00', 1), ('globex', 'T2', 'C1', 'a1', '', 'U1', 'slack', '2023-11-14 00:00:00', 1)")
	w.exec(t, "INSERT INTO directory_users (org_id, user_id, email, version) VALUES ('acme', 'u-ada', 'ada@x.example', 1), ('acme', 'u-ben', 'ben@x.example', 1)")
	w.exec(t, "INSERT INTO accounts (org_id, account_id, name, version) VALUES ('acme', 'a1', 'Acme', 1), ('globex', 'a1', 'Other', 1)")
}

func (w *world) exec(t *testing.T, sql string) {
	t.Helper()
	if err := w.ClickHouse.Exec(t.Context(), sql); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

// records fills the compacted topics; with names of Slack users, of whom nothing else is known, with those alone.
func (w *world) records(t *testing.T, others ...schemas.Key) {
	t.Helper()
	client, err := kgo.NewClient(w.Kafka...)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	type entry struct {
		topic string
		key   schemas.Key
		value any
	}
	var all []entry
	for _, key := range others {
		team, user := key.Split()
		all = append(all, entry{schemas.SlackUsers.Name, key, schemas.SlackUser{OrgID: "acme", TeamID: schemas.TeamID(team), UserID: schemas.SlackUserID(user)}})
	}
	if len(others) == 0 {
		all = []entry{
			{schemas.ChannelAssociations.Name, "T1/C1", schemas.ChannelAssociation{OrgID: "acme", TeamID: "T1", ChannelID: "C1", AccountID: "a1"}},
			{schemas.ChannelAssociations.Name, "T1/C2", schemas.ChannelAssociation{OrgID: "acme", TeamID: "T1", ChannelID: "C2", AccountID: "a2"}},
			{schemas.ChannelAssociations.Name, "T2/C1", schemas.ChannelAssociation{OrgID: "globex", TeamID: "T2", ChannelID: "C1", AccountID: "a1"}},
			{schemas.CRMAccounts.Name, "acme/a1", schemas.Account{OrgID: "acme", AccountID: "a1", Name: "Acme"}},
			{schemas.CRMAccounts.Name, "globex/a1", schemas.Account{OrgID: "globex", AccountID: "a1", Name: "Other"}},
			{schemas.SlackUsers.Name, "T1/U1", schemas.SlackUser{OrgID: "acme", TeamID: "T1", UserID: "U1", Email: "Ada@x.example", Name: "ADANAME"}},
			{schemas.SlackUsers.Name, "T1/U2", schemas.SlackUser{OrgID: "acme", TeamID: "T1", UserID: "U2", Email: "ben@x.example", Name: "BENNAME"}},
			{schemas.DirectoryUsers.Name, "acme/u-ada", schemas.DirectoryUser{OrgID: "acme", UserID: "u-ada", Email: "ada@x.example"}},
			{schemas.NotificationPreferences.Name, "acme/u-ada", schemas.Preferences{OrgID: "acme", UserID: "u-ada"}},
			{schemas.APITokens.Name, "acme/t1", schemas.APIToken{OrgID: "acme", TokenID: "t1", UserID: "u-ada", Hash: strings.Repeat("0", 64), Role: "member"}},
			{schemas.APITokens.Name, "acme/t2", schemas.APIToken{OrgID: "acme", TokenID: "t2", UserID: "u-ben", Hash: strings.Repeat("0", 64), Role: "member"}},
		}
	}
	for _, r := range all {
		value, err := json.Marshal(r.value)
		if err != nil {
			t.Fatal(err)
		}
		if err := client.ProduceSync(t.Context(), &kgo.Record{Topic: r.topic, Key: []byte(r.key), Value: value}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
}

// keys are what the compacted topics hold.
func (w *world) keys(t *testing.T) string {
	t.Helper()
	all, err := controls(t.Context(), w.Kafka)
	if err != nil {
		t.Fatal(err)
	}
	var words []string
	for _, c := range all {
		words = append(words, c.topic+" "+c.key)
	}
	return strings.Join(words, "\n")
}

// onDisk says whether the engine's files hold a text.
func (w *world) onDisk(t *testing.T, text string) bool {
	t.Helper()
	return inFiles(t, w.dir, text)
}

func inFiles(t *testing.T, dir, text string) bool {
	t.Helper()
	found := false
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			content, err := os.ReadFile(path)
			found = found || err == nil && bytes.Contains(content, []byte(text))
		}
		return nil // parts come and go
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func (w *world) forget(t *testing.T, target Target, dry bool) Receipt {
	t.Helper()
	r, err := Run(t.Context(), w.Options, target, dry)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// A channel, then a person, then an account, then the organization: each time what is shown first goes, nothing else does, and no file has it in the end.
func TestForget(t *testing.T) {
	w := newWorld(t)
	steps := []struct {
		target     Target
		gone       []string // texts
		kept       []string
		keys       []string // that are gone
		keptKeys   []string
		messages   uint64
		tombstones int
	}{
		{Target{Org: "acme", Channel: "C2"}, []string{"TWOFJORD"}, []string{"ADAQUILT", "BENWHISK", "GLOBEXPLUMB"}, []string{"associations T1/C2"}, []string{"slack.users T1/U1", "associations T1/C1", "associations T2/C1"}, 1, 1},
		{Target{Org: "acme", User: "ada@x.example"}, []string{"ADAQUILT"}, []string{"BENWHISK", "GLOBEXPLUMB"}, []string{"slack.users T1/U1", "directory.users acme/u-ada", "preferences acme/u-ada", "tokens acme/t1"}, []string{"slack.users T1/U2", "associations T1/C1", "tokens acme/t2"}, 1, 4},
		{Target{Org: "acme", Account: "a1"}, []string{"BENWHISK"}, []string{"GLOBEXPLUMB"}, []string{"accounts acme/a1", "associations T1/C1"}, []string{"accounts globex/a1", "associations T2/C1"}, 1, 2},
		{Target{Org: "acme", All: true}, nil, []string{"GLOBEXPLUMB"}, []string{"slack.users T1/U2", "tokens acme/t2"}, []string{"accounts globex/a1"}, 0, 2},
	}
	for _, s := range steps {
		before := w.keys(t)
		for _, text := range s.gone {
			if !w.onDisk(t, text) {
				t.Fatalf("%s is not on disk before: the search shows nothing", text)
			}
		}
		shown := w.forget(t, s.target, true)
		if shown.Done || w.keys(t) != before {
			t.Errorf("%+v: a dry run did something", s.target)
		}
		if left, err := Check(t.Context(), w.ClickHouse, shown); err != nil || left["messages"] != s.messages {
			t.Errorf("%+v: %d messages would go, want %d, %v", s.target, left["messages"], s.messages, err)
		}
		receipt := w.forget(t, s.target, false)
		sum := 0
		for _, n := range receipt.Keys {
			sum += n
		}
		if sum != s.tombstones || !receipt.Done || receipt.Gone["context.messages"].Before(receipt.At) {
			t.Errorf("%+v: receipt %+v, want %d keys", s.target, receipt, s.tombstones)
		}
		if left, err := Check(t.Context(), w.ClickHouse, kept(t, receipt)); err != nil || len(left) > 0 {
			t.Errorf("%+v: left %v, %v", s.target, left, err)
		}
		after := w.keys(t)
		for _, key := range s.keys {
			if !strings.Contains(before, key) || strings.Contains(after, key) {
				t.Errorf("%+v: key %s: before %t, after %t", s.target, key, strings.Contains(before, key), strings.Contains(after, key))
			}
		}
		for _, key := range s.keptKeys {
			if !strings.Contains(after, key) {
				t.Errorf("%+v: key %s is gone, too", s.target, key)
			}
		}
		if testing.Short() {
			continue // until ClickHouse has removed the parts takes a minute or two: make test-forget
		}
		deadline := time.Now().Add(5 * time.Minute)
		for _, text := range s.gone {
			for w.onDisk(t, text) {
				if time.Now().After(deadline) {
					t.Fatalf("%+v: %s is on disk still", s.target, text)
				}
				for _, table := range []string{"messages", "message_texts"} { // an idle table looks for old parts every few minutes only
					w.exec(t, "OPTIMIZE TABLE "+table+" FINAL")
				}
				time.Sleep(200 * time.Millisecond)
			}
		}
		for _, text := range s.kept {
			if !w.onDisk(t, text) {
				t.Errorf("%+v: %s is gone, too", s.target, text)
			}
		}
	}
}

// kept is a receipt as somebody who kept the file has it.
func kept(t *testing.T, r Receipt) (again Receipt) {
	t.Helper()
	file, err := json.Marshal(r)
	if err == nil {
		err = json.Unmarshal(file, &again)
	}
	if err != nil || len(again.Rows) != len(r.Rows) {
		t.Fatalf("%d of %d checks are in the file, %v", len(again.Rows), len(r.Rows), err)
	}
	return again
}

// What is forgotten is in no segment of a compacted topic, and in no view of Redis.
func TestForgottenIsInNoSegmentAndNoView(t *testing.T) {
	forgottenIsInNoSegmentAndNoView(t, newWorld(t))
}

func forgottenIsInNoSegmentAndNoView(t *testing.T, w *world) {
	t.Helper()
	for place, has := range map[string]func(string) bool{"Kafka": func(text string) bool { return inFiles(t, w.kafka, text) }, "Redis": func(text string) bool { return strings.Contains(w.views(t), text) }} {
		if !has("ADANAME") || !has("BENNAME") {
			t.Fatalf("the names are not in %s before: the search shows nothing", place)
		}
	}
	w.coordinate(t)
	receipt := w.forget(t, Target{Org: "acme", User: "U1"}, false)
	if len(receipt.Ends) == 0 || len(receipt.Traces) > 0 || receipt.Redis != 4 {
		t.Errorf("receipt %+v, want two indexes by email, one of everybody, and a direct message", receipt)
	}
	if left, err := LeftInRedis(t.Context(), w.Redis, kept(t, receipt)); err != nil || left > 0 {
		t.Errorf("%d places are left in Redis, %v", left, err)
	}
	if named := strings.Join(w.mini.Keys(), "\n"); strings.Contains(named, "ada@x.example") || !strings.Contains(named, "ben@x.example") {
		t.Errorf("Redis has the keys\n%s", named)
	}
	for deadline := time.Now().Add(2 * time.Minute); inFiles(t, w.kafka, "ADANAME"); { // Apache Kafka deletes the files of what it has compacted after a minute (file.delete.delay.ms)
		if time.Now().After(deadline) {
			t.Fatal("Kafka's segments have the name still")
		}
		time.Sleep(200 * time.Millisecond)
	}
	if all := w.views(t); strings.Contains(all, "ADANAME") || !strings.Contains(all, "BENNAME") {
		t.Errorf("Redis has %s", all)
	}
	if !inFiles(t, w.kafka, "BENNAME") {
		t.Error("Kafka's segments have lost another's name")
	}
}

// coordinate writes what Redis has of the sync of channels, and of messages to people.
func (w *world) coordinate(t *testing.T) {
	t.Helper()
	for _, key := range []string{schemas.DMKey("T1"), schemas.ThreadsKey("T1", "C1"), schemas.PrintsKey("T1", "C1"), schemas.ThreadsKey("T1", "C2"), schemas.PrintsKey("T2", "C1")} {
		if err := w.Redis.HSet(t.Context(), key, "U1", "1", "U2", "2").Err(); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Redis.ZAdd(t.Context(), schemas.ThreadsDueKey("T1", "C1"), redis.Z{Score: 1, Member: "1700000001.000000"}).Err(); err != nil {
		t.Fatal(err)
	}
}

// What coordinates the sync of a channel goes with the channel, with its account, and with the organization; so do the organization's indexes by email.
func TestNothingIsLeftInRedis(t *testing.T) {
	for name, tt := range map[string]struct {
		target Target
		gone   []string
		kept   []string
	}{
		"a channel":       {Target{Org: "acme", Channel: "C1"}, []string{"threads:{T1}:C1", "threads-due:{T1}:C1", "prints:{T1}:C1"}, []string{"threads:{T1}:C2", "prints:{T2}:C1", "dm:{T1}", "ada@x.example"}},
		"an account":      {Target{Org: "acme", Account: "a2"}, []string{"threads:{T1}:C2"}, []string{"threads:{T1}:C1", "prints:{T1}:C1", "prints:{T2}:C1"}},
		"an organization": {Target{Org: "acme", All: true}, []string{"{T1}", "ada@x.example", "ben@x.example"}, []string{"prints:{T2}:C1"}},
	} {
		w := newWorld(t)
		w.views(t)
		w.coordinate(t)
		shown := w.forget(t, tt.target, true)
		if n, err := LeftInRedis(t.Context(), w.Redis, shown); err != nil || n == 0 || n != shown.Redis {
			t.Errorf("%s: %d places, and %d are shown, %v", name, n, shown.Redis, err)
		}
		receipt := w.forget(t, tt.target, false)
		if left, err := LeftInRedis(t.Context(), w.Redis, kept(t, receipt)); err != nil || left > 0 {
			t.Errorf("%s: %d places are left, %v", name, left, err)
		}
		var coordination []string
		for _, key := range w.mini.Keys() {
			if !strings.Contains(key, "{team:") {
				coordination = append(coordination, key)
			}
		}
		keys := strings.Join(coordination, "\n")
		for _, part := range tt.gone {
			if strings.Contains(keys, part) {
				t.Errorf("%s: %s is left in\n%s", name, part, keys)
			}
		}
		for _, part := range tt.kept {
			if !strings.Contains(keys, part) {
				t.Errorf("%s: %s is gone, too, of\n%s", name, part, keys)
			}
		}
	}
}

// breaking is a ClickHouse that is away from some statement on.
type breaking struct {
	driver.Conn
	after int
}

func (b *breaking) Exec(ctx context.Context, sql string, args ...any) error {
	if b.after--; b.after < 0 {
		return errors.New("ClickHouse is away")
	}
	return b.Conn.Exec(ctx, sql, args...)
}

// A run that broke off anywhere finds, when it is run again, all that it would have: a person by the email, an account's channels by the account.
func TestARunThatBrokeOffIsRunAgain(t *testing.T) {
	for name, tt := range map[string]struct {
		target Target
		rows   uint64
	}{"a person": {Target{Org: "acme", User: "ada@x.example"}, 2}, "an account": {Target{Org: "acme", Account: "a1"}, 2}} {
		w := newWorld(t)
		if shown := w.forget(t, tt.target, true); messages(shown) != tt.rows {
			t.Fatalf("%s: %d messages would go, want %d", name, messages(shown), tt.rows)
		}
		broken := w.Options
		broken.ClickHouse = &breaking{w.ClickHouse, 2}
		if _, err := Run(t.Context(), broken, tt.target, false); err == nil {
			t.Fatalf("%s: it did not break off", name)
		}
		receipt := w.forget(t, tt.target, false)
		if left, err := Check(t.Context(), w.ClickHouse, receipt); err != nil || len(left) > 0 {
			t.Errorf("%s: left %v, %v", name, left, err)
		}
		var n uint64
		if err := w.ClickHouse.QueryRow(t.Context(), "SELECT count() FROM messages FINAL WHERE org_id = 'acme'").Scan(&n); err != nil || n != 3-tt.rows {
			t.Errorf("%s: %d messages are left, want %d, %v", name, n, 3-tt.rows, err)
		}
		if keys := w.keys(t); strings.Contains(keys, "directory.users acme/u-ada") == (tt.target.User != "") {
			t.Errorf("%s: Kafka has\n%s", name, keys)
		}
	}
}

func messages(r Receipt) (n uint64) {
	for _, rows := range r.Rows {
		if rows.Table == "messages" {
			n += rows.Rows
		}
	}
	return n
}

// views applies the compacted topics to Redis, as the views sink does, and says what Redis has then.
func (w *world) views(t *testing.T) string {
	t.Helper()
	client, err := kgo.NewClient(append(slices.Clone(w.Kafka), kgo.ConsumeTopics(compactedTopics()...), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))...)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ends, err := kadm.NewClient(client).ListEndOffsets(t.Context(), compactedTopics()...)
	if err != nil {
		t.Fatal(err)
	}
	left := 0
	ends.Each(func(o kadm.ListedOffset) {
		if o.Offset > 0 {
			left++
		}
	})
	var records []*kgo.Record
	for left > 0 {
		client.PollFetches(t.Context()).EachRecord(func(r *kgo.Record) {
			if end, _ := ends.Lookup(r.Topic, r.Partition); r.Offset+1 == end.Offset {
				left--
			}
			records = append(records, r)
		})
	}
	rdb := redis.NewClient(&redis.Options{Addr: w.mini.Addr()})
	defer rdb.Close()
	if err := views.Apply(t.Context(), rdb, records); err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, key := range w.mini.Keys() {
		fields, _ := w.mini.HKeys(key) // none of what is no hash
		for _, field := range fields {
			fmt.Fprintln(&all, key, field, w.mini.HGet(key, field))
		}
		members, _ := w.mini.ZMembers(key) // none of what is no sorted set
		fmt.Fprintln(&all, key, members)
	}
	return all.String()
}

// What a poll finds again of a forgotten person is in no answer.
func TestAForgottenPersonStaysForgotten(t *testing.T) {
	w := newWorld(t)
	w.forget(t, Target{Org: "acme", User: "U1"}, false)
	w.exec(t, "INSERT INTO messages (org_id, team_id, channel_id, ts, user_id, text, ts_time, version) VALUES ('acme', 'T1', 'C1', '1700000001.000000', 'U1', 'again', '2023-11-14 22:13:20', 99)")
	for _, view := range []string{"conversations", "message_versions"} {
		n, err := count(t.Context(), w.ClickHouse, "SELECT count() FROM "+view+" WHERE org_id = 'acme' AND user_id = 'U1'")
		if err != nil || n != 0 {
			t.Errorf("%s has %d messages of the person, %v", view, n, err)
		}
	}
	receipt := w.forget(t, Target{Org: "acme", User: "U1"}, false)
	if left, err := Check(t.Context(), w.ClickHouse, receipt); err != nil || len(left) > 0 {
		t.Errorf("after it was forgotten again: left %v, %v", left, err)
	}
}

func TestTargets(t *testing.T) {
	for _, bad := range []Target{{}, {Org: "acme"}, {User: "U1"}, {Org: "acme", User: "U1", All: true}} {
		if err := bad.Validate(); err == nil {
			t.Errorf("%+v was taken", bad)
		}
	}
	if err := errors.Join(Target{Org: "acme", Channel: "C1"}.Validate(), Target{Org: "acme", All: true}.Validate()); err != nil {
		t.Error(err)
	}
}

// What comes after a run is found by the names that the run had found: no email leads to a Slack user any more, and no account to its channels.
func TestForgetAgain(t *testing.T) {
	w := newWorld(t)
	for _, target := range []Target{{Org: "acme", User: "ada@x.example"}, {Org: "acme", Account: "a1"}} {
		encoded, err := json.Marshal(w.forget(t, target, false))
		if err != nil {
			t.Fatal(err)
		}
		var receipt Receipt
		if err := json.Unmarshal(encoded, &receipt); err != nil {
			t.Fatal(err)
		}
		w.exec(t, "INSERT INTO messages (org_id, team_id, channel_id, ts, user_id, text, ts_time, version) VALUES ('acme', 'T1', 'C1', '1700000099.000000', 'U1', 'LATER', '2023-11-14 22:14:59', 9)")
		left := func(of Receipt) uint64 {
			t.Helper()
			n, err := Check(t.Context(), w.ClickHouse, of)
			if err != nil {
				t.Fatal(err)
			}
			return n["messages"]
		}
		if n := left(receipt); n != 1 {
			t.Fatalf("%+v: the receipt finds %d messages that came after it", target, n)
		}
		if n := left(w.forget(t, target, true)); n != 0 {
			t.Fatalf("%+v: %d messages are found without the receipt: there is nothing to show", target, n)
		}
		again := w.forget(t, receipt.Target, false)
		if n := left(receipt); n != 0 || len(again.Target.Names.Channels)+len(again.Target.Names.SlackUsers) == 0 {
			t.Errorf("%+v: %d messages are left, receipt %+v", target, n, again)
		}
	}
}
