package processorstest

import (
	"context"
	"encoding/json"
	"net"
	"sync/atomic"
	"testing"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"github.com/bigmind/backchannel/schemas"
)

// Redis is a Redis of one test, whose views say that they are complete.
type Redis struct {
	Mini   *miniredis.Miniredis
	Client *redis.Client
	trips  atomic.Int64
}

// NewRedis starts one.
func NewRedis(t testing.TB) *Redis {
	t.Helper()
	r := &Redis{Mini: miniredis.NewMiniRedis()}
	if err := r.Mini.Start(); err != nil {
		t.Fatalf("start a Redis: %v", err)
	}
	r.Client = redis.NewClient(&redis.Options{Addr: r.Mini.Addr(), MaxRetries: -1})
	r.Client.AddHook(counter{&r.trips})
	t.Cleanup(func() {
		_ = r.Client.Close()
		r.Mini.Close()
	})
	r.Complete(t)
	return r
}

// Complete marks the views as complete, as the views sink does once it has caught up.
func (r *Redis) Complete(t testing.TB) {
	t.Helper()
	if err := r.Mini.Set(schemas.ViewsCompleteKey, "1"); err != nil {
		t.Fatal(err)
	}
}

// Put writes a view value; nil is a tombstone.
func (r *Redis) Put(t testing.TB, key, field string, value any) {
	t.Helper()
	var raw []byte
	if value != nil {
		var err error
		if raw, err = json.Marshal(value); err != nil {
			t.Fatal(err)
		}
	}
	r.Mini.HSet(key, field, schemas.ViewValue(1, raw))
}

// Trips is how many times a client asked and waited: a pipeline counts once, whatever it holds.
func (r *Redis) Trips() int64 { return r.trips.Load() }

type counter struct{ n *atomic.Int64 }

func (c counter) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) { return next(ctx, network, addr) }
}

func (c counter) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		c.count(cmd)
		return next(ctx, cmd)
	}
}

func (c counter) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		c.count(cmds[0])
		return next(ctx, cmds)
	}
}

// count leaves out how a new connection greets.
func (c counter) count(first redis.Cmder) {
	if name := first.Name(); name != "hello" && name != "client" {
		c.n.Add(1)
	}
}
