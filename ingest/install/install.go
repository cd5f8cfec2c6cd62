package install

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"

	"github.com/bigmind/backchannel/ingest"
	"github.com/bigmind/backchannel/ingest/slackapp"
	"github.com/bigmind/backchannel/schemas"
)

// Where the two flows begin, and where Slack leads back to.
const (
	ConnectPath     = slackapp.ConnectPath
	ChannelSyncPath = slackapp.ChannelSyncPath
	CallbackPath    = slackapp.CallbackPath
)

// Visitor is who a request comes from.
type Visitor struct {
	Org  schemas.OrgID
	User schemas.UserID
}

// Visitors knows who a request comes from; its error is a sentence for that person.
type Visitors interface {
	Visitor(r *http.Request) (Visitor, error)
}

// Sealer seals tokens; *seal.Sealer is one.
type Sealer interface {
	Seal(team schemas.TeamID, token string) (string, error)
}

// HTTPClient is what is needed of an HTTP client; *http.Client is one.
type HTTPClient interface {
	Do(req *http.Request) (*http.Response, error)
}

// Options of the handler.
type Options struct {
	// ClientID and ClientSecret are the Slack app's.
	ClientID, ClientSecret string
	// PublicURL is where browsers reach this service, such as https://bigmind.example.
	PublicURL string
	// APIURL is Slack's Web API, ending in /api/. The page on which people consent is beside it.
	APIURL string
	// Home is where a page leads to in the end, such as the console; empty: nowhere. Landing is the page of it to which somebody is led who began
	// there, and to whom all was granted; nil: they are told here.
	Home      string
	Landing   func(in *schemas.Installation, sync bool) string
	Redis     redis.UniversalClient
	Publisher ingest.Publisher
	Tokens    Sealer
	Visitors  Visitors
	HTTP      HTTPClient
	Now       func() time.Time
	Metrics   prometheus.Registerer
	Log       *slog.Logger
}

// Handler serves the two flows and their callback.
type Handler struct {
	opts      Options
	authorize string
	secure    bool // browsers come by https
	results   *prometheus.CounterVec
}

// New makes the handler.
func New(opts Options) (*Handler, error) {
	api, found := strings.CutSuffix(opts.APIURL, "/api/")
	public, err := url.Parse(opts.PublicURL)
	switch {
	case opts.ClientID == "" || opts.ClientSecret == "":
		return nil, errors.New("the Slack app's client id or client secret is missing")
	case err != nil || public.Host == "" || strings.Trim(public.Path, "/") != "":
		return nil, errors.New("the public URL must be a scheme and a host, such as https://bigmind.example")
	case !found:
		return nil, errors.New("the URL of Slack's Web API must end in /api/")
	}
	opts.PublicURL = strings.TrimSuffix(opts.PublicURL, "/")
	h := &Handler{
		opts: opts, authorize: api + "/oauth/v2/authorize", secure: public.Scheme == "https",
		results: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "backchannel_ingest_installs_total",
			Help: "OAuth flows by what became of them: `begun`, `connected`, `narrower` (less was granted than asked), `denied`, `refused`, `expired`, `reused`, `malformed`, `other_browser`, `stranger`, " +
				"`not_allowed`, `no_workspace`, `wrong_workspace`, `team_taken`, `org_wide`, `no_bot`, `slack_refused`, `unavailable`.",
		}, []string{"result"}),
	}
	opts.Metrics.MustRegister(h.results)
	return h, nil
}

// Register adds the routes.
func (h *Handler) Register(mux *http.ServeMux) {
	mux.HandleFunc("GET "+ConnectPath, func(w http.ResponseWriter, r *http.Request) { h.show(w, h.begin(w, r, connect)) })
	mux.HandleFunc("GET "+ChannelSyncPath, func(w http.ResponseWriter, r *http.Request) { h.show(w, h.begin(w, r, channelSync)) })
	mux.HandleFunc("GET "+CallbackPath, func(w http.ResponseWriter, r *http.Request) { h.show(w, h.callback(w, r)) })
}

// flow is one of the two steps.
type flow struct {
	Name   string
	scopes []string
	roles  []string
}

var (
	connect     = flow{"connect", schemas.NotificationScopes(), []string{"owner", "admin"}}
	channelSync = flow{"channel-sync", schemas.ChannelSyncScopes(), []string{"owner"}}
)

func flowNamed(name string) flow {
	if name == channelSync.Name {
		return channelSync
	}
	return connect
}

// known is what the views say of a visitor.
type known struct {
	person   *schemas.DirectoryUser
	installs map[schemas.TeamID]*schemas.Installation
}

func (h *Handler) lookup(ctx context.Context, v Visitor) (known, error) {
	var person *redis.StringCmd
	var installs *redis.MapStringStringCmd
	err := ingest.Lookup(ctx, h.opts.Redis, func(pipe redis.Pipeliner) {
		person = pipe.HGet(ctx, schemas.ViewOrgUsers(v.Org), string(v.User))
		installs = pipe.HGetAll(ctx, schemas.ViewOrgInstalls(v.Org))
	})
	if err != nil {
		return known{}, err
	}
	k := known{installs: map[schemas.TeamID]*schemas.Installation{}}
	if k.person, err = ingest.Viewed[schemas.DirectoryUser](person.Val()); err != nil {
		return known{}, err
	}
	for team, value := range installs.Val() {
		in, err := ingest.Viewed[schemas.Installation](value)
		if err != nil {
			return known{}, err
		}
		if in != nil {
			k.installs[schemas.TeamID(team)] = in
		}
	}
	return k, nil
}

// may says why a person may not start a flow, in a sentence.
func (f flow) may(person *schemas.DirectoryUser) string {
	switch {
	case person == nil || person.Disabled:
		return "You are not in your organization's directory. Ask an administrator to add you."
	case !slices.Contains(f.roles, person.Role) && f.Name == channelSync.Name:
		return "Only an owner of your organization can connect channel sync. Ask one to open this page."
	case !slices.Contains(f.roles, person.Role):
		return "Only an owner or administrator of your organization can connect Slack. Ask one to open this page."
	}
	return ""
}
