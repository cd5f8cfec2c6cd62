package processors

import (
	"context"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Spans are a batch's in the traces of its records. Of is the context of what record i becomes, nil if it is in no trace that is kept. End says whether
// the batch took effect; if not, it comes again.
type Spans interface {
	Of(i int) context.Context
	End(committed bool)
}

// trace begins the spans of a batch that was processed, and has each output go on with the trace of its input.
func (r *Runner) trace(batch []*kgo.Record, result *Result, started time.Time) Spans {
	if r.opts.Trace == nil || len(batch) == 0 {
		return untraced{}
	}
	spans := r.opts.Trace(r.def.Name, batch, started)
	for n, rec := range result.emitted {
		if ctx := spans.Of(int(result.sources[n])); ctx != nil {
			rec.Context = ctx
		}
	}
	return spans
}

type untraced struct{}

func (untraced) Of(int) context.Context { return nil }
func (untraced) End(bool)               {}
