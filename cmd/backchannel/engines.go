package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/bigmind/backchannel/cmd/backchannel/config"
	"github.com/bigmind/backchannel/deploy/embedded/chdb"
	"github.com/bigmind/backchannel/deploy/embedded/kafka"
	"github.com/bigmind/backchannel/deploy/embedded/redis"
	"github.com/bigmind/backchannel/deploy/slacksim"
	"github.com/bigmind/backchannel/schemas"
)

// engines are what runs inside this process, closed last-in, first-out.
type engines struct {
	log    *slog.Logger
	closer []func() error
}

func (e *engines) onClose(f func() error) { e.closer = append(e.closer, f) }

func (e *engines) close() {
	for i := len(e.closer) - 1; i >= 0; i-- {
		if err := e.closer[i](); err != nil {
			e.log.Warn("closing an engine", "error", err)
		}
	}
}

// startEngines starts what --embedded and --simulate-slack ask for, and applies topics and tables to embedded engines.
func startEngines(ctx context.Context, c *config.Config, log *slog.Logger, progress io.Writer) (e *engines, err error) {
	e = &engines{log: log}
	defer func(started *engines) { // e is nil by then
		if err != nil {
			started.close()
		}
	}(e)
	if c.Bool("simulate-slack") {
		if err := e.simulateSlack(ctx, c); err != nil {
			return nil, err
		}
	}
	if !c.Bool("embedded") {
		return e, nil
	}
	if err := embeddedKeys(c); err != nil {
		return nil, err
	}
	if err := e.kafka(ctx, c); err != nil {
		return nil, err
	}
	if err := e.redis(ctx, c); err != nil {
		return nil, err
	}
	if err := e.clickhouse(ctx, c, progress); err != nil {
		return nil, err
	}
	if err := applyAll(ctx, c, false, io.Discard); err != nil {
		return nil, fmt.Errorf("apply topics and tables to the embedded engines: %w", err)
	}
	return e, nil
}

// ours says whether an engine is to be embedded at its configured address: always at the default one, and at another one
// on this machine where nothing listens. A predecessor that was killed may still be letting go of it, hence the patience.
func ours(ctx context.Context, c *config.Config, setting, addr string) (bool, error) {
	if !c.Explicit(setting) {
		return true, nil
	}
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return false, fmt.Errorf("%s: want one host:port with --embedded: %w", setting, err)
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return false, nil
	}
	for range 20 {
		conn, err := (&net.Dialer{Timeout: 200 * time.Millisecond}).DialContext(ctx, "tcp", addr)
		if err != nil {
			return true, nil //nolint:nilerr // nobody listens there: we may
		}
		_ = conn.Close() // it was only to see whether somebody answers
		select {
		case <-ctx.Done():
			return false, ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
	return false, nil
}

// at names the setting of an embedded engine that did not start: its own words are of an address.
func at(setting string, err error) error {
	return fmt.Errorf("%s (%s): %w", setting, config.Setting{Name: setting}.Env(), err)
}

func (e *engines) kafka(ctx context.Context, c *config.Config) error {
	addr := c.String("kafka-brokers")
	if embed, err := ours(ctx, c, "kafka-brokers", addr); err != nil || !embed {
		return err
	}
	broker, err := kafka.Start(ctx, kafka.Options{Addr: addr, DataDir: filepath.Join(c.String("data"), "kafka"), Log: e.log})
	if err != nil {
		return at("kafka-brokers", err)
	}
	e.onClose(broker.Close)
	c.Set("kafka-brokers", broker.Addr(), "embedded")
	return nil
}

func (e *engines) redis(ctx context.Context, c *config.Config) error {
	u, err := url.Parse(c.String("redis-url"))
	if err != nil {
		return errors.New("redis-url is not a Redis URL")
	}
	if embed, err := ours(ctx, c, "redis-url", u.Host); err != nil || !embed {
		return err
	}
	server, err := redis.Start(ctx, redis.Options{
		Addr: u.Host, DataDir: filepath.Join(c.String("data"), "redis"), Persist: []string{schemas.LedgerPrefix, schemas.ThreadsPrefix}, Log: e.log,
	})
	if err != nil {
		return at("redis-url", err)
	}
	e.onClose(server.Close)
	c.Set("redis-url", "redis://"+server.Addr()+"/0", "embedded")
	return nil
}

func (e *engines) clickhouse(ctx context.Context, c *config.Config, progress io.Writer) error {
	u, err := url.Parse(c.String("clickhouse-url"))
	if err != nil {
		return errors.New("clickhouse-url is not a ClickHouse URL")
	}
	if embed, err := ours(ctx, c, "clickhouse-url", u.Host); err != nil || !embed {
		return err
	}
	library, err := chdb.Ensure(ctx, chdb.EnsureOptions{Progress: progressBar(progress)})
	if err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program's own file: %w", err)
	}
	child, err := chdb.Start(ctx, chdb.ChildOptions{
		Command: []string{self, engineName}, Addr: u.Host,
		DataDir: filepath.Join(c.String("data"), "clickhouse"), Library: library, Log: e.log,
	})
	if err != nil {
		return at("clickhouse-url", err)
	}
	e.onClose(child.Close)
	if err := child.Ready(ctx); err != nil {
		return err
	}
	c.Set("clickhouse-url", "http://"+child.Addr()+"/"+strings.TrimPrefix(u.Path, "/"), "embedded")
	return nil
}

// simulateSlack runs the simulator and points the pipeline at it, unless it was told otherwise.
func (e *engines) simulateSlack(ctx context.Context, c *config.Config) error {
	addr := c.String("slack-sim-addr")
	ln, err := new(net.ListenConfig).Listen(ctx, "tcp", addr)
	if err != nil {
		return fmt.Errorf("listen on slack-sim-addr %s (set BACKCHANNEL_SLACK_SIM_ADDR to another): %w", addr, err)
	}
	sim, err := slacksim.New(slacksim.Options{DataDir: filepath.Join(c.String("data"), "slack"), Log: e.log})
	if err != nil {
		return errors.Join(fmt.Errorf("start the Slack simulator: %w", err), ln.Close())
	}
	serving, stop := context.WithCancel(context.WithoutCancel(ctx))
	served := make(chan error, 1)
	go func() { served <- sim.Serve(serving, ln) }()
	e.onClose(func() error {
		stop()
		return errors.Join(<-served, sim.Close())
	})
	if !c.Explicit("slack-api-url") {
		c.Set("slack-api-url", "http://"+ln.Addr().String()+"/api/", "simulator")
	}
	return nil
}
