//go:build unix

package realengines

import (
	"context"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// Redis is a redis-server without persistence, as a cache of views is run: a restart has lost everything.
type Redis struct {
	tb      testing.TB
	addr    string
	dir     string
	process *Process
}

// StartRedis starts redis-server and waits until it answers.
func StartRedis(tb testing.TB) *Redis {
	tb.Helper()
	r := &Redis{tb: tb, addr: FreeAddrs(tb, 1)[0], dir: tb.TempDir()}
	r.start()
	return r
}

// Addr is host:port.
func (r *Redis) Addr() string { return r.addr }

// Kill ends the server as a crash does; what it held is lost.
func (r *Redis) Kill() { r.process.Kill() }

// Pause stops the server where it is until Resume.
func (r *Redis) Pause() { r.process.Pause() }

// Resume lets a paused server go on.
func (r *Redis) Resume() { r.process.Resume() }

// Restart starts a killed server again, empty, at its address and waits until it answers.
func (r *Redis) Restart() {
	r.tb.Helper()
	r.Kill()
	r.start()
}

func (r *Redis) start() {
	r.tb.Helper()
	r.process = Start(r.tb, "redis", r.dir, nil,
		"redis-server", "--port", port(r.addr), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--daemonize", "no")
	client := redis.NewClient(&redis.Options{Addr: r.addr, MaxRetries: -1})
	defer client.Close()
	r.process.Await(30*time.Second, func() error {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		return client.Ping(ctx).Err()
	})
}
