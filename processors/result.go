package processors

import (
	"fmt"
	"slices"
	"sync"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/schemas"
)

// Result says what became of every record of a batch.
type Result struct {
	fates   []Fate
	emitted []*kgo.Record
	sources []int32 // of which input each emitted record is
	slab    slab    // of emitted records
}

// Fate is what became of one input record. A rejected record may also have emitted, such as the outcome of a bad request.
type Fate struct {
	Emitted  int            // how many records it became
	Dropped  schemas.Reason // why it went no further, if so
	Rejected schemas.Reason // why it became a dead letter, if so
	Detail   string         // for the dead letter: a sentence without content
}

// NewResult makes the empty result for a batch of n records.
func NewResult(n int) *Result {
	r, _ := results.Get().(*Result)
	if r == nil {
		r = &Result{}
	}
	r.fates = slices.Grow(r.fates, n)[:n]
	clear(r.fates)
	return r
}

// results are those that are over, for their memory: of so many records it is neither allocated, cleared nor collected for each batch.
var results sync.Pool

// release ends the use of a result: none of its records is used any more.
func (r *Result) release() {
	clear(r.emitted)
	r.fates, r.emitted, r.sources = r.fates[:0], r.emitted[:0], r.sources[:0]
	r.slab.reset()
	results.Put(r)
}

// Emit says that input i became out, possibly among others. out names its topic. An output that no broker would take
// makes input i a dead letter instead: it would fail the same way for ever.
func (r *Result) Emit(i int, out *kgo.Record) {
	if len(out.Key)+len(out.Value) > schemas.MaxRecordBytes {
		r.Reject(i, schemas.TooLarge, fmt.Sprintf("its output for %s has %d bytes, the limit is %d", out.Topic, len(out.Value), schemas.MaxRecordBytes))
		return
	}
	r.fates[i].Emitted++
	r.emitted = append(r.emitted, out)
	r.sources = append(r.sources, int32(i))
}

// EmitValue is Emit for a value that can append itself.
func (r *Result) EmitValue(i int, to schemas.Spec, key schemas.Key, value interface{ AppendJSON(buf []byte) []byte }) {
	r.Emit(i, r.slab.value(to.Name, key, value))
}

// EmitCopy is Emit for a value that is there already. It is not copied.
func (r *Result) EmitCopy(i int, to schemas.Spec, key schemas.Key, value []byte) {
	r.Emit(i, r.slab.record(to.Name, key, value))
}

// EmitOutcome says that input i became an outcome, possibly among others.
func (r *Result) EmitOutcome(i int, o *schemas.Outcome) error {
	rec, err := EmitOutcome(o)
	if err != nil {
		return err
	}
	r.Emit(i, rec)
	return nil
}

// Drop says that input i goes no further, and why. Nothing is kept of it.
func (r *Result) Drop(i int, reason schemas.Reason) { r.fates[i].Dropped = reason }

// Reject says that input i can never succeed: it becomes a dead letter. The detail is for a person and holds no content.
func (r *Result) Reject(i int, reason schemas.Reason, detail string) {
	r.fates[i].Rejected, r.fates[i].Detail = reason, detail
}

// Emitted lists the output records in the order they were emitted.
func (r *Result) Emitted() []*kgo.Record { return r.emitted }

// Fate says what became of input i.
func (r *Result) Fate(i int) Fate { return r.fates[i] }
