package main

import (
	"cmp"
	"crypto/x509"
	"encoding/pem"
	"os"
	"runtime"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/bigmind/backchannel/cmd/backchannel/config"
	"github.com/bigmind/backchannel/cmd/backchannel/slackcalls"
	"github.com/bigmind/backchannel/ingest/history"
	"github.com/bigmind/backchannel/schemas"
)

func buildInfo() prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "backchannel_build_info", Help: "1; the labels say which version runs, and of which Go it was made.",
		ConstLabels: prometheus.Labels{"version": version(), "go": runtime.Version()},
	}, func() float64 { return 1 })
}

// newSlackCalls counts the calls of Slack's Web API, and says how many of the methods that have a budget a workspace has.
func newSlackCalls(c *config.Config, reg prometheus.Registerer) *slackcalls.Metrics {
	calls := slackcalls.New(reg)
	calls.Allow("chat.postMessage", float64(c.Int("slack-messages-per-minute")))
	calls.Allow("conversations.open", float64(c.Int("slack-opens-per-minute")))
	for _, method := range []string{"users.list", "conversations.list"} {
		calls.Allow(method, float64(c.Int("slack-lists-per-minute")))
	}
	class := schemas.AppClass(cmp.Or(c.String("slack-app-class"), string(schemas.ClassInternal)))
	for _, method := range []string{"conversations.history", "conversations.replies"} {
		calls.Allow(method, history.PerMinute(class))
	}
	return calls
}

// certificateFiles are the settings that name files with certificates.
var certificateFiles = []string{"kafka-tls-ca", "kafka-tls-cert", "redis-tls-ca", "clickhouse-tls-ca"}

// certificates tells when the first certificate of each file ends. Files are read at each scrape: they are replaced while we run.
func certificates(c *config.Config) prometheus.Collector {
	ends := prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "backchannel_certificate_not_after_timestamp_seconds",
		Help: "When the first certificate of a file ends, by the setting that names the file. 0: the file cannot be read, or holds none.",
	}, []string{"setting"})
	return refreshed{ends, func() {
		for _, setting := range certificateFiles {
			if file := c.String(setting); file != "" {
				ends.WithLabelValues(setting).Set(firstEnd(file))
			}
		}
	}}
}

func firstEnd(file string) float64 {
	rest, err := os.ReadFile(file)
	if err != nil {
		return 0
	}
	var first time.Time
	for block, rest := pem.Decode(rest); block != nil; block, rest = pem.Decode(rest) {
		if cert, err := x509.ParseCertificate(block.Bytes); err == nil && (first.IsZero() || cert.NotAfter.Before(first)) {
			first = cert.NotAfter
		}
	}
	if first.IsZero() {
		return 0
	}
	return float64(first.Unix())
}

// dataFolder tells how much room the embedded engines have.
func dataFolder(dir string) []prometheus.Collector {
	room := func(of func(syscall.Statfs_t) uint64) func() float64 {
		return func() float64 {
			var fs syscall.Statfs_t
			if syscall.Statfs(dir, &fs) != nil {
				return 0
			}
			return float64(of(fs)) * float64(fs.Bsize)
		}
	}
	return []prometheus.Collector{
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "backchannel_data_free_bytes", Help: "Room left where the embedded engines keep their data. Only with `--embedded`.",
		}, room(func(fs syscall.Statfs_t) uint64 { return fs.Bavail })),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "backchannel_data_size_bytes", Help: "Size of the file system where the embedded engines keep their data. Only with `--embedded`.",
		}, room(func(fs syscall.Statfs_t) uint64 { return fs.Blocks })),
	}
}

// refreshed is a collector that is brought up to date before it is read.
type refreshed struct {
	prometheus.Collector
	refresh func()
}

// Collect implements prometheus.Collector.
func (r refreshed) Collect(out chan<- prometheus.Metric) {
	r.refresh()
	r.Collector.Collect(out)
}
