package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/bigmind/backchannel/cmd/backchannel/config"
	"github.com/bigmind/backchannel/cmd/backchannel/health"
	"github.com/bigmind/backchannel/cmd/backchannel/tracing"
)

func runCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "run [all | ingest | processors | sinks | COMPONENT…]",
		Short: "Run all tiers, or those that are named, until SIGTERM",
		Long: `Run all tiers, or those that are named, until SIGTERM.

Components: ` + fmt.Sprint(names()) + `

With --embedded, Kafka, Redis and ClickHouse run inside (data in --data), each where its setting says; an address that
was set and where something already listens, or that is on another machine, is used as it is.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			chosen, err := choose(args)
			if err != nil {
				return err
			}
			return serve(cmd.Context(), a.config, a.log, newTracker(a.log), chosen, cmd.ErrOrStderr())
		},
	}
}

// serve runs components until ctx is done. Teardown is registered beside construction and runs last-in, first-out: the
// engines outlive what drains into them.
func serve(ctx context.Context, c *config.Config, log *slog.Logger, tracker *health.Tracker, chosen []component, progress io.Writer) error {
	traces, err := tracing.Start(ctx, os.Getenv, version(), log)
	if err != nil {
		return err
	}
	defer endTraces(ctx, traces, log)
	log = traces.Log(log)
	mux := http.NewServeMux()
	mux.HandleFunc("/livez", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "alive") })
	mux.HandleFunc("/readyz", tracker.Ready)
	web, err := listen(ctx, c, "http-addr", traces.Handler(mux))
	if err != nil {
		return err
	}
	defer web.shutdown(c.Duration("drain"))

	engines, err := startEngines(ctx, c, log, progress)
	if err != nil {
		return err
	}
	defer engines.close()

	w, err := newWiring(c, log, tracker, mux, traces)
	if err != nil {
		return err
	}
	defer w.close()
	mux.Handle("/metrics", promhttp.HandlerFor(w.metrics, promhttp.HandlerOpts{EnableOpenMetrics: true}))
	runners, err := w.build(chosen)
	if err != nil {
		return err
	}
	log.Info("running", "version", version(), "http", web.addr(), "kafka", c.String("kafka-brokers"), "components", componentNames(chosen))

	group, ctx := errgroup.WithContext(ctx)
	for _, r := range runners {
		group.Go(func() error { return r.Run(ctx) })
	}
	group.Go(func() error { w.probe(ctx, chosen); return nil })
	group.Go(func() error { return w.watch(chosen).Run(ctx) })
	group.Go(func() error { return web.failed(ctx) })
	group.Go(func() error { return serveProfiles(ctx, c, log) })
	group.Go(func() error { changeLevel(ctx, log); return nil })
	tracker.Set("start", nil)
	err = group.Wait()
	web.shutdown(c.Duration("drain")) // before the producer closes: requests in progress still reach Kafka
	log.Info("drained")
	return err
}

// newTracker is one that waits for the start.
func newTracker(log *slog.Logger) *health.Tracker {
	tracker := health.New(log)
	tracker.Expect("start", "its engines")
	return tracker
}

// endTraces sends what is left of them.
func endTraces(ctx context.Context, traces *tracing.Tracing, log *slog.Logger) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), tracesWithin)
	defer cancel()
	if err := traces.Close(ctx); err != nil {
		log.Warn("the last traces were not sent", "error", err)
	}
}

// tracesWithin bounds how long a collector that is away can hold up the end.
const tracesWithin = 3 * time.Second

func (w *wiring) build(chosen []component) ([]runner, error) {
	var runners []runner
	for _, c := range chosen {
		r, err := c.start(w)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", c.name, err)
		}
		w.health.WithLabelValues(c.name) // what runs is seen to, whether or not it can have to wait: else nobody would miss it
		runners = append(runners, r)
	}
	return runners, nil
}

func componentNames(chosen []component) []string {
	all := make([]string, len(chosen))
	for i, c := range chosen {
		all[i] = c.name
	}
	return all
}

// web is the process's HTTP server.
type web struct {
	server   *http.Server
	listener net.Listener
	err      chan error
}

func listen(ctx context.Context, c *config.Config, name string, handler http.Handler) (*web, error) {
	addr, setting := c.String(name), config.Setting{Name: name}
	ln, err := new(net.ListenConfig).Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listen on %s %s (set %s to another): %w", name, addr, setting.Env(), err)
	}
	w := &web{
		server: &http.Server{
			Handler: handler, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 15 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
		},
		listener: ln, err: make(chan error, 1),
	}
	go func() { w.err <- w.server.Serve(ln) }()
	return w, nil
}

func (w *web) addr() string { return w.listener.Addr().String() }

// failed returns when the server broke, or nil when ctx is done.
func (w *web) failed(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case err := <-w.err:
		return fmt.Errorf("HTTP server: %w", err)
	}
}

func (w *web) shutdown(within time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	if err := w.server.Shutdown(ctx); errors.Is(err, context.DeadlineExceeded) {
		_ = w.server.Close() // the deadline has passed: whoever is still connected is cut off
	}
}
