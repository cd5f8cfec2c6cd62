package processors

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/schemas"
)

type nothing struct{}

func (nothing) Process(context.Context, []*kgo.Record) (*Result, error) { return NewResult(0), nil }

// An edge list that cannot run is refused before anything starts, with what is wrong.
func TestDefinitionValidate(t *testing.T) {
	in, out := []schemas.Spec{schemas.SlackEvents.Spec}, []schemas.Spec{schemas.ContextMessages.Spec}
	for name, tt := range map[string]struct {
		def  Definition
		want string
	}{
		"can run":           {Definition{Name: "enrich", In: in, Out: out, Processor: nothing{}}, ""},
		"writes nothing":    {Definition{Name: "enrich", In: in, Processor: nothing{}}, ""},
		"no name":           {Definition{Name: "", In: in, Out: out, Processor: nothing{}}, "without a name"},
		"reads nothing":     {Definition{Name: "enrich", Out: out, Processor: nothing{}}, "enrich reads no topic"},
		"no implementation": {Definition{Name: "enrich", In: in, Out: out}, "enrich has no implementation"},
		"a loop":            {Definition{Name: "enrich", In: in, Out: append(out, in...), Processor: nothing{}}, "enrich writes slack.events, which it reads: a loop"},
	} {
		err := tt.def.Validate()
		if _, runner := NewRunner(tt.def, Options{}); (runner == nil) != (err == nil) {
			t.Errorf("%s: Validate says %v, NewRunner %v", name, err, runner)
		}
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%s: %v, want %q", name, err, tt.want)
		}
	}
}

// A result says for each record what became of it, and emits only where the definition goes.
func TestResultCheck(t *testing.T) {
	def := Definition{Name: "enrich", In: []schemas.Spec{schemas.SlackEvents.Spec}, Out: []schemas.Spec{schemas.ContextMessages.Spec}, Processor: nothing{}}
	emit := func(r *Result, i int) { r.Emit(i, Emit(schemas.ContextMessages.Spec, "k", []byte("v"))) }
	for name, tt := range map[string]struct {
		result func() *Result
		want   string
	}{
		"each fate": {func() *Result {
			r := NewResult(4)
			emit(r, 0)
			emit(r, 0)
			r.Drop(1, schemas.NotAMessage)
			r.Reject(2, schemas.Malformed, "no name")
			emit(r, 3)
			r.Reject(3, schemas.InvalidRequest, "no title")
			return r
		}, ""},
		"nothing":        {func() *Result { return nil }, "not for this batch of 4 records"},
		"another batch":  {func() *Result { return NewResult(3) }, "not for this batch of 4 records"},
		"one is missing": {func() *Result { r := NewResult(4); emit(r, 0); emit(r, 1); emit(r, 3); return r }, "record 2 of 4 is unaccounted for"},
		"another topic": {func() *Result {
			r := NewResult(4)
			for i := range 4 {
				emit(r, i)
			}
			r.Emit(0, Emit(schemas.SlackHistory.Spec, "k", nil))
			return r
		}, `emitted to "slack.history", which is not among its outputs`},
		"a dead-letter topic": {func() *Result {
			r := NewResult(4)
			for i := range 4 {
				r.Emit(i, &kgo.Record{Topic: schemas.SlackEvents.DeadLetter()})
			}
			return r
		}, "not among its outputs"},
	} {
		err := tt.result().check(def, make([]*kgo.Record, 4))
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), "enrich")) {
			t.Errorf("%s: %v, want %q", name, err, tt.want)
		}
	}
}

// What no broker would take makes its input a dead letter: it would fail the same way for ever, and the partition stand still.
func TestAnOutputThatIsTooLargeRejectsItsInput(t *testing.T) {
	for size, fits := range map[int]bool{schemas.MaxRecordBytes - 1: true, schemas.MaxRecordBytes: false} {
		r := NewResult(2)
		r.Emit(0, Emit(schemas.ContextMessages.Spec, "k", bytes.Repeat([]byte("x"), size)))
		r.Emit(1, Emit(schemas.ContextMessages.Spec, "k", []byte("v")))
		want := []Fate{{Emitted: 1}, {Emitted: 1}}
		if !fits {
			want[0] = Fate{Rejected: schemas.TooLarge, Detail: r.Fate(0).Detail}
		}
		if diff := cmp.Diff(want, []Fate{r.Fate(0), r.Fate(1)}); diff != "" {
			t.Errorf("%d bytes:\n%s", size, diff)
		}
		if !fits && (len(r.Emitted()) != 1 || !strings.Contains(r.Fate(0).Detail, "context.messages") || strings.Contains(r.Fate(0).Detail, "xx")) {
			t.Errorf("%d outputs, detail %.80q", len(r.Emitted()), r.Fate(0).Detail)
		}
	}
}
