package directory

import (
	"context"
	"crypto/rand"
	"log/slog"
	"net/http"
	"time"

	"github.com/go-redis/redis_rate/v10"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/ingest"
	"github.com/bigmind/backchannel/schemas"
)

// Opener opens sealed tokens; *seal.Sealer is one.
type Opener interface {
	Open(team schemas.TeamID, sealed string) (token string, err error)
}

// HTTPClient is what is needed of an HTTP client; *http.Client is one.
type HTTPClient interface {
	Do(req *http.Request) (*http.Response, error)
}

// Options of the component.
type Options struct {
	// Kafka is how slack.installations is read; Publisher how records are written.
	Kafka     []kgo.Opt
	Publisher ingest.Publisher
	Redis     redis.UniversalClient
	Tokens    Opener
	// APIURL is Slack's Web API, ending in a slash.
	APIURL string
	HTTP   HTTPClient
	// Every is how often everything is asked for again. PerMinute is how often each list is, in a workspace: Slack's tier 2 is 20.
	Every     time.Duration
	PerMinute int
	Metrics   prometheus.Registerer
	Log       *slog.Logger
}

// Directory is the component.
type Directory struct {
	opts    Options
	rate    *redis_rate.Limiter
	me      string // the holder of this process's leases
	records *prometheus.CounterVec
	passes  *prometheus.CounterVec
	waits   *prometheus.CounterVec
}

// New makes the component.
func New(opts Options) *Directory {
	d := &Directory{
		opts: opts, rate: redis_rate.NewLimiter(opts.Redis), me: rand.Text(),
		records: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "backchannel_ingest_directory_records_total", Help: "People and channels read from Slack's lists: `users`, `channels`.",
		}, []string{"list"}),
		passes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "backchannel_ingest_directory_passes_total",
			Help: "Passes over a workspace's list by how they ended: `complete`; `stopped`, with a token that Slack refuses; `broken`, to be begun again.",
		}, []string{"list", "result"}),
		waits: ingest.BudgetWaits(opts.Metrics, "users.list", "conversations.list"),
	}
	opts.Metrics.MustRegister(d.records, d.passes)
	return d
}

// Run works until ctx is done.
func (d *Directory) Run(ctx context.Context) error {
	return ingest.FollowInstallations(ctx, d.opts.Kafka, d.opts.Log, d.keep)
}
