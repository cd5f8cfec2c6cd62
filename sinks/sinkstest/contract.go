package sinkstest

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/schemas"
	"github.com/bigmind/backchannel/sinks"
)

// Subject is a sink under the contract, with a store of its own.
type Subject struct {
	// Define makes the sink's definition. A second call is a restarted process on the same store.
	Define func() sinks.Definition
	Topics []schemas.Spec // that must exist; default: Define().In
	// Good makes the n-th record, of partition 0, which has an effect of its own.
	Good func(n int) *kgo.Record
	// Bad makes a record that can never succeed, and Reason is why. Secret, when set, is content of the record that must
	// stand neither in the dead letter's headers, nor in what the runner logs and says it waits for, nor in a metric.
	Bad    func() *kgo.Record
	Reason schemas.Reason
	Secret string
	// Break takes the store away until mend is called.
	Break func() (mend func())
	// Effects lists what is in the store, in any order: one string per effect.
	Effects func(t testing.TB) []string
}

// Check runs the contract. newSubject makes a subject for each part of it; the broker is there when Define is called.
func Check(t *testing.T, newSubject func(t *testing.T, k *Kafka) Subject) {
	for name, check := range map[string]func(*testing.T, *Kafka, Subject){
		"success":   success,
		"transient": transient,
		"rejected":  rejected,
		"mixed":     mixed,
		"repeated":  repeated,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := &Kafka{}
			s := newSubject(t, k)
			topics := s.Topics
			if topics == nil {
				topics = s.Define().In
			}
			*k = *NewKafka(t, 1, topics...)
			check(t, k, s)
		})
	}
}

// start runs the subject and tells what it is given.
func (s *Subject) start(t *testing.T, k *Kafka, twice bool) (*Running, *Watched, string) {
	t.Helper()
	def := s.Define()
	watched := &Watched{Sink: def.Sink, Twice: twice}
	def.Sink = watched
	return Start(t, k, def), watched, sinks.Group(def.Name)
}

func (s *Subject) expect(t *testing.T, want int) []string {
	t.Helper()
	effects := slices.Sorted(slices.Values(s.Effects(t)))
	if len(effects) != want {
		t.Fatalf("the store has %d effects, want %d: %q", len(effects), want, effects)
	}
	if unique := slices.Compact(slices.Clone(effects)); len(unique) != want {
		t.Fatalf("the store has an effect twice: %q", effects)
	}
	return effects
}

// success: what is committed is in the store.
func success(t *testing.T, k *Kafka, s Subject) {
	records := []*kgo.Record{s.Good(1), s.Good(2), s.Good(3)}
	k.Produce(t, records...)
	_, _, group := s.start(t, k, false)
	k.WaitCommitted(t, group, records[0].Topic)
	s.expect(t, 3)
}

// transient: a store that is away gets the same records again, nothing is committed, nothing is given up.
func transient(t *testing.T, k *Kafka, s Subject) {
	rec := s.Good(1)
	running, watched, group := s.start(t, k, false)
	k.Produce(t, rec)
	k.WaitCommitted(t, group, rec.Topic)
	mend := s.Break()
	next := s.Good(2)
	k.Produce(t, next)
	Eventually(t, "three attempts on a store that is away", func() bool {
		failed := 0
		for _, w := range watched.Writes() {
			if w.Err != nil && slices.ContainsFunc(w.Batch, func(r *kgo.Record) bool { return r.Topic == next.Topic && r.Offset == next.Offset }) {
				failed++
			}
		}
		return failed >= 3
	})
	if at := k.Committed(t, group, next.Topic, 0); at > next.Offset {
		t.Errorf("offset %d is committed, and record %d is not in the store", at, next.Offset)
	}
	if running.Health() == nil {
		t.Error("the runner does not say that it waits")
	}
	mend()
	k.WaitCommitted(t, group, next.Topic)
	s.expect(t, 2)
	if letters := k.Letters(t, spec(t, next.Topic)); len(letters) > 0 {
		t.Errorf("an outage made dead letters: %+v", letters)
	}
	Eventually(t, "the runner to say that it works again", func() bool { return running.Health() == nil })
}

// rejected: a record that can never succeed becomes a dead letter that says why and where it was, and the next go on.
func rejected(t *testing.T, k *Kafka, s Subject) {
	bad := s.Bad()
	k.Produce(t, bad)
	running, _, group := s.start(t, k, false)
	k.WaitCommitted(t, group, bad.Topic)
	s.letter(t, k, running, bad)
	good := s.Good(1)
	k.Produce(t, good)
	k.WaitCommitted(t, group, good.Topic)
	s.expect(t, 1)
}

// mixed: the good records of a batch are written, the bad one alone is not.
func mixed(t *testing.T, k *Kafka, s Subject) {
	bad := s.Bad()
	k.Produce(t, s.Good(1), s.Good(2), bad, s.Good(3), s.Good(4))
	running, _, group := s.start(t, k, false)
	k.WaitCommitted(t, group, bad.Topic)
	s.letter(t, k, running, bad)
	s.expect(t, 4)
}

// repeated: the same batch at once, and everything again after a restart that lost the offsets, change nothing.
func repeated(t *testing.T, k *Kafka, s Subject) {
	records := []*kgo.Record{s.Good(1), s.Good(2), s.Good(3)}
	k.Produce(t, records...)
	running, _, group := s.start(t, k, true)
	k.WaitCommitted(t, group, records[0].Topic)
	before := s.expect(t, 3)
	running.Stop(t)
	k.Rewind(t, group)
	_, _, group = s.start(t, k, false)
	last := s.Good(4)
	k.Produce(t, last)
	k.WaitCommitted(t, group, last.Topic)
	after := s.expect(t, 4)
	for _, effect := range before {
		if !slices.Contains(after, effect) {
			t.Errorf("a repeat changed the store:\n%s", cmp.Diff(before, after))
		}
	}
}

func (s *Subject) letter(t *testing.T, k *Kafka, running *Running, bad *kgo.Record) {
	t.Helper()
	letters := k.Letters(t, spec(t, bad.Topic))
	if len(letters) != 1 {
		t.Fatalf("%d dead letters, want 1", len(letters))
	}
	got := letters[0]
	if got.Reason != s.Reason || got.Topic != bad.Topic || got.Partition != bad.Partition || got.Offset != bad.Offset || got.Detail == "" || got.Component == "" {
		t.Errorf("the dead letter says %+v; want reason %s, a detail, a component, and %s/%d/%d", got.DeadLetter, s.Reason, bad.Topic, bad.Partition, bad.Offset)
	}
	if string(got.Record.Key) != string(bad.Key) {
		t.Errorf("the dead letter's key is %q, want %q", got.Record.Key, bad.Key)
	}
	if !spec(t, bad.Topic).Private && string(got.Record.Value) != string(bad.Value) {
		t.Error("the dead letter does not carry the record's value")
	}
	if s.Secret == "" {
		return
	}
	for _, h := range got.Record.Headers {
		if strings.Contains(string(h.Value), s.Secret) {
			t.Errorf("header %s quotes content", h.Key)
		}
	}
	for _, err := range running.Told() {
		if strings.Contains(err.Error(), s.Secret) {
			t.Error("what the runner waits for quotes content")
		}
	}
	if strings.Contains(running.Logged(), s.Secret) {
		t.Error("the log quotes content")
	}
	families, err := running.Metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if strings.Contains(family.String(), s.Secret) {
			t.Errorf("the metric %s quotes content", family.GetName())
		}
	}
}

func spec(t testing.TB, topic string) schemas.Spec {
	t.Helper()
	s, known := schemas.TopicByName(topic)
	if !known {
		t.Fatalf("no topic %s", topic)
	}
	return s
}
