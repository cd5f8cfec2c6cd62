package install

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"
	"github.com/slack-go/slack"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/deploy/slacksim"
	"github.com/bigmind/backchannel/schemas"
	"github.com/bigmind/backchannel/schemas/seal"
)

// kept is an installation in the simulator with its keeper, in virtual time.
type kept struct {
	t       *testing.T
	slack   *slacksim.Client
	http    *http.Client
	tokens  *seal.Sealer
	keeper  *Keeper
	team    slacksim.Team
	app     slacksim.App
	in      schemas.Installation
	records int
}

func (k *kept) Publish(_ context.Context, records ...*kgo.Record) error {
	for _, rec := range records {
		in, err := schemas.SlackInstallations.Decode(rec.Value)
		if err != nil || string(rec.Key) != string(k.team.ID) {
			k.t.Errorf("under %s: %v", rec.Key, err)
		}
		k.in = in
		k.records++
	}
	return nil
}

type inProcess struct{ http.Handler }

func (p inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	rec := httptest.NewRecorder()
	p.ServeHTTP(rec, r)
	return rec.Result(), nil
}

// whileKept installs an app that may rotate its tokens, and lets its keeper work while test runs.
func whileKept(t *testing.T, rotation bool, test func(t *testing.T, k *kept)) {
	t.Helper()
	mini := miniredis.RunT(t) // outside the bubble, whose time would not pass while it listens
	synctest.Test(t, func(t *testing.T) {
		sim, err := slacksim.New(slacksim.Options{})
		must(t, err)
		defer func() { must(t, sim.Close()) }()
		k := &kept{t: t, http: &http.Client{Transport: inProcess{sim.Handler()}}}
		k.slack = slacksim.NewClient("http://slack.test", k.http)
		keys, err := seal.NewKeySet()
		must(t, err)
		k.tokens, err = seal.New(keys)
		must(t, err)
		rdb := redis.NewClient(&redis.Options{Addr: mini.Addr()})
		defer rdb.Close()
		ctx := t.Context()
		k.team, err = k.slack.CreateTeam(ctx, slacksim.Team{Name: "Acme"})
		must(t, err)
		ada, err := k.slack.CreatePerson(ctx, k.team.ID, slacksim.Person{RealName: "Ada"})
		must(t, err)
		k.app, err = k.slack.CreateApp(ctx, slacksim.App{Name: "Bigmind", TokenRotation: rotation, RedirectURLs: []string{"https://x.example/cb"}})
		must(t, err)
		k.keeper = NewKeeper(Options{
			ClientID: k.app.ClientID, ClientSecret: k.app.ClientSecret, APIURL: "http://slack.test/api/", Redis: rdb, Publisher: k, Tokens: k.tokens, HTTP: k.http,
			Metrics: prometheus.NewRegistry(), Log: slog.New(slog.DiscardHandler),
		}, nil, k.tokens)
		k.install(ada.ID)
		of, stop := context.WithCancel(ctx)
		done := make(chan struct{})
		go func() { // what following slack.installations does
			defer close(done)
			for of.Err() == nil {
				in := k.in
				if !in.Active() {
					<-of.Done()
					return
				}
				k.keeper.keep(of, &in)
			}
		}()
		test(t, k)
		stop()
		<-done
	})
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (k *kept) install(who slacksim.UserID) {
	k.t.Helper()
	to, err := k.slack.Consent(k.t.Context(), slacksim.Consent{ClientID: k.app.ClientID, Scope: "chat:write,users:read", State: "s", Team: k.team.ID, User: who})
	must(k.t, err)
	u, err := url.Parse(to.URL)
	must(k.t, err)
	got, err := slack.GetOAuthV2ResponseContext(k.t.Context(), k.http, k.app.ClientID, k.app.ClientSecret, u.Query().Get("code"), "https://x.example/cb", slack.OAuthOptionAPIURL("http://slack.test/api/"))
	must(k.t, err)
	k.in = schemas.Installation{OrgID: "acme", TeamID: k.team.ID, Scopes: []string{"chat:write", "users:read"}, Status: schemas.InstallActive, InstalledAt: time.Now()}
	k.in.SealedToken, err = k.tokens.Seal(k.team.ID, got.AccessToken)
	must(k.t, err)
	if got.ExpiresIn > 0 {
		k.in.SealedRefreshToken, err = k.tokens.Seal(k.team.ID, got.RefreshToken)
		must(k.t, err)
		k.in.TokenExpiresAt = time.Now().Add(time.Duration(got.ExpiresIn) * time.Second)
	}
}

// good says whether Slack takes the token of the record.
func (k *kept) good() string {
	token, err := k.tokens.Open(k.team.ID, k.in.SealedToken)
	if err != nil {
		return err.Error()
	}
	if _, err := slack.New(token, slack.OptionAPIURL("http://slack.test/api/"), slack.OptionHTTPClient(k.http)).AuthTestContext(k.t.Context()); err != nil {
		return err.Error()
	}
	return "good"
}

// pass lets time pass, and whatever is due then come to its end.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// Tokens that live twelve hours are renewed in time, for as long as it takes.
func TestTokensAreRenewed(t *testing.T) {
	whileKept(t, true, func(t *testing.T, k *kept) {
		for hour := range 72 {
			pass(time.Hour)
			if got := k.good(); got != "good" {
				t.Fatalf("after %d hours: %s", hour+1, got)
			}
		}
		if k.records < 6 || k.records > 8 {
			t.Errorf("renewed %d times in three days, want every ten hours", k.records)
		}
	})
}

// A token that was revoked, of which no event came, is found out; nothing of it is kept.
func TestARevokedTokenIsFoundOut(t *testing.T) {
	for _, rotation := range []bool{false, true} {
		whileKept(t, rotation, func(t *testing.T, k *kept) {
			pass(time.Hour)
			must(t, k.slack.Revoke(t.Context(), k.team.ID, k.app.ID))
			pass(checkEvery + time.Minute)
			if k.in.Status != schemas.InstallRevoked || k.in.Reason != "token_revoked" || k.in.SealedToken+k.in.SealedRefreshToken != "" || k.records != 1 {
				t.Errorf("with rotation %t, after %d records: %+v", rotation, k.records, k.in)
			}
		})
	}
}

// What Slack grants in addition, without our flow, is noted; and what is as it was makes no record.
func TestScopesAreNoted(t *testing.T) {
	whileKept(t, false, func(t *testing.T, k *kept) {
		pass(24 * time.Hour)
		if k.records != 0 {
			t.Fatalf("%d records of nothing new", k.records)
		}
		_, err := k.slack.Install(t.Context(), k.team.ID, slacksim.InstallRequest{App: k.app.ID, Scopes: []string{"channels:read"}})
		must(t, err)
		pass(checkEvery + time.Minute)
		if !slices.Equal(k.in.Scopes, []string{"channels:read", "chat:write", "users:read"}) || k.records != 1 {
			t.Errorf("%d records, the last with %v", k.records, k.in.Scopes)
		}
	})
}

// Slack that fails for hours ends nothing.
func TestFailuresEndNothing(t *testing.T) {
	whileKept(t, true, func(t *testing.T, k *kept) {
		for _, f := range []slacksim.Fault{{Kind: slacksim.FaultAPIStatus, Status: 503}, {Kind: slacksim.FaultAPIError, Error: "internal_error", Share: 0.5, Seed: 1}} {
			_, err := k.slack.AddFault(t.Context(), f)
			must(t, err)
		}
		pass(11 * time.Hour)
		must(t, k.slack.ClearFaults(t.Context()))
		pass(10 * time.Minute)
		if got := k.good(); got != "good" || !k.in.Active() || k.records != 1 {
			t.Errorf("after hours without Slack: %s, %d records, %s", got, k.records, k.in.Status)
		}
	})
}
