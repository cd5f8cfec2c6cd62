package demo

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/redis/go-redis/v9"
	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/sync/errgroup"

	"github.com/bigmind/backchannel/deploy/slacksim"
	"github.com/bigmind/backchannel/schemas"
)

// Options say where everything is.
type Options struct {
	Slack         *slacksim.Client // control API of the simulator
	SigningSecret string           // that ingest verifies with
	ClientID      string           // of the Slack app, by which people sign in to the console
	ClientSecret  string
	PublicURL     string // of ingest: the console's, and Slack's way back to it
	RedirectPaths []string
	EventsURL     string // of ingest
	InteractURL   string // of ingest: presses, modals and their searches
	Kafka         *kgo.Client
	Redis         redis.UniversalClient // only to see when the control records are in the views
	ClickHouse    driver.Conn
	Seal          func(team schemas.TeamID, token string) (string, error)
	For           time.Duration // 0: until ctx is done
	Seed          uint64
	Out           io.Writer // progress, for a person
	Log           *slog.Logger
}

// run is one demo in progress.
type run struct {
	Options
	world    *world
	requests atomic.Int64
	looked   atomic.Pointer[measured] // nil: nothing is
	latency  latencies
}

// Run sets the workspace up, lets it talk until the time is over or ctx is done, waits for the pipeline to come to rest,
// and returns what it found. The summary is valid also with an error that says what did not match.
func Run(ctx context.Context, o Options) (Summary, error) {
	r := &run{Options: o}
	var err error
	if r.world, err = build(ctx, o); err != nil {
		return Summary{}, fmt.Errorf("set up the simulated workspace: %w", err)
	}
	if err := r.awaitViews(ctx); err != nil {
		return Summary{}, err
	}
	if err := r.invite(ctx); err != nil {
		return Summary{}, fmt.Errorf("add the app to a channel: %w", err)
	}
	talking, stop := withEnd(ctx, o.For)
	defer stop()
	group, talking := errgroup.WithContext(talking)
	group.Go(func() error { return r.talk(talking) })
	group.Go(func() error { return r.notify(talking) })
	group.Go(func() error { return r.probe(talking) })
	group.Go(func() error { return r.progress(talking) })
	if err := group.Wait(); err != nil {
		return Summary{}, err
	}
	return r.conclude(context.WithoutCancel(ctx))
}

func withEnd(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	if d > 0 {
		return context.WithTimeout(ctx, d)
	}
	return context.WithCancel(ctx)
}

// pace calls f at a steady rate until ctx is done.
func pace(ctx context.Context, every time.Duration, f func() error) error {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
			if err := f(); err != nil && ctx.Err() == nil {
				return err
			}
		}
	}
}
