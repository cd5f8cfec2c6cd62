package views

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/bigmind/backchannel/schemas"
	"github.com/bigmind/backchannel/sinks"
)

// partition is how far one partition has been applied.
type partition struct {
	field   string // "topic/partition", in the state hashes
	topicID string
	stored  string // what the state must say now; empty: nothing
	next    int64  // offset of the next record to apply
	target  int64  // where it has caught up: the end when it was assigned
	ready   bool   // the state says that it has caught up
}

func (p *partition) state(next int64) string { return p.topicID + ":" + strconv.FormatInt(next, 10) }

// resume takes up what the state says, and reports whether it can be used.
func (p *partition) resume(stored string) bool {
	id, offset, found := strings.Cut(stored, ":")
	next, err := strconv.ParseInt(offset, 10, 64)
	if !found || err != nil || id != p.topicID {
		return false
	}
	p.stored, p.next = stored, next
	return true
}

// advance moves the state of partitions from where we left it to where we are, or moves nothing and answers 0. With the
// last partition to catch up it declares the views complete. KEYS: offsets, ready, complete, epoch. ARGV: how many partitions
// there are, our epoch, then field, expected, new, caught up.
//
// The epoch tells a Redis that was lost from one that was empty all along: without it, one that loses the first batch of a
// partition before that batch's state was written looks the same before and after.
var advance = redis.NewScript(`
if redis.call('GET', KEYS[4]) ~= ARGV[2] then return 0 end
for i = 3, #ARGV, 4 do
  if (redis.call('HGET', KEYS[1], ARGV[i]) or '') ~= ARGV[i + 1] then return 0 end
end
for i = 3, #ARGV, 4 do
  redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 2])
  if ARGV[i + 3] == '1' then redis.call('HSET', KEYS[2], ARGV[i], '1') end
end
if redis.call('HLEN', KEYS[2]) >= tonumber(ARGV[1]) then redis.call('SET', KEYS[3], '1') end
return 1`)

// commit writes the new positions. The batch's data is in Redis by now: a Redis that was lost in between fails the
// comparison, and everything is read again.
func commit(ctx context.Context, rdb redis.UniversalClient, epoch string, total int, moved map[*partition]int64) error {
	if len(moved) == 0 {
		return nil
	}
	args := []any{total, epoch}
	for p, next := range moved {
		caughtUp := "0"
		if next >= p.target {
			caughtUp = "1"
		}
		args = append(args, p.field, p.stored, p.state(next), caughtUp)
	}
	keys := []string{schemas.ViewsOffsetsKey, schemas.ViewsReadyKey, schemas.ViewsCompleteKey, schemas.ViewsEpochKey}
	ok, err := advance.Run(ctx, rdb, keys, args...).Int()
	if err != nil {
		return fmt.Errorf("write the state of the Redis views: %w", err)
	}
	if ok != 1 {
		return sinks.ErrStartOver
	}
	for p, next := range moved {
		p.stored, p.next, p.ready = p.state(next), next, p.ready || next >= p.target
	}
	return nil
}

// currentEpoch is the epoch of Redis as it is, made if it has none.
func currentEpoch(ctx context.Context, rdb redis.UniversalClient) (string, error) {
	if err := rdb.SetNX(ctx, schemas.ViewsEpochKey, rand.Text(), 0).Err(); err != nil {
		return "", fmt.Errorf("make the epoch of the Redis views: %w", err)
	}
	epoch, err := rdb.Get(ctx, schemas.ViewsEpochKey).Result()
	if err != nil {
		return "", fmt.Errorf("read the epoch of the Redis views: %w", err)
	}
	return epoch, nil
}

// verify fails with ErrStartOver when Redis is of another epoch, or the state of any partition is not where we left it.
func verify(ctx context.Context, rdb redis.UniversalClient, epoch string, parts []*partition) error {
	if len(parts) == 0 {
		return nil
	}
	fields := make([]string, len(parts))
	for i, p := range parts {
		fields[i] = p.field
	}
	pipe := rdb.Pipeline()
	now, offsets := pipe.Get(ctx, schemas.ViewsEpochKey), pipe.HMGet(ctx, schemas.ViewsOffsetsKey, fields...)
	if _, err := pipe.Exec(ctx); err != nil && !errors.Is(err, redis.Nil) {
		return fmt.Errorf("read the state of the Redis views: %w", err)
	}
	stored, err := offsets.Result()
	if err != nil {
		return fmt.Errorf("read the state of the Redis views: %w", err)
	}
	if now.Val() != epoch {
		return sinks.ErrStartOver
	}
	for i, p := range parts {
		if s, _ := stored[i].(string); s != p.stored {
			return sinks.ErrStartOver
		}
	}
	return nil
}

// purge removes every view, state first, so that processors and other replicas notice before the data goes. Needed
// when a control topic was deleted and made again: its offsets start anew, and its former keys may not come back.
func purge(ctx context.Context, rdb redis.UniversalClient) error {
	state := []string{schemas.ViewsCompleteKey, schemas.ViewsEpochKey, schemas.ViewsReadyKey, schemas.ViewsOffsetsKey}
	if err := rdb.Del(ctx, state...).Err(); err != nil {
		return fmt.Errorf("purge the Redis views: %w", err)
	}
	each := func(ctx context.Context, node *redis.Client) error {
		iter := node.Scan(ctx, 0, schemas.ViewsKeyPattern, 1000).Iterator()
		for iter.Next(ctx) {
			if err := node.Unlink(ctx, iter.Val()).Err(); err != nil {
				return err
			}
		}
		return iter.Err()
	}
	var err error
	switch client := rdb.(type) {
	case *redis.ClusterClient:
		err = client.ForEachMaster(ctx, each)
	case *redis.Client:
		err = each(ctx, client)
	default:
		err = errors.New("unknown kind of Redis client")
	}
	if err != nil {
		return fmt.Errorf("purge the Redis views: %w", err)
	}
	return nil
}
