package replay

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/deploy/apply/applytest"
	"github.com/bigmind/backchannel/deploy/embedded/chdb/chdbtest"
	"github.com/bigmind/backchannel/schemas"
	chsink "github.com/bigmind/backchannel/sinks/clickhouse"
)

var engineAddr string

func TestMain(m *testing.M) {
	chdbtest.Main(m, func(_ context.Context, addr string) error {
		engineAddr = addr
		return nil
	})
}

// world is a broker and a ClickHouse with rows, and a replayer whose sink is the real one.
type world struct {
	*Replayer
	t      *testing.T
	client *kgo.Client
	live   func(...*kgo.Record)
	began  time.Time
}

func newWorld(t *testing.T) *world {
	t.Helper()
	broker, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(3, Topics()...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(broker.Close)
	w := &world{t: t, began: time.Now().UTC().Truncate(time.Second)}
	w.Replayer = &Replayer{
		Kafka: []kgo.Opt{kgo.SeedBrokers(broker.ListenAddrs()...)}, Group: "backchannel-replay-shadow", Of: "live", Into: "live_shadow", Now: time.Now, Progress: io.Discard,
		Live: applytest.Database(t, engineAddr, "live"), Shadow: applytest.Database(t, engineAddr, "live_shadow"),
	}
	if w.client, err = kgo.NewClient(w.Kafka...); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.client.Close)
	write := func(conn clickhouse.Conn) func(context.Context, []*kgo.Record) (int, error) {
		sink := chsink.Definition(conn, 1000, time.Millisecond).Sink
		return func(ctx context.Context, batch []*kgo.Record) (int, error) {
			result, err := sink.Write(ctx, batch)
			return len(result.Rejected), err
		}
	}
	w.Write = write(w.Shadow)
	toLive := write(w.Live)
	w.WriteLive = toLive
	w.live = func(batch ...*kgo.Record) {
		t.Helper()
		if _, err := toLive(t.Context(), batch); err != nil {
			t.Fatal(err)
		}
	}
	return w
}

// said is a message on context.messages that was received so long after the world began, and a row.
func (w *world) said(n int, after time.Duration, text string, more ...func(*schemas.ContextMessage)) {
	w.t.Helper()
	at := w.began.Add(after)
	m := schemas.ContextMessage{
		OrgID: "acme", TeamID: "T1", ChannelID: "C1", TS: schemas.TS(fmt.Sprintf("1790000%03d.000100", n)), Version: uint64(1790000000+n) * 1e6,
		UserID: "U1", Text: text, AccountID: "a1", Source: "live", ReceivedAt: at,
	}
	for _, f := range more {
		f(&m)
	}
	value, err := schemas.ContextMessages.Encode(m)
	if err != nil {
		w.t.Fatal(err)
	}
	r := &kgo.Record{Topic: schemas.ContextMessages.Name, Key: []byte("T1/C1"), Value: value, Timestamp: at.Add(time.Millisecond)}
	if err := w.client.ProduceSync(w.t.Context(), r).FirstErr(); err != nil {
		w.t.Fatal(err)
	}
	w.live(r)
}

func (w *world) run(topics ...string) Counts {
	w.t.Helper()
	c, err := w.Run(w.t.Context(), topics, w.began)
	if err != nil {
		w.t.Fatal(err)
	}
	return c
}

func (w *world) texts(database string) string {
	w.t.Helper()
	var all string
	if err := w.Live.QueryRow(w.t.Context(), "SELECT arrayStringConcat(groupArray(text), ' ') FROM (SELECT text FROM "+name(database, "messages")+" FINAL ORDER BY ts)").Scan(&all); err != nil {
		w.t.Fatal(err)
	}
	return all
}

func (w *world) compare() Difference {
	w.t.Helper()
	d, err := w.Compare(w.t.Context(), 10)
	if err != nil {
		w.t.Fatal(err)
	}
	return d
}

// The whole way: a sink that was wrong is replayed, compared, switched to and back, while messages go on coming.
func TestReplayCompareSwitchDrop(t *testing.T) {
	w := newWorld(t)
	w.said(1, -time.Hour, "before")
	w.said(2, time.Second, "right")
	w.said(3, 2*time.Second, "edited")
	w.said(3, 3*time.Second, "again", func(m *schemas.ContextMessage) { m.Version++; m.EditedTS = "1790000003.000000" })
	w.said(4, 4*time.Second, "deleted")
	w.said(4, 5*time.Second, "", func(m *schemas.ContextMessage) { m.Version++; m.Deleted = true })
	w.live(&kgo.Record{Topic: schemas.ContextMessages.Name, Value: []byte(`{"org_id":"acme","team_id":"T1","channel_id":"C1","ts":"1790000002.000100","version":1790000009000000,"account_id":"wrong","text":"wrong","source":"live","received_at":"` + w.began.Add(time.Second).Format(time.RFC3339) + `"}`)})
	w.live(&kgo.Record{Topic: schemas.ContextMessages.Name, Value: []byte(`{"org_id":"acme","team_id":"T1","channel_id":"C1","ts":"1790000005.000100","version":1790000005000000,"account_id":"a1","text":"unasked","source":"live","received_at":"` + w.began.Format(time.RFC3339) + `"}`)})

	// A run that breaks off in the middle goes on there, and copies nothing again.
	write, broke := w.Write, false
	w.Write = func(ctx context.Context, batch []*kgo.Record) (int, error) {
		if !broke {
			broke = true
			return 0, errors.New("ClickHouse is away")
		}
		return write(ctx, batch)
	}
	if _, err := w.Run(t.Context(), []string{schemas.ContextMessages.Name}, w.began); err == nil || !strings.Contains(err.Error(), "ClickHouse is away") {
		t.Fatalf("a run that breaks off: %v", err)
	}
	if _, err := w.Compare(t.Context(), 10); !errors.Is(err, errNoShadow) {
		t.Errorf("comparing half of it: %v", err)
	}
	if _, err := w.Switch(t.Context()); !errors.Is(err, errNoShadow) {
		t.Errorf("switching to half of it: %v", err)
	}
	if got := w.run(schemas.ContextMessages.Name); got.Copied != 0 || got.Read != 5 || got.Written != 5 || got.Left != 0 {
		t.Errorf("the second run: %+v, want the 5 records from the time on", got)
	}
	if got := w.run(schemas.ContextMessages.Name); got.Read != 0 {
		t.Errorf("a third run read %d", got.Read)
	}
	want := Difference{Live: 4, Shadow: 3, OnlyLive: 1, Differ: 1, Examples: []Example{
		{Org: "acme", Team: "T1", Channel: "C1", TS: "1790000005.000100", Side: "live"},
		{Org: "acme", Team: "T1", Channel: "C1", TS: "1790000002.000100", Side: "both", Columns: []string{"version", "user_id", "text", "account_id"}},
	}}
	if diff := cmp.Diff(want, w.compare(), cmpopts.IgnoreFields(Difference{}, "From", "Until"), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("the comparison (-want +got):\n%s", diff)
	}
	if got := w.texts("live"); got != "before wrong again unasked" {
		t.Errorf("before the switch: %q", got)
	}

	w.said(6, time.Minute, "meanwhile")
	if d := w.compare(); d.Newer != 1 || d.OnlyLive != 1 {
		t.Errorf("what came since: %+v", d)
	}
	if _, err := w.Switch(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := w.texts("live"); got != "before right again meanwhile" {
		t.Errorf("after the switch: %q", got)
	}
	w.said(7, 2*time.Minute, "afterwards")
	for _, table := range []string{"message_texts", "message_origins"} {
		var n uint64
		if err := w.Live.QueryRow(t.Context(), "SELECT count() FROM "+table+" FINAL WHERE ts_time = '2026-09-21 14:13:27.0001'").Scan(&n); err != nil || n != 1 {
			t.Errorf("the feed of %s, after the switch: %d, %v", table, n, err)
		}
	}
	if _, err := w.Switch(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := w.texts("live"); got != "before wrong again unasked meanwhile afterwards" {
		t.Errorf("switched back: %q", got)
	}

	groups, err := kadm.NewClient(w.client).ListGroups(t.Context())
	if err != nil || len(groups) != 1 || groups[w.Group].Group == "" {
		t.Errorf("groups are %v, %v: nobody else's may be there", groups.Groups(), err)
	}
	if err := w.Drop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Switch(t.Context()); !errors.Is(err, errNoShadow) {
		t.Errorf("after it was dropped: %v", err)
	}
	if err := w.Drop(t.Context()); err != nil {
		t.Errorf("dropping what is gone: %v", err)
	}
	w.throughEnrich()
}

// throughEnrich replays the private topics; the rest of the world is as it was left.
func (w *world) throughEnrich() {
	t := w.t
	t.Helper()
	w.Shadow = applytest.Database(t, engineAddr, w.Into)
	w.Write = func(ctx context.Context, batch []*kgo.Record) (int, error) {
		result, err := chsink.Definition(w.Shadow, 1000, time.Millisecond).Sink.Write(ctx, batch)
		return len(result.Rejected), err
	}
	for i, topic := range []string{"slack.events", "slack.history", "slack.events"} {
		r := &kgo.Record{Topic: topic, Key: []byte("T1/C1"), Value: []byte(strconv.Itoa(i)), Timestamp: w.began.Add(time.Minute)}
		if err := w.client.ProduceSync(t.Context(), r).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	w.Enrich = func(_ context.Context, batch []*kgo.Record) (made []*kgo.Record, dropped, rejected int, err error) {
		for _, r := range batch {
			switch string(r.Value) {
			case "0":
				dropped++
			case "1":
				rejected++
			default:
				made = append(made, &kgo.Record{Topic: schemas.ContextMessages.Name, Key: r.Key, Value: []byte(`{"org_id":"acme","team_id":"T1","channel_id":"C1","ts":"1790000008.000100","version":1790000008000000,"account_id":"a1","text":"enriched","source":"live"}`)})
			}
		}
		return made, dropped, rejected, nil
	}
	got := w.run("slack.events", "slack.history")
	if diff := cmp.Diff(Counts{Copied: got.Copied, Read: 3, Dropped: 1, Rejected: 1, Written: 1}, got); diff != "" {
		t.Errorf("through enrich (-want +got):\n%s", diff)
	}
	if got := w.texts(w.Into); got != "before enriched" {
		t.Errorf("the shadow has %q", got)
	}
	if _, err := w.Run(t.Context(), []string{schemas.ContextMessages.Name}, w.began); err == nil || !strings.Contains(err.Error(), "of other topics") {
		t.Errorf("another topic into the same shadow: %v", err)
	}
}

func TestWhatCannotBeReplayed(t *testing.T) {
	r := &Replayer{Now: time.Now}
	for _, tt := range []struct {
		topics []string
		want   string
	}{
		{[]string{"crm.accounts"}, "crm.accounts has no part in them"},
		{[]string{"slack.events"}, "are replayed together"},
		{[]string{"slack.events", "slack.history", "context.messages"}, "replay it, or those"},
	} {
		if _, err := r.Run(t.Context(), tt.topics, time.Now()); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%v: %v, want %q", tt.topics, err, tt.want)
		}
	}
	if err := r.reaches([]string{"context.messages"}, time.Now().Add(-80*time.Hour)); err == nil || !strings.Contains(err.Error(), "keeps records for 72h0m0s: begin at ") {
		t.Errorf("further back than the topic: %v", err)
	}
}
