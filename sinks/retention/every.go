package retention

import (
	"context"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Keeper runs retention again and again.
type Keeper struct {
	Options
	Every    time.Duration
	Log      *slog.Logger
	rows     *prometheus.CounterVec
	last     prometheus.Gauge
	failures prometheus.Counter
}

// NewKeeper registers the metrics.
func NewKeeper(o Options, every time.Duration, reg prometheus.Registerer, log *slog.Logger) *Keeper {
	k := &Keeper{
		Options: o, Every: every, Log: log,
		rows: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "backchannel_sinks_retention_rows_total", Help: "Rows that were deleted from ClickHouse since nobody keeps them, by policy: `messages`, `versions`, `dissociated`, `deleted` (in Slack).",
		}, []string{"policy"}),
		last: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "backchannel_sinks_retention_last_run_timestamp_seconds", Help: "When the last run of retention ended well, of whatever process; 0: none has yet.",
		}),
		failures: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "backchannel_sinks_retention_failures_total", Help: "Runs of retention that broke off. The next one goes on.",
		}),
	}
	for _, p := range Policies {
		k.rows.WithLabelValues(string(p))
	}
	reg.MustRegister(k.rows, k.last, k.failures)
	return k
}

// pause is how long a run that broke off waits for its next attempt, and how often a process looks whether another has run.
const pause = 5 * time.Minute

// Run runs retention when the last run, of whatever process, is Every ago, until ctx is done. Two processes that do so at once do the same twice.
func (k *Keeper) Run(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		}
		if err := k.due(ctx); err != nil && ctx.Err() == nil {
			k.failures.Inc()
			k.Log.Warn("retention broke off; it goes on in a while", "error", err)
		}
		timer.Reset(min(pause, k.Every))
	}
}

// due runs retention if it is time.
func (k *Keeper) due(ctx context.Context) error {
	last, err := Last(ctx, k.ClickHouse)
	if err != nil {
		return err
	}
	if !last.IsZero() {
		k.last.Set(float64(last.UnixMilli()) / 1000)
	}
	if k.Now().Sub(last) < k.Every {
		return nil
	}
	all, err := Run(ctx, k.Options, false)
	for _, p := range all {
		k.rows.WithLabelValues(string(p.Policy)).Add(float64(p.Rows))
		k.Log.Info("deleted what is not kept", "org", p.Org, "policy", p.Policy, "table", p.Table, "rows", p.Rows)
	}
	if err == nil {
		k.last.Set(float64(k.Now().UnixMilli()) / 1000)
	}
	return err
}
