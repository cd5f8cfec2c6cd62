package interactions

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"

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

// Options of the interactions.
type Options struct {
	// APIURL is Slack's Web API, ending in a slash.
	APIURL    string
	Redis     redis.UniversalClient
	Publisher ingest.Publisher
	Tokens    Opener
	HTTP      HTTPClient
	Now       func() time.Time
	Metrics   prometheus.Registerer
	Log       *slog.Logger
}

// Interactions handle payloads.
type Interactions struct {
	opts     Options
	slack    string // the host of Slack's Web API
	handled  *prometheus.CounterVec
	duration *prometheus.HistogramVec
}

// New makes the handler of payloads.
func New(opts Options) (*Interactions, error) {
	api, err := url.Parse(opts.APIURL)
	if err != nil || api.Host == "" {
		return nil, errors.New("the URL of Slack's Web API is not one")
	}
	i := &Interactions{
		opts: opts, slack: api.Hostname(),
		handled: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "backchannel_ingest_interactions_total",
			Help: "What people did with what the app shows them, by Slack's type of payload (`unread`: a request that was refused as `unsigned`, `stale`, `forged`, `too_large` or `malformed`) " +
				"and what came of it: `opened`, `updated`, `searched`, `associated`, `dissociated`; `changed_meanwhile`, by somebody else; `superseded`, by another change of the modal; " +
				"`invalid`, an error at a field; `not_allowed`; `not_ours`, of a workspace without the app or of another company; `expired`, Slack's three seconds; `slack_refused`; " +
				"`unavailable`; `ignored`, none of ours.",
		}, []string{"type", "result"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "backchannel_ingest_interaction_seconds", Help: "Time to answer an interaction, by Slack's type of payload. Slack allows 3 s.",
			Buckets: prometheus.ExponentialBuckets(0.001, 2, 13), NativeHistogramBucketFactor: 1.1,
		}, []string{"type"}),
	}
	opts.Metrics.MustRegister(i.handled, i.duration)
	// The series of what may go wrong with a press, so that the first time is an increase, and so that a quiet day has an answer.
	for _, result := range []string{opened, refused, unavailable, malformed} {
		i.handled.WithLabelValues("block_actions", result)
	}
	i.duration.WithLabelValues("block_actions")
	return i, nil
}

// The bounds within Slack's 3 seconds: for the work, and for saying that it could not be done.
const (
	workWithin = 2200 * time.Millisecond
	tellWithin = 500 * time.Millisecond
)

// ErrMalformed is a payload that is no JSON object with a type; the same one fails again.
var ErrMalformed = errors.New("the payload is not a JSON object with a type")

// ErrUnavailable means that what is asked for cannot be told now; a person who asks again may be told.
var ErrUnavailable = errors.New("one of our systems does not answer")

// kinds are the types of payload that Slack documents, for the metric.
var kinds = map[string]bool{
	"block_actions": true, "block_suggestion": true, "view_submission": true, "view_closed": true, "shortcut": true, "message_action": true,
	"interactive_message": true, "dialog_submission": true, "dialog_suggestion": true, "dialog_cancellation": true, "workflow_step_edit": true,
	"workflow_step_execute": true,
}

// What came of a payload, as it stands in the metric.
const (
	opened      = "opened"
	updated     = "updated"
	searched    = "searched"
	associated  = "associated"
	dissociated = "dissociated"
	changed     = "changed_meanwhile"
	superseded  = "superseded"
	invalid     = "invalid"
	notAllowed  = "not_allowed"
	notOurs     = "not_ours"
	expired     = "expired"
	refused     = "slack_refused"
	unavailable = "unavailable"
	malformed   = "malformed"
	ignored     = "ignored"
)

// Handle does what a payload asks for and returns the answer, empty for a bare acknowledgement. It fails with ErrMalformed, or with
// ErrUnavailable where Slack has a way of its own to say so.
func (i *Interactions) Handle(ctx context.Context, raw []byte) (answer []byte, err error) {
	started := time.Now()
	p, err := parse(raw)
	kind := p.Type
	if !kinds[kind] {
		kind = "other"
	}
	result := malformed
	if err == nil {
		answer, result, err = i.handle(ctx, p)
	}
	i.handled.WithLabelValues(kind, result).Inc()
	i.duration.WithLabelValues(kind).Observe(time.Since(started).Seconds())
	return answer, err
}

// handle chooses by type. Each handler returns the answer, and the result for the metric.
func (i *Interactions) handle(ctx context.Context, p *payload) ([]byte, string, error) {
	ours := p.View.CallbackID == callbackID
	switch {
	case p.Type == "block_actions" && p.View.ID == "":
		if a := p.action(schemas.SetupAction); a != nil {
			return nil, i.press(ctx, p, schemas.ChannelID(a.Value)), nil
		}
	case p.Type == "block_actions" && ours && p.action(unlinkAction) != nil:
		return nil, i.unlink(ctx, p), nil
	case p.Type == "block_actions" && ours && p.action(accountAction) != nil:
		return nil, i.chooseAccount(ctx, p), nil
	case p.Type == "block_suggestion" && ours:
		return i.suggest(ctx, p)
	case p.Type == "view_submission" && ours:
		return i.submit(ctx, p)
	}
	return nil, ignored, nil
}

// ours says whether a URL of a payload leads to Slack: to the host of its Web API, or one below.
func (i *Interactions) ours(address string) bool {
	u, err := url.Parse(address)
	return err == nil && (u.Hostname() == i.slack || strings.HasSuffix(u.Hostname(), "."+i.slack))
}
