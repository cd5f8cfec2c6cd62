package console

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"

	"github.com/bigmind/backchannel/ingest"
	"github.com/bigmind/backchannel/ingest/console/signin"
	"github.com/bigmind/backchannel/ingest/deliverylog"
	"github.com/bigmind/backchannel/ingest/diagnose"
	"github.com/bigmind/backchannel/schemas"
)

// Options of the console.
type Options struct {
	// PublicURL is where browsers reach this service, such as https://bigmind.example.
	PublicURL string
	SignIn    *signin.SignIn
	Redis     redis.UniversalClient
	Publisher ingest.Publisher
	// Deliveries is what became of notifications; nil: the page says that it is not to be had here.
	Deliveries deliverylog.Log
	// Examiner goes through the product page's troubleshooting lists.
	Examiner *diagnose.Examiner
	// Disconnect ends a workspace's installation, in Slack and here; nil: no Slack app is configured, and nothing can be connected either.
	Disconnect func(ctx context.Context, org schemas.OrgID, team schemas.TeamID, by schemas.UserID) error
	// Patience is how long a page waits for the views to show a change before it says that it takes longer.
	Patience time.Duration
	Now      func() time.Time
	Metrics  prometheus.Registerer
	Log      *slog.Logger
}

// Console serves the pages.
type Console struct {
	opts     Options
	guard    *http.CrossOriginProtection
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
}

// New makes the console.
func New(opts Options) (*Console, error) {
	public, err := url.Parse(opts.PublicURL)
	if err != nil || public.Host == "" {
		return nil, errors.New("the public URL must be a scheme and a host, such as https://bigmind.example")
	}
	c := &Console{
		opts: opts, guard: http.NewCrossOriginProtection(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "backchannel_ingest_console_requests_total", Help: "Requests to the console, by route and HTTP status.",
		}, []string{"route", "status"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "backchannel_ingest_console_request_seconds", Help: "Time to answer a request to the console, by route. Those that wait for a change take longer.",
			Buckets: prometheus.ExponentialBuckets(0.001, 2, 13), NativeHistogramBucketFactor: 1.1,
		}, []string{"route"}),
	}
	if err := c.guard.AddTrustedOrigin(public.Scheme + "://" + public.Host); err != nil { // a proxy may have changed the Host
		return nil, errors.New("the public URL must be a scheme and a host, such as https://bigmind.example")
	}
	opts.Metrics.MustRegister(c.requests, c.seconds)
	return c, nil
}

// Register adds the routes.
func (c *Console) Register(mux *http.ServeMux) {
	for _, rt := range routes {
		mux.Handle(rt.method+" "+rt.path, c.serve(rt))
	}
	// What is below the console and is no page of it says so as a page does.
	mux.Handle(Home, c.serve(route{path: "unknown", gate: signedIn, handle: (*Console).unknown}))
	mux.Handle("GET "+strings.TrimSuffix(Home, "/"), http.RedirectHandler(Home, http.StatusFound))
}

func (c *Console) unknown(*visit) (answer, error) { return answer{}, errNotFound }

// Home is the first page, and begins the paths of all others.
const Home = "/console/"

func (c *Console) count(rt route, status int, started time.Time) {
	c.requests.WithLabelValues(rt.path, strconv.Itoa(status)).Inc()
	c.seconds.WithLabelValues(rt.path).Observe(time.Since(started).Seconds())
}
