package ingest

import (
	"context"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

var lease = redis.NewScript(`
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1`)

// Lease takes or renews a lease for a holder, and says whether it has it now. It ends by itself: whoever died loses it after life.
func Lease(ctx context.Context, rdb redis.UniversalClient, key, holder string, life time.Duration) (bool, error) {
	ok, err := lease.Run(ctx, rdb, []string{key}, holder, life.Milliseconds()).Int()
	if err != nil {
		return false, fmt.Errorf("take a lease: %w", err)
	}
	return ok == 1, nil
}

// Sleep waits, or returns when ctx is done.
func Sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
