package enrich

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"
	"pgregory.net/rapid"

	"github.com/bigmind/backchannel/processors"
	"github.com/bigmind/backchannel/processors/processorstest"
	"github.com/bigmind/backchannel/schemas"
)

func TestContract(t *testing.T) {
	processorstest.Check(t, func(t *testing.T) processorstest.Subject {
		r := newWorld(t)
		return processorstest.Subject{
			Define: func() processors.Definition { return Definition(r.Client) },
			Redis:  r,
			Batch: func() []*kgo.Record {
				return []*kgo.Record{
					event("T1", asC1+`"user":"U1","text":"hush","files":[{"name":"hush.txt"}]`),
					event("T1", asC1+`"subtype":"channel_join","user":"U1","text":"hush"`),
					event("T9", asC1+`"user":"U1","text":"hush"`),
					{Topic: schemas.SlackEvents.Name, Value: []byte(`{"hush":hush}`)},
					event("T1", delete1),
					polled(`"ts":"` + saidTS + `","user":"UEXT","text":"hush"`),
				}
			},
			Secret: "hush",
		}
	})
}

// However many records, teams, channels and people: Redis is asked once, and not at all when nothing depends on it.
func TestOneRoundTripABatch(t *testing.T) {
	r := newWorld(t)
	def := Definition(r.Client)
	var batch []*kgo.Record
	for i := range 300 {
		fields := fmt.Sprintf(`"channel":"C%d","ts":"1790000000.%06d","user":"U%d","text":"hello"`, i%7, i, i%11)
		batch = append(batch, event("T"+strconv.Itoa(i%4), fields))
	}
	for _, tt := range []struct {
		batch []*kgo.Record
		want  int64
	}{{batch, 1}, {batch[:1], 1}, {[]*kgo.Record{event("T1", asC1+`"subtype":"channel_join"`)}, 0}} {
		before := r.Trips()
		if _, err := def.Processor.Process(t.Context(), tt.batch); err != nil {
			t.Fatal(err)
		}
		if got := r.Trips() - before; got != tt.want {
			t.Errorf("a batch of %d asked Redis %d times, want %d", len(tt.batch), got, tt.want)
		}
	}
}

// A view value that cannot be read is our fault or somebody's hand: it must stop the batch, not turn into 'not associated'.
func TestAViewThatCannotBeReadIsAnError(t *testing.T) {
	for name, key := range map[string][2]string{
		"installation": {schemas.ViewTeamInstall("T1"), schemas.FieldInstallation},
		"association":  {schemas.ViewTeamAssociations("T1"), "C1"},
		"user":         {schemas.ViewTeamUsers("T1"), "U1"},
	} {
		r := newWorld(t)
		r.Mini.HSet(key[0], key[1], "7 {")
		result, err := Definition(r.Client).Processor.Process(t.Context(), []*kgo.Record{event("T1", asC1+`"user":"U1","text":"hello"`)})
		if err == nil || result != nil {
			t.Errorf("%s: got result %v and error %v", name, result, err)
		}
		if errors.Is(err, processors.ErrViewsIncomplete) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// One message is said, edited, perhaps deleted; Slack sends each change once or more, in any order, and polling sees any
// state in between, at any time. Whatever arrives, and in which batches: the row of the highest version says the same.
func TestAnyOrderLeavesTheSameRow(t *testing.T) {
	r := newWorld(t)
	rapid.Check(t, func(rt *rapid.T) {
		edits := rapid.IntRange(0, 4).Draw(rt, "edits")
		deleted := rapid.Bool().Draw(rt, "deleted")
		var live, all []*kgo.Record
		live = append(live, event("T1", asC1+`"user":"U1","text":"v0"`))
		all = append(all, polled(`"ts":"`+saidTS+`","user":"U1","text":"v0"`))
		want := "v0"
		for i := range edits {
			ts := fmt.Sprintf("17900001%02d", i)
			now := fmt.Sprintf(`"user":"U1","ts":%q,"text":"v%d","edited":{"user":"U1","ts":"%s.000000"}`, saidTS, i+1, ts)
			live = append(live, event("T1", fmt.Sprintf(`"subtype":"message_changed","channel":"C1","ts":"%s.000300","event_ts":"%s.000300","message":{%s},"previous_message":{"user":"U1","ts":%q,"text":"v%d"}`, ts, ts, now, saidTS, i)))
			all = append(all, polled(now))
			want = fmt.Sprint("v", i+1)
		}
		if deleted {
			live = append(live, event("T1", `"subtype":"message_deleted","channel":"C1","ts":"1790000200.000400","event_ts":"1790000200.000400","deleted_ts":"`+saidTS+`"`))
			want = ""
		}
		arrived := live // every change arrives at least once; what is seen beside is any part of everything
		for range rapid.IntRange(0, 6).Draw(rt, "more") {
			arrived = append(arrived, rapid.SampledFrom(append(all, live...)).Draw(rt, "again"))
		}
		arrived = rapid.Permutation(arrived).Draw(rt, "order")
		def := Definition(r.Client)
		rows := map[uint64]string{}
		var last uint64
		for from := 0; from < len(arrived); {
			to := rapid.IntRange(from+1, len(arrived)).Draw(rt, "cut")
			result, err := def.Processor.Process(context.Background(), arrived[from:to])
			if err != nil {
				rt.Fatal(err)
			}
			for _, out := range result.Emitted() {
				m, err := schemas.ContextMessages.Decode(out.Value)
				if err != nil {
					rt.Fatal(err)
				}
				if said, twice := rows[m.Version]; twice && said != m.Text {
					rt.Fatalf("version %d says %q and %q", m.Version, said, m.Text)
				}
				rows[m.Version] = m.Text
				last = max(last, m.Version)
			}
			from = to
		}
		if diff := cmp.Diff(want, rows[last]); diff != "" {
			rt.Fatalf("the last row (-want +got):\n%s", diff)
		}
	})
}
