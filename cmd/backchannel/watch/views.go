package watch

import (
	"context"

	"github.com/bigmind/backchannel/schemas"
)

// complete asks Redis whether the views are.
func (w *Watch) complete(ctx context.Context) {
	if w.views == nil {
		return
	}
	is, err := w.opts.Redis.Get(ctx, schemas.ViewsCompleteKey).Result()
	if err == nil && is == "1" {
		w.views.Set(1)
		return
	}
	w.views.Set(0)
}
