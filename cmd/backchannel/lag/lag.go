// Package lag exports how far consumer groups are behind.
package lag

import (
	"context"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kadm"
)

// every is how often the brokers are asked: as often as Prometheus usually scrapes.
const every = 15 * time.Second

// Watch exports the lag of some groups, as the brokers tell it. It grows also while the consumers stand still, which is
// when it matters; a figure from the consumers' own polls would not.
type Watch struct {
	admin  *kadm.Client
	groups []string
	lag    *prometheus.GaugeVec
}

// New registers the metric.
func New(admin *kadm.Client, reg prometheus.Registerer, groups ...string) *Watch {
	w := &Watch{admin: admin, groups: groups, lag: prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "backchannel_consumer_lag_records",
		Help: "Records that a consumer group has not committed yet, over all partitions of a topic. Every replica exports the same: take the maximum.",
	}, []string{"group", "topic"})}
	reg.MustRegister(w.lag)
	return w
}

// Run keeps the metric fresh until ctx is done. While the brokers are away, the last figures stay.
func (w *Watch) Run(ctx context.Context) error {
	if len(w.groups) == 0 {
		<-ctx.Done()
		return nil
	}
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		_ = w.ask(ctx) // brokers that are away are told of by every component already
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

func (w *Watch) ask(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, every)
	defer cancel()
	described, err := w.admin.Lag(ctx, w.groups...)
	if err != nil {
		return fmt.Errorf("ask for the lag of consumer groups: %w", err)
	}
	for name, group := range described {
		if group.Error() != nil {
			continue // not there yet, or its coordinator is moving
		}
		for _, topic := range group.Lag.TotalByTopic().Sorted() {
			w.lag.WithLabelValues(name, topic.Topic).Set(float64(topic.Lag))
		}
	}
	return nil
}
