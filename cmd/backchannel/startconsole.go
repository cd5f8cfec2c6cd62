package main

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/bigmind/backchannel/cmd/backchannel/deliverylog"
	"github.com/bigmind/backchannel/cmd/backchannel/verdict"
	"github.com/bigmind/backchannel/ingest"
	"github.com/bigmind/backchannel/ingest/console"
	"github.com/bigmind/backchannel/ingest/console/signin"
	"github.com/bigmind/backchannel/ingest/diagnose"
	"github.com/bigmind/backchannel/ingest/install"
	"github.com/bigmind/backchannel/schemas"
)

// disconnect ends a workspace's installation.
type disconnect = func(ctx context.Context, org schemas.OrgID, team schemas.TeamID, by schemas.UserID) error

// consolePatience is how long a page waits for a change to be in the views, which takes some tens of milliseconds.
const consolePatience = 3 * time.Second

// startConsole serves the web console. Its pages answer 503 while Redis is away, which is no reason to turn events down.
func startConsole(w *wiring) (runner, error) {
	signIn, err := w.signingIn()
	if err != nil {
		return nil, err
	}
	if signIn == nil {
		w.log.Info("the console is off: console-client-id and slack-client-id are not set, or public-url is neither https nor this machine")
		return waiter{}, nil
	}
	pages, err := console.New(console.Options{
		PublicURL: publicURL(w.config), SignIn: signIn, Redis: w.redis, Publisher: ingest.Kafka{Client: w.producer}, Deliveries: deliverylog.ClickHouse{Conn: w.ch},
		Examiner:   &diagnose.Examiner{Redis: w.redis, Verdicts: verdict.By(w.redis, time.Now), Now: time.Now},
		Disconnect: w.disconnect, Patience: consolePatience, Now: time.Now, Metrics: w.metrics, Log: w.log,
	})
	if err != nil {
		return nil, err
	}
	pages.Register(w.mux)
	return waiter{}, nil
}

// signingIn is the way in to the console; nil where no issuer knows us.
func (w *wiring) signingIn() (*signin.SignIn, error) {
	c := w.config
	issuer, id, secret := c.String("console-issuer"), cmp.Or(c.String("console-client-id"), c.String("slack-client-id")), cmp.Or(c.String("console-client-secret"), c.String("slack-client-secret"))
	switch {
	case w.signInAsked || id == "":
		return w.signIn, nil
	case issuer != "" && c.String("console-client-id") == "":
		return nil, errors.New("console-issuer is set and console-client-id is not: the issuer knows us by one")
	case issuer == "":
		issuer = strings.TrimSuffix(withSlash(c.String("slack-api-url")), "/api/")
	}
	w.signInAsked = true
	var err error
	w.signIn, err = signin.New(signin.Options{
		Issuer: issuer, ClientID: id, ClientSecret: secret, PublicURL: publicURL(c), CallbackPath: console.CallbackPath, Home: console.Home,
		Redis: w.redis, HTTP: &http.Client{Timeout: slackTimeout}, Now: time.Now, Metrics: w.metrics, Log: w.log,
	})
	if errors.Is(err, signin.ErrInsecure) {
		w.log.Warn("nobody can sign in to the console", "error", err)
		return nil, nil
	}
	return w.signIn, err
}

// throughConsole lets whoever is signed in to the console connect Slack, beside those who open a link that was made for them.
func (w *wiring) throughConsole(opts *install.Options) error {
	signIn, err := w.signingIn()
	if err == nil && signIn != nil {
		opts.Visitors, opts.Home, opts.Landing = console.Visitors{SignIn: signIn, Tickets: opts.Visitors}, console.Home, console.Connected
	}
	return err
}
