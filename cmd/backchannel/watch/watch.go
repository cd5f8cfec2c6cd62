// Package watch asks the engines, now and then, what the components themselves cannot tell while they stand still: how far consumer groups are
// behind, and whether the Redis views are complete.
package watch

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"
	"github.com/twmb/franz-go/pkg/kadm"
)

// every is how often the engines are asked: as often as Prometheus usually scrapes.
const every = 15 * time.Second

// Options say what is asked for.
type Options struct {
	Admin   *kadm.Client
	Groups  []string              // consumer groups
	Redis   redis.UniversalClient // nil: the views are not needed here
	Metrics prometheus.Registerer
}

// Watch exports what it was told.
type Watch struct {
	opts    Options
	records *prometheus.GaugeVec
	seconds *prometheus.GaugeVec
	views   prometheus.Gauge
	history map[part]*passage
}

// New registers the metrics.
func New(opts Options) *Watch {
	w := &Watch{
		opts: opts, history: map[part]*passage{},
		records: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "backchannel_consumer_lag_records",
			Help: "Records that a consumer group has not committed yet, over all partitions of a topic, as the brokers tell it. Every replica exports the same: take the maximum.",
		}, []string{"group", "topic"}),
		seconds: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "backchannel_consumer_lag_seconds",
			Help: "How long the oldest record that a consumer group has not committed has been there, at least: of what was there before the process started, since its start. Every replica exports nearly the same: take the maximum.",
		}, []string{"group", "topic"}),
	}
	opts.Metrics.MustRegister(w.records, w.seconds)
	if opts.Redis != nil {
		w.views = prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "backchannel_views_complete",
			Help: "1 while the Redis views show all that is on the control topics as of their start; 0 while they are being rebuilt, or Redis does not answer. How far they are behind since is the lag of `backchannel-views`.",
		})
		opts.Metrics.MustRegister(w.views)
	}
	return w
}

// Run keeps the metrics fresh until ctx is done. While the brokers are away, what they said last stays.
func (w *Watch) Run(ctx context.Context) error {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		bounded, cancel := context.WithTimeout(ctx, every)
		_ = w.lag(bounded, time.Now()) // brokers that are away are told of by every component already
		w.complete(bounded)
		cancel()
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}
