package kafka

import (
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
)

const (
	defaultPartitions = 6
	// maxMessageBytes is Apache Kafka's default message.max.bytes.
	maxMessageBytes = 1_048_588
	// never keeps kfake's own cleaner from running; tidy.go runs it.
	never = 10 * 365 * 24 * time.Hour
)

// clusterOptions are the settings of a broker of production where kfake knows them; the topics bring their own.
func clusterOptions(o Options, dir string, ln *listener) []kfake.Opt {
	opts := []kfake.Opt{
		kfake.Ports(0), // one broker; ListenFn decides where
		kfake.ListenFn(ln.handOver),
		kfake.DataDir(dir),
		kfake.ClusterID("backchannel-embedded"),
		kfake.DefaultNumPartitions(defaultPartitions),
		kfake.WithLogger(logger{o.Log}),
		kfake.BrokerConfigs(map[string]string{
			"message.max.bytes":                   strconv.Itoa(maxMessageBytes),
			"default.replication.factor":          "1",
			"min.insync.replicas":                 "1",
			"log.cleaner.backoff.ms":              strconv.FormatInt(never.Milliseconds(), 10),
			"log.segment.bytes":                   strconv.Itoa(64 << 20), // what retention can free at once
			"transaction.max.timeout.ms":          strconv.FormatInt((15 * time.Minute).Milliseconds(), 10),
			"group.min.session.timeout.ms":        strconv.FormatInt((6 * time.Second).Milliseconds(), 10),
			"group.max.session.timeout.ms":        strconv.FormatInt((30 * time.Minute).Milliseconds(), 10),
			"offsets.retention.minutes":           strconv.Itoa(7 * 24 * 60),
			"transactional.id.expiration.ms":      strconv.FormatInt((7 * 24 * time.Hour).Milliseconds(), 10),
			"offsets.retention.check.interval.ms": strconv.FormatInt((10 * time.Minute).Milliseconds(), 10),
		}),
	}
	if o.AutoCreateTopics {
		opts = append(opts, kfake.AllowAutoTopicCreation())
	}
	return opts
}

// logger hands kfake's own messages on: what it warns of (a write that failed, a batch that cannot be read) is worth an
// operator's eye, the rest is tracing.
type logger struct{ log *slog.Logger }

// slowTransaction is how kfake tells of a transaction whose end took more than 5 ms: on a busy machine nearly each, and nothing to act on.
const slowTransaction = "txn: EndTxn slow"

// Logf implements kfake.Logger.
func (l logger) Logf(level kfake.LogLevel, format string, args ...any) {
	switch level {
	case kfake.LogLevelError:
		l.log.Error("embedded Kafka", "said", fmt.Sprintf(format, args...))
	case kfake.LogLevelWarn:
		if strings.HasPrefix(format, slowTransaction) {
			return
		}
		l.log.Warn("embedded Kafka", "said", fmt.Sprintf(format, args...))
	case kfake.LogLevelNone, kfake.LogLevelInfo, kfake.LogLevelDebug:
	}
}
