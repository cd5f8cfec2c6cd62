package realengines

import (
	"context"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// Redis is a redis-server that keeps nothing on disk: killed and started again, it is empty.
type Redis struct {
	*Process
	addr string
}

// StartRedis starts a redis-server.
func StartRedis(tb testing.TB) *Redis {
	tb.Helper()
	bin := needs(tb, "redis-server", "redis-server")
	port := freePorts(tb, 1)[0]
	r := &Redis{addr: "127.0.0.1:" + port}
	r.Process = start(tb, "redis", nil, []string{bin, "--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", tb.TempDir()}, r.ping)
	return r
}

// URL is what BACKCHANNEL_REDIS_URL takes.
func (r *Redis) URL() string { return "redis://" + r.addr + "/0" }

// Addr is "host:port".
func (r *Redis) Addr() string { return r.addr }

// Flush empties the server.
func (r *Redis) Flush() {
	r.tb.Helper()
	client := r.client()
	defer client.Close()
	if err := client.FlushAll(context.Background()).Err(); err != nil {
		r.tb.Errorf("flush Redis: %v", err)
	}
}

func (r *Redis) client() *redis.Client {
	return redis.NewClient(&redis.Options{Addr: r.addr, MaxRetries: -1, DialTimeout: time.Second})
}

func (r *Redis) ping() error {
	client := r.client()
	defer client.Close()
	return client.Ping(context.Background()).Err()
}
