package processors

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/schemas"
)

// Processor turns a batch of records into records.
//
// Process is given at least one record and returns a Result made by NewResult for that batch, in which every record
// was emitted, dropped or rejected. An error means 'not now': nothing of the batch takes effect and the same batch comes
// again after a pause. Process may therefore be called repeatedly for the same records and must have no effect of its
// own. It is called by one goroutine at a time and may keep buffers between calls, but not the records.
type Processor interface {
	Process(ctx context.Context, batch []*kgo.Record) (*Result, error)
}

// Definition is one node of the graph: a named processor with the topics it reads and writes.
type Definition struct {
	Name      string
	In        []schemas.Spec
	Out       []schemas.Spec
	Processor Processor
	// Ticker, when set, is called by time. Such a processor may write the compacted topics that it reads: to end what is there.
	Ticker Ticker
	// Repartition, when set, is how records meet whose producers chose their keys. Such a processor reads and writes what they go through.
	Repartition *Repartition
}

// Validate refuses a definition that cannot run.
func (d Definition) Validate() error {
	switch {
	case d.Name == "":
		return errors.New("processor without a name")
	case len(d.In) == 0:
		return fmt.Errorf("processor %s reads no topic", d.Name)
	case d.Processor == nil:
		return fmt.Errorf("processor %s has no implementation", d.Name)
	}
	for _, in := range d.In {
		for _, out := range d.Out {
			ends, passes := d.Ticker != nil && in.Cleanup == schemas.Compact, d.Repartition != nil && in.Name == d.Repartition.Through.Name
			if in.Name == out.Name && !ends && !passes {
				return fmt.Errorf("processor %s writes %s, which it reads: a loop", d.Name, in.Name)
			}
		}
	}
	return nil
}

// check refuses a result that leaves an input unaccounted for, emits outside the definition's edges or sends round what has been through.
func (r *Result) check(d Definition, batch []*kgo.Record) error {
	n := len(batch)
	if r == nil || len(r.fates) != n {
		return fmt.Errorf("processor %s: the result is not for this batch of %d records", d.Name, n)
	}
	for i, f := range r.fates {
		if f.Emitted == 0 && f.Dropped == "" && f.Rejected == "" {
			return fmt.Errorf("processor %s: record %d of %d is unaccounted for", d.Name, i, n)
		}
	}
	for i, rec := range r.emitted {
		if !d.writes(rec.Topic) {
			return fmt.Errorf("processor %s: emitted to %q, which is not among its outputs", d.Name, rec.Topic)
		}
		if d.Repartition != nil && rec.Topic == d.Repartition.Through.Name && batch[r.sources[i]].Topic == rec.Topic {
			return fmt.Errorf("processor %s: emitted to %q what came from there", d.Name, rec.Topic)
		}
	}
	return nil
}

func (d Definition) writes(topic string) bool {
	for _, out := range d.Out {
		if out.Name == topic {
			return true
		}
	}
	return false
}
