package api

import (
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/go-redis/redis_rate/v10"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"

	"github.com/bigmind/backchannel/ingest"
	"github.com/bigmind/backchannel/ingest/apitoken"
	"github.com/bigmind/backchannel/ingest/conversation"
	"github.com/bigmind/backchannel/ingest/deliverylog"
	"github.com/bigmind/backchannel/ingest/diagnose"
)

// Prefix begins all paths.
const Prefix = "/api/v1"

// Options of the API.
type Options struct {
	Redis     redis.UniversalClient
	Publisher ingest.Publisher
	// Deliveries, Verdicts and Conversations answer what ingest does not know by itself.
	Deliveries    deliverylog.Log
	Verdicts      diagnose.Verdicts
	Conversations conversation.Reader
	// PerMinute bounds the requests of a token, of all replicas together.
	PerMinute int
	// Patience is how long a write waits until the views show it.
	Patience time.Duration
	Now      func() time.Time
	Metrics  prometheus.Registerer
	Log      *slog.Logger
}

// API serves the operations.
type API struct {
	opts     Options
	tokens   apitoken.Reader
	limiter  *redis_rate.Limiter
	examiner *diagnose.Examiner
	mux      *http.ServeMux
	huma     huma.API
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
}

// New makes the API.
func New(opts Options) *API {
	a := &API{
		opts: opts, tokens: apitoken.Reader{Redis: opts.Redis, Now: opts.Now}, limiter: redis_rate.NewLimiter(opts.Redis), mux: http.NewServeMux(),
		examiner: &diagnose.Examiner{Redis: opts.Redis, Verdicts: opts.Verdicts, Now: opts.Now},
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "backchannel_ingest_api_requests_total", Help: "Requests to the API by operation and HTTP status.",
		}, []string{"operation", "status"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "backchannel_ingest_api_request_seconds", Help: "Time to answer a request to the API, by operation. Writes wait for the views.",
			Buckets: prometheus.ExponentialBuckets(0.001, 2, 13), NativeHistogramBucketFactor: 1.1,
		}, []string{"operation"}),
	}
	opts.Metrics.MustRegister(a.requests, a.seconds)
	a.huma = humago.New(a.mux, config())
	for _, register := range []func(*API){
		me, notificationTypes, orgPreferences, userPreferences, settings, channels, associations, persons, accounts, accountContext, deliveries, diagnoses,
	} {
		register(a)
	}
	for _, item := range a.huma.OpenAPI().Paths {
		if item.Put != nil { // huma documents that NoNull reads the bytes of the body as another form of it
			delete(item.Put.RequestBody.Content, "application/octet-stream")
		}
	}
	a.mux.HandleFunc("/", a.nowhere)
	return a
}

func config() huma.Config {
	c := huma.DefaultConfig("Backchannel", "1")
	c.Info.Description = "Associations of channels, notification preferences and settings of an organization, what became of its notifications, and what was said in the channels of its accounts. " +
		"A token belongs to one organization; 'backchannel token create' makes one."
	c.OpenAPIPath, c.DocsPath, c.SchemasPath, c.CreateHooks = Prefix+"/openapi", "", "", nil
	c.RejectUnknownQueryParameters = true
	c.Transformers = append(c.Transformers, explained)
	c.Components.SecuritySchemes = map[string]*huma.SecurityScheme{bearer: {Type: "http", Scheme: "bearer", Description: "A token of the organization: bct_…"}}
	return c
}

const wantTime = "want a time in RFC 3339, such as 2026-11-26T00:00:00Z"

// explained makes a sentence of what huma says of a request that is not as documented: which part, and what is wrong with it. The parts are in errors, one by one.
func explained(_ huma.Context, _ string, body any) (any, error) {
	p, is := body.(*huma.ErrorModel)
	if !is || p.Detail != "validation failed" || len(p.Errors) == 0 {
		return body, nil
	}
	parts := make([]string, 0, len(p.Errors))
	for _, e := range p.Errors {
		if strings.HasPrefix(e.Message, "invalid date/time for format ") { // of Go
			e.Message = wantTime
		}
		parts = append(parts, strings.TrimPrefix(e.Location+": ", ": ")+e.Message)
	}
	p.Detail = "The request is not as documented: " + strings.Join(parts, "; ") + "."
	return p, nil
}

// Register adds the routes.
func (a *API) Register(mux *http.ServeMux) { mux.Handle("/api/", a) }

// ServeHTTP answers a request.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	a.mux.ServeHTTP(w, r)
}

// OpenAPI is the document, OpenAPI 3.1 as JSON.
func (a *API) OpenAPI() *huma.OpenAPI { return a.huma.OpenAPI() }

// nowhere answers what is no operation: 405 where the path has other methods, else 404.
func (a *API) nowhere(w http.ResponseWriter, r *http.Request) {
	var allowed []string
	for _, method := range []string{http.MethodGet, http.MethodPut, http.MethodPost, http.MethodPatch, http.MethodDelete} {
		other := r.Clone(r.Context())
		other.Method = method
		if _, pattern := a.mux.Handler(other); pattern != "/" {
			allowed = append(allowed, method)
		}
	}
	a.requests.WithLabelValues("none", strconv.Itoa(http.StatusNotFound)).Inc()
	if len(allowed) > 0 {
		w.Header().Set("Allow", strings.Join(allowed, ", "))
		problem(w, http.StatusMethodNotAllowed, "This path takes "+strings.Join(allowed, ", ")+".")
		return
	}
	problem(w, http.StatusNotFound, "There is nothing at this path; "+Prefix+"/openapi.json lists what there is.")
}

// answer turns what went wrong into an HTTP error: a sentence for the client, or that it cannot be told now.
func (a *API) answer(operation string, err error) error {
	var status huma.StatusError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &status):
		return err
	case errors.Is(err, ingest.ErrViewsIncomplete):
		return away("What is known of the organization is being read anew. Try again in a moment.")
	}
	a.opts.Log.Warn("a request to the API could not be answered", "operation", operation, "error", ingest.WithoutURL(err))
	return away("An engine does not answer. Try again in a moment.")
}

// away is 503, with when to try again.
func away(sentence string) error {
	return huma.ErrorWithHeaders(huma.Error503ServiceUnavailable(sentence), http.Header{"Retry-After": {"5"}})
}
