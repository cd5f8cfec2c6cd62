package ingest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/redis/go-redis/v9"

	"github.com/bigmind/backchannel/schemas"
)

// ErrViewsIncomplete means that Redis was lost, or is new, and the views sink has not rebuilt it yet: what is not found may
// yet be there.
var ErrViewsIncomplete = errors.New("the Redis views are not complete yet (the views sink builds them from the control topics)")

// Level is how loud it is to be said that err makes something wait. Views that are not complete yet are no warning: a start has them, and ViewStale tells of
// those that stay so.
func Level(err error) slog.Level {
	if errors.Is(err, ErrViewsIncomplete) {
		return slog.LevelInfo
	}
	return slog.LevelWarn
}

// Lookup runs fill's commands in one round trip and fails with ErrViewsIncomplete unless the views are complete. A key that
// is absent is not an error.
func Lookup(ctx context.Context, rdb redis.UniversalClient, fill func(redis.Pipeliner)) error {
	pipe := rdb.Pipeline()
	fill(pipe)
	complete := pipe.Get(ctx, schemas.ViewsCompleteKey)
	cmds, err := pipe.Exec(ctx)
	if errors.Is(err, redis.Nil) {
		err = nil
		for _, cmd := range cmds { // Exec reports the first error only, which a key that is absent is too
			if e := cmd.Err(); e != nil && !errors.Is(e, redis.Nil) {
				err = e
			}
		}
	}
	switch {
	case err != nil:
		return fmt.Errorf("look up in the Redis views: %w", err)
	case complete.Val() != "1":
		return ErrViewsIncomplete
	}
	return nil
}

// Viewed decodes the value of a view, nil for one that is absent or a tombstone.
func Viewed[T any](value string) (*T, error) { return schemas.DecodeView[T](value) }
