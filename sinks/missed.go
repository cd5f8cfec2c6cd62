package sinks

import (
	"context"

	"github.com/twmb/franz-go/pkg/kgo"
)

// missed counts, at each assignment, what retention has deleted of what was not committed while nobody held it.
func (r *Runner) missed(ctx context.Context, assigned map[string]map[int32]kgo.Offset) (map[string]map[int32]kgo.Offset, error) {
	if r.opts.Missed != nil {
		r.opts.Metrics.gone(r.def.Name, int(r.opts.Missed(ctx, assigned)))
	}
	return assigned, nil
}
