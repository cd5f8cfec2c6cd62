package deadletters

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/goleak"

	"github.com/bigmind/backchannel/cmd/backchannel/scan"
	"github.com/bigmind/backchannel/schemas"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	requests = "notification.requests"
	private  = "slack.events"
)

// reader is a Reader as 'backchannel dlq' makes it, on a broker with the topics of the tests.
func reader(t *testing.T) Reader {
	t.Helper()
	broker, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(3, requests, private), kfake.SeedTopics(2, requests+".dlq", private+".dlq"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(broker.Close)
	client, err := kgo.NewClient(kgo.SeedBrokers(broker.ListenAddrs()...), kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.KeepControlRecords())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return Reader{Client: client}
}

// produce puts one record on a given partition and returns it with its offset.
func produce(t *testing.T, r Reader, rec *kgo.Record) *kgo.Record {
	t.Helper()
	addr := r.Client.OptValue(kgo.SeedBrokers).([]string)
	by, err := kgo.NewClient(kgo.SeedBrokers(addr...), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	defer by.Close()
	if err := by.ProduceSync(t.Context(), rec).FirstErr(); err != nil {
		t.Fatal(err)
	}
	return rec
}

func letter(t *testing.T, r Reader, partition int32, source *kgo.Record, reason schemas.Reason, value []byte) ID {
	t.Helper()
	d := schemas.DeadLetter{
		Reason: reason, Detail: "why", Component: "route", Topic: source.Topic, Partition: source.Partition, Offset: source.Offset,
		Time: time.Date(2026, 11, 23, 17, 0, 0, 0, time.UTC),
	}
	rec := &kgo.Record{Topic: source.Topic + ".dlq", Partition: partition, Key: source.Key, Value: value}
	for _, h := range d.Headers() {
		rec.Headers = append(rec.Headers, kgo.RecordHeader{Key: h.Key, Value: []byte(h.Value)})
	}
	produce(t, r, rec)
	return ID{rec.Topic, rec.Partition, rec.Offset}
}

func list(t *testing.T, r Reader, topics ...string) (ids []string, err error) {
	t.Helper()
	err = r.List(t.Context(), topics, func(l Letter) error {
		ids = append(ids, l.ID.String())
		return nil
	})
	return ids, err
}

func source(topic, key, value string) *kgo.Record {
	return &kgo.Record{Topic: topic, Partition: 1, Key: []byte(key), Value: []byte(value)}
}

func TestListReadsEveryPartitionInOrder(t *testing.T) {
	r := reader(t)
	src := produce(t, r, source(requests, "org/usr", "{}"))
	letter(t, r, 1, src, schemas.Malformed, []byte("b"))
	letter(t, r, 0, src, schemas.Malformed, []byte("a"))
	letter(t, r, 1, src, schemas.UnknownOrg, []byte("c"))
	want := []string{requests + ".dlq/0/0", requests + ".dlq/1/0", requests + ".dlq/1/1"}
	for range 2 { // a second listing over the same client reads the same
		got, err := list(t, r, requests+".dlq")
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("letters (-want +got):\n%s", diff)
		}
	}
	if got, err := list(t, r, private+".dlq"); err != nil || got != nil {
		t.Errorf("an empty topic lists %v, %v", got, err)
	}
}

// Letters are written in transactions: what was aborted is no letter, and the markers at the end must not be waited for.
func TestListLeavesOutWhatWasAborted(t *testing.T) {
	r := reader(t)
	src := produce(t, r, source(requests, "org/usr", "{}"))
	letter(t, r, 0, src, schemas.Malformed, nil)
	addr := r.Client.OptValue(kgo.SeedBrokers).([]string)
	tx, err := kgo.NewClient(kgo.SeedBrokers(addr...), kgo.TransactionalID("tx"), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Close()
	if err := tx.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	if err := tx.ProduceSync(t.Context(), &kgo.Record{Topic: requests + ".dlq", Value: []byte("aborted")}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	if err := tx.EndTransaction(t.Context(), kgo.TryAbort); err != nil {
		t.Fatal(err)
	}
	got, err := list(t, r, requests+".dlq")
	if diff := cmp.Diff([]string{requests + ".dlq/0/0"}, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

// One stray record must not hide the letters behind it, nor be passed over in silence.
func TestAForeignRecordHidesNoLetter(t *testing.T) {
	r := reader(t)
	src := produce(t, r, source(requests, "org/usr", "{}"))
	produce(t, r, &kgo.Record{Topic: requests + ".dlq", Value: []byte("somebody's test")})
	letter(t, r, 0, src, schemas.Malformed, nil)
	got, err := list(t, r, requests+".dlq")
	if diff := cmp.Diff([]string{requests + ".dlq/0/1"}, got); diff != "" {
		t.Errorf("letters (-want +got):\n%s", diff)
	}
	if err == nil || !strings.Contains(err.Error(), requests+".dlq/0/0") || strings.Contains(err.Error(), "somebody") {
		t.Errorf("error %v, want the coordinates of the stray record and nothing of its value", err)
	}
}

func TestReplayPutsTheRecordBack(t *testing.T) {
	tests := []struct {
		name, topic string
		kept        []byte // in the letter
		want        string
	}{
		{"from the letter", requests, []byte(`{"kept":true}`), `{"kept":true}`},
		{"of a private topic from its source", private, nil, "original"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := reader(t)
			produce(t, r, source(tt.topic, "other", "not this"))
			src := produce(t, r, source(tt.topic, "T1/C1", "original"))
			produce(t, r, source(tt.topic, "other", "nor this"))
			id := letter(t, r, 0, src, schemas.Malformed, tt.kept)
			l, err := r.Get(t.Context(), id)
			if err != nil {
				t.Fatal(err)
			}
			if err := r.Replay(t.Context(), l); err != nil {
				t.Fatal(err)
			}
			got := replayed(t, r, tt.topic)
			if string(got.Key) != "T1/C1" || string(got.Value) != tt.want {
				t.Errorf("replayed %s = %s, want T1/C1 = %s", got.Key, got.Value, tt.want)
			}
		})
	}
}

// replayed finds the one record of a topic that says that it was replayed.
func replayed(t *testing.T, r Reader, topic string) *kgo.Record {
	t.Helper()
	all, err := scan.All(t.Context(), r.Client, topic)
	if err != nil {
		t.Fatal(err)
	}
	var found []*kgo.Record
	err = scan.Read(t.Context(), r.Client, all, func(rec *kgo.Record) error {
		for _, h := range rec.Headers {
			if h.Key == schemas.HeaderReplayed {
				found = append(found, rec)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(found) != 1 {
		t.Fatalf("%d replayed records, want 1", len(found))
	}
	return found[0]
}

func TestReplayOfAnExpiredSourceSaysSo(t *testing.T) {
	r := reader(t)
	src := produce(t, r, source(private, "T1/C1", "expired"))
	produce(t, r, source(private, "T1/C1", "still there"))
	id := letter(t, r, 0, src, schemas.Malformed, nil)
	expire(t, r, private, 1, 1)
	l, err := r.Get(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	err = r.Replay(t.Context(), l)
	if err == nil || !strings.Contains(err.Error(), "slack.events/1/0: its retention may have removed it") {
		t.Errorf("error %v, want that the source record is gone", err)
	}
}

func expire(t *testing.T, r Reader, topic string, partition int32, before int64) {
	t.Helper()
	var offsets kadm.Offsets
	offsets.Add(kadm.Offset{Topic: topic, Partition: partition, At: before})
	answer, err := kadm.NewClient(r.Client).DeleteRecords(t.Context(), offsets)
	if err == nil {
		err = answer.Error()
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestGetSaysThatThereIsNone(t *testing.T) {
	r := reader(t)
	ctx, cancel := context.WithTimeout(t.Context(), scan.Quiet)
	defer cancel()
	for _, id := range []ID{{requests + ".dlq", 0, 7}, {requests + ".dlq", 9, 0}, {requests + ".dlq", 0, -1}} {
		if _, err := r.Get(ctx, id); err == nil || !strings.Contains(err.Error(), "there is no record at "+id.String()) {
			t.Errorf("Get(%s): %v", id, err)
		}
	}
	if _, err := r.Get(ctx, ID{"nowhere.dlq", 0, 0}); err == nil {
		t.Error("Get of a topic that does not exist succeeds")
	}
}

func TestParseID(t *testing.T) {
	for _, text := range []string{"", "a.dlq", "a.dlq/0", "a.dlq/x/0", "a.dlq/0/x", "a/0/0", "a.dlq/0/0/0", "a.dlq/4294967296/0"} {
		if _, err := ParseID(text); err == nil || !strings.Contains(err.Error(), "backchannel dlq list") {
			t.Errorf("ParseID(%q): %v", text, err)
		}
	}
	id, err := ParseID("notification.requests.dlq/1/42")
	if diff := cmp.Diff(ID{"notification.requests.dlq", 1, 42}, id); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

func FuzzParseID(f *testing.F) {
	f.Add("notification.requests.dlq/0/17")
	f.Fuzz(func(t *testing.T, text string) {
		id, err := ParseID(text)
		if err != nil {
			return
		}
		if again, err := ParseID(id.String()); err != nil || again != id {
			t.Errorf("%q: %v, then %v, %v", text, id, again, err)
		}
	})
}
