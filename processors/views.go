package processors

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/bigmind/backchannel/schemas"
)

// ErrViewsIncomplete means that Redis was lost, or is new, and the views sink has not rebuilt it yet. A lookup that finds
// nothing would then mean nothing.
var ErrViewsIncomplete = errors.New("the Redis views are not complete yet (the views sink builds them from the control topics)")

// Lookup runs fill's commands in one round trip and fails with ErrViewsIncomplete unless the views are complete.
// Completeness is asked last: a Redis that is lost in between answers no. A key that is absent is not an error.
func Lookup(ctx context.Context, rdb redis.UniversalClient, fill func(redis.Pipeliner)) error {
	pipe := rdb.Pipeline()
	fill(pipe)
	complete := pipe.Get(ctx, schemas.ViewsCompleteKey)
	cmds, err := pipe.Exec(ctx)
	if errors.Is(err, redis.Nil) {
		err = failure(cmds)
	}
	if err != nil {
		return fmt.Errorf("look up in the Redis views: %w", err)
	}
	if complete.Val() != "1" {
		return ErrViewsIncomplete
	}
	return nil
}

// failure is the first command's that failed. Exec reports the first error only, which a key that is absent is too: a node
// of a cluster that did not answer for a later command would otherwise look like one that found nothing.
func failure(cmds []redis.Cmder) error {
	for _, cmd := range cmds {
		if err := cmd.Err(); err != nil && !errors.Is(err, redis.Nil) {
			return err
		}
	}
	return nil
}

// Memo decodes view values. The same bytes decode to the same value, so that a batch does not parse one association a
// thousand times; it forgets everything when it has grown to its limit.
type Memo[T any] struct{ decoded map[string]*T }

const memoLimit = 50_000

// Decode returns the record of a view value, or nil for a tombstone.
func (m *Memo[T]) Decode(value string) (*T, error) {
	if v, ok := m.decoded[value]; ok {
		return v, nil
	}
	_, text, err := schemas.ParseViewValue(value)
	if err != nil {
		return nil, err
	}
	var v *T
	if text != "" {
		v = new(T)
		if err := json.Unmarshal([]byte(text), v); err != nil {
			return nil, fmt.Errorf("decode a view value: %w", err)
		}
	}
	if m.decoded == nil || len(m.decoded) >= memoLimit {
		m.decoded = make(map[string]*T)
	}
	m.decoded[strings.Clone(value)] = v // it may be a part of something long
	return v, nil
}
