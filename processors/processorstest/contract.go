package processorstest

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/processors"
	"github.com/bigmind/backchannel/schemas"
)

// Subject is a processor under the contract.
type Subject struct {
	// Define makes the definition. A second call is a restarted process.
	Define func() processors.Definition
	// Redis holds the views that Batch is decided by.
	Redis *Redis
	// Batch has records of every fate: emitted, dropped where the processor drops, and rejected. At least one of them
	// cannot be decided without Redis. It is made anew by each call.
	Batch func() []*kgo.Record
	// Secret is content of each record that must stand in no detail and no error.
	Secret string
}

// Check runs the contract. newSubject makes a subject for each part of it.
func Check(t *testing.T, newSubject func(t *testing.T) Subject) {
	for name, check := range map[string]func(*testing.T, Subject){
		"every record is accounted for":     accounted,
		"a repeat gives the same bytes":     repeated,
		"a restart gives the same bytes":    restarted,
		"results do not share what changes": independent,
		"a Redis that is away":              away,
		"views that are incomplete":         incomplete,
		"a context that is done":            done,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			check(t, newSubject(t))
		})
	}
}

func accounted(t *testing.T, s Subject) {
	def, batch := s.Define(), s.Batch()
	before := copies(batch)
	result := s.process(t, def, batch)
	emitted := 0
	for i := range batch {
		fate := result.Fate(i)
		emitted += fate.Emitted
		if fate.Emitted == 0 && fate.Dropped == "" && fate.Rejected == "" {
			t.Errorf("record %d is unaccounted for", i)
		}
		if fate.Rejected != "" && fate.Detail == "" {
			t.Errorf("record %d is rejected without a detail", i)
		}
		if s.Secret != "" && strings.Contains(fate.Detail, s.Secret) {
			t.Errorf("the detail of record %d quotes content", i)
		}
		for _, reason := range []schemas.Reason{fate.Dropped, fate.Rejected} {
			if reason != "" && !slices.ContainsFunc(schemas.Reasons, func(r schemas.ReasonInfo) bool { return r.Reason == reason }) {
				t.Errorf("record %d: %q is no reason that anybody explains", i, reason)
			}
		}
	}
	if emitted != len(result.Emitted()) || emitted == 0 {
		t.Errorf("fates count %d outputs, there are %d", emitted, len(result.Emitted()))
	}
	for _, out := range result.Emitted() {
		if !slices.ContainsFunc(def.Out, func(to schemas.Spec) bool { return to.Name == out.Topic }) {
			t.Errorf("emitted to %q, which is not among the outputs", out.Topic)
		}
		if len(out.Key) == 0 || len(out.Value) == 0 {
			t.Errorf("an output for %s has %d bytes of key and %d of value", out.Topic, len(out.Key), len(out.Value))
		}
	}
	if diff := cmp.Diff(before, copies(batch)); diff != "" {
		t.Errorf("the batch was changed (-before +after):\n%s", diff)
	}
}

func repeated(t *testing.T, s Subject) {
	def := s.Define()
	first := copies(s.process(t, def, s.Batch()).Emitted())
	if diff := cmp.Diff(first, copies(s.process(t, def, s.Batch()).Emitted())); diff != "" {
		t.Errorf("the second time (-first +second):\n%s", diff)
	}
}

func restarted(t *testing.T, s Subject) {
	first := copies(s.process(t, s.Define(), s.Batch()).Emitted())
	if diff := cmp.Diff(first, copies(s.process(t, s.Define(), s.Batch()).Emitted())); diff != "" {
		t.Errorf("after a restart (-first +second):\n%s", diff)
	}
}

// independent: a result is still being produced when buffers are used again.
func independent(t *testing.T, s Subject) {
	def, batch := s.Define(), s.Batch()
	result := s.process(t, def, batch)
	before := copies(result.Emitted())
	slices.Reverse(batch)
	s.process(t, def, batch)
	if diff := cmp.Diff(before, copies(result.Emitted())); diff != "" {
		t.Errorf("a later batch changed an earlier result (-before +after):\n%s", diff)
	}
}

func away(t *testing.T, s Subject) {
	def, batch := s.Define(), s.Batch()
	want := copies(s.process(t, s.Define(), s.Batch()).Emitted())
	s.Redis.Mini.SetError("LOADING Redis is loading the dataset in memory")
	for range 3 {
		_ = s.refuses(t, def, batch)
	}
	s.Redis.Mini.SetError("")
	if diff := cmp.Diff(want, copies(s.process(t, def, batch).Emitted())); diff != "" {
		t.Errorf("after the outage (-without one +got):\n%s", diff)
	}
}

func incomplete(t *testing.T, s Subject) {
	def, batch := s.Define(), s.Batch()
	want := copies(s.process(t, def, batch).Emitted())
	s.Redis.Mini.Del(schemas.ViewsCompleteKey)
	if err := s.refuses(t, def, batch); !errors.Is(err, processors.ErrViewsIncomplete) {
		t.Errorf("views that are not complete gave %v", err)
	}
	s.Redis.Mini.FlushAll() // lost: every look-up finds nothing
	if err := s.refuses(t, def, batch); !errors.Is(err, processors.ErrViewsIncomplete) {
		t.Errorf("views that were lost gave %v", err)
	}
	if len(want) == 0 {
		t.Error("the batch emits nothing when views are complete: this part shows nothing")
	}
}

func done(t *testing.T, s Subject) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	result, err := s.Define().Processor.Process(ctx, s.Batch())
	if !errors.Is(err, context.Canceled) || result != nil {
		t.Errorf("got result %v and error %v", result, err)
	}
}

func (s *Subject) process(t *testing.T, def processors.Definition, batch []*kgo.Record) *processors.Result {
	t.Helper()
	result, err := def.Processor.Process(t.Context(), batch)
	if err != nil {
		t.Fatalf("process: %v", err)
	}
	return result
}

// refuses wants an error, and nothing beside it that could be taken for a result.
func (s *Subject) refuses(t *testing.T, def processors.Definition, batch []*kgo.Record) error {
	t.Helper()
	result, err := def.Processor.Process(t.Context(), batch)
	if err == nil || result != nil {
		t.Fatalf("got result %v and error %v, want an error alone", result, err)
	}
	if s.Secret != "" && strings.Contains(err.Error(), s.Secret) {
		t.Error("the error quotes content")
	}
	return err
}

type copied struct{ Topic, Key, Value string }

func copies(records []*kgo.Record) []copied {
	all := make([]copied, len(records))
	for i, r := range records {
		all[i] = copied{r.Topic, string(r.Key), string(r.Value)}
	}
	return all
}
