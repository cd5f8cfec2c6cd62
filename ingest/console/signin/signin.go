package signin

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"
	"golang.org/x/oauth2"
)

// Options of signing in.
type Options struct {
	// Issuer is who tells who somebody is, such as https://slack.com; ClientID and ClientSecret are ours there.
	Issuer, ClientID, ClientSecret string
	// PublicURL is where browsers reach this service, such as https://bigmind.example.
	PublicURL string
	// CallbackPath is where the issuer leads back to. Home begins the paths that may be gone on to, and ends in a slash.
	CallbackPath, Home string
	Redis              redis.UniversalClient
	HTTP               *http.Client
	Now                func() time.Time
	Metrics            prometheus.Registerer
	Log                *slog.Logger
}

// SignIn is the way in.
type SignIn struct {
	opts    Options
	secure  bool // browsers come by https
	results *prometheus.CounterVec

	mu       sync.Mutex
	provider *provider // nil: the issuer was not reached yet
}

// New makes the way in. It does not reach for the issuer yet.
func New(opts Options) (*SignIn, error) {
	public, err := url.Parse(opts.PublicURL)
	switch {
	case opts.ClientID == "" || opts.ClientSecret == "":
		return nil, errors.New("the client id or the client secret at the issuer is missing")
	case err != nil || public.Host == "" || strings.Trim(public.Path, "/") != "":
		return nil, errors.New("the public URL must be a scheme and a host, such as https://bigmind.example")
	case public.Scheme != "https" && !loopback(public.Hostname()):
		return nil, fmt.Errorf("the public URL is %s: %w", public.Scheme+"://"+public.Host, ErrInsecure)
	}
	opts.PublicURL = strings.TrimSuffix(opts.PublicURL, "/")
	s := &SignIn{
		opts: opts, secure: public.Scheme == "https",
		results: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "backchannel_ingest_console_sign_ins_total",
			Help: "Sign-ins to the console by what became of them: `begun`, `signed_in`, `denied`, `refused`, `expired`, `other_browser`, `malformed`, `unverified` " +
				"(the issuer does not vouch for the email), `stranger` (nobody in the directory), `unavailable`.",
		}, []string{"result"}),
	}
	opts.Metrics.MustRegister(s.results)
	return s, nil
}

// ErrInsecure means that cookies would travel where others can read them.
var ErrInsecure = errors.New("people sign in over https only, except on this machine; set public-url to an https URL")

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// Problem is why somebody could not sign in, for them to read.
type Problem struct {
	Status      int
	Title, Text string
}

// problem counts a result and says it.
func (s *SignIn) problem(result string, status int, title, text string) *Problem {
	s.results.WithLabelValues(result).Inc()
	return &Problem{status, title, text}
}

// unavailable is for what a later try can mend. The error is logged, and not shown.
func (s *SignIn) unavailable(step string, err error) *Problem {
	s.opts.Log.Warn("a sign-in could not go on", "step", step, "error", err)
	return s.problem("unavailable", http.StatusServiceUnavailable, "Not right now", "One of the systems that signing in needs does not answer. Try again in a minute.")
}

// provider is the issuer, as its discovery document describes it.
type provider struct {
	oauth    oauth2.Config
	verifier *oidc.IDTokenVerifier
	userInfo func(context.Context, oauth2.TokenSource) (*oidc.UserInfo, error)
	pkce     bool
}

// discover reads the issuer's discovery document, once it answers.
func (s *SignIn) discover(ctx context.Context) (*provider, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.provider != nil {
		return s.provider, nil
	}
	found, err := oidc.NewProvider(oidc.ClientContext(ctx, s.opts.HTTP), s.opts.Issuer)
	if err != nil {
		return nil, fmt.Errorf("read the issuer's discovery document: %w", err)
	}
	var said struct {
		Challenges []string `json:"code_challenge_methods_supported"`
		Auth       []string `json:"token_endpoint_auth_methods_supported"`
	}
	if err := found.Claims(&said); err != nil {
		return nil, fmt.Errorf("read the issuer's discovery document: %w", err)
	}
	endpoint := found.Endpoint()
	endpoint.AuthStyle = oauth2.AuthStyleInHeader // the default of OpenID Connect Discovery
	if slices.Contains(said.Auth, "client_secret_post") {
		endpoint.AuthStyle = oauth2.AuthStyleInParams
	}
	s.provider = &provider{
		oauth: oauth2.Config{
			ClientID: s.opts.ClientID, ClientSecret: s.opts.ClientSecret, Endpoint: endpoint, RedirectURL: s.opts.PublicURL + s.opts.CallbackPath,
			Scopes: []string{oidc.ScopeOpenID, "email", "profile"},
		},
		verifier: found.Verifier(&oidc.Config{ClientID: s.opts.ClientID, Now: s.opts.Now}),
		userInfo: found.UserInfo, pkce: slices.Contains(said.Challenges, "S256"),
	}
	return s.provider, nil
}
