package socketmode

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/gorilla/websocket"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/slack-go/slack"

	"github.com/bigmind/backchannel/ingest"
)

// HTTPClient is what is needed of an HTTP client; *http.Client is one.
type HTTPClient interface {
	Do(req *http.Request) (*http.Response, error)
}

// Interactions answers presses, submissions and searches.
type Interactions interface {
	// Handle takes an interaction's payload, as JSON. The answer, empty or a JSON object, goes back with the acknowledgement; after an
	// error there is none, and the person sees that it failed.
	Handle(ctx context.Context, payload []byte) (answer []byte, err error)
}

// Options of the component.
type Options struct {
	// AppToken is the app-level token (xapp-…), with the scope connections:write.
	AppToken string
	// APIURL is Slack's Web API, ending in a slash.
	APIURL string
	HTTP   HTTPClient
	// Dial opens WebSockets; nil: as the environment says.
	Dial *websocket.Dialer
	// Connections is how many are kept. Slack allows an app ten, of all replicas together.
	Connections int
	Publisher   ingest.Publisher
	// Interactions may be nil: then none is acknowledged.
	Interactions Interactions
	// Health is told nil while there is a connection, else what is waited for.
	Health  func(error)
	Metrics prometheus.Registerer
	Log     *slog.Logger
}

// Client is the component.
type Client struct {
	opts  Options
	slack *slack.Client

	opening sync.Mutex // one at a time: the limit of apps.connections.open is the app's
	limited time.Time  // until when Slack wants not to be asked; guarded by opening

	mu   sync.Mutex
	live int
	why  error // why there is no connection

	connections prometheus.Gauge
	counted     prometheus.Gauge
	envelopes   *prometheus.CounterVec
	ends        *prometheus.CounterVec
	seconds     prometheus.Histogram
}

// New makes the component.
func New(opts Options) *Client {
	if opts.Dial == nil {
		// The buffer holds the largest acknowledgement: slack-go found that Slack takes none that comes in several frames.
		opts.Dial = &websocket.Dialer{Proxy: http.ProxyFromEnvironment, HandshakeTimeout: openWithin, WriteBufferSize: 2 * maxAnswer}
	}
	c := &Client{
		opts:  opts,
		slack: slack.New("", slack.OptionAppLevelToken(opts.AppToken), slack.OptionAPIURL(opts.APIURL), slack.OptionHTTPClient(opts.HTTP)),
		connections: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "backchannel_ingest_socket_connections", Help: "Socket Mode connections of this process that Slack has greeted.",
		}),
		counted: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "backchannel_ingest_socket_connections_counted",
			Help: "Socket Mode connections of the app, of all replicas, as Slack counted them at the last greeting; more than there are are ghosts. Slack allows 10.",
		}),
		envelopes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "backchannel_ingest_socket_envelopes_total",
			Help: "Envelopes of Socket Mode by result: `accepted`, `answered`; not acknowledged: `unavailable` (Kafka did not answer in time, Slack sends it again), `malformed`, `too_large`, " +
				"`failed` (an interaction), `unhandled` (of a kind that nobody here handles); `late`, acknowledged on a connection that had ended.",
		}, []string{"result"}),
		ends: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "backchannel_ingest_socket_disconnects_total",
			Help: "Socket Mode connections that ended or could not be opened, by why: `refresh`, `drained`; `too_many_websockets`, `link_disabled`, `silent` (half-open), `lost`, `closed`, `refused` (the token), `limited` (429).",
		}, []string{"reason"}),
		seconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "backchannel_ingest_socket_acknowledge_seconds", Help: "Time from an envelope to its acknowledgement. Slack allows 3 s.",
			Buckets: prometheus.ExponentialBuckets(0.001, 2, 13), NativeHistogramBucketFactor: 1.1,
		}),
	}
	opts.Metrics.MustRegister(c.connections, c.counted, c.envelopes, c.ends, c.seconds)
	return c
}

// Run keeps the connections until ctx is done, and returns when what was taken until then is acknowledged.
func (c *Client) Run(ctx context.Context) error {
	c.opts.Health(errNoConnection)
	var slots sync.WaitGroup
	for range c.opts.Connections {
		slots.Go(func() { c.hold(ctx) })
	}
	slots.Wait()
	return nil
}

// count notes a connection that begins (1) or ends (-1).
func (c *Client) count(by int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.live += by
	c.connections.Set(float64(c.live))
	if by > 0 {
		c.why = nil
	}
	c.tell()
}

// failed says that no connection could be opened, or why one has ended. While another lives, events come over that one.
func (c *Client) failed(err error, wait time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.why = err
	c.tell()
	c.opts.Log.Warn("Socket Mode: a connection to Slack is missing", "error", err, "again_in", wait.Round(time.Second), "connections_left", c.live)
}

// tell says what is waited for. Callers hold mu.
func (c *Client) tell() {
	switch {
	case c.live > 0:
		c.opts.Health(nil)
	case c.why != nil:
		c.opts.Health(c.why)
	default:
		c.opts.Health(errNoConnection)
	}
}

var errNoConnection = errors.New("a connection to Slack")
