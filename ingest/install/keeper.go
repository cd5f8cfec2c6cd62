package install

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/slack-go/slack"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/ingest"
	"github.com/bigmind/backchannel/schemas"
)

// Opener opens sealed tokens; *seal.Sealer is one.
type Opener interface {
	Open(team schemas.TeamID, sealed string) (token string, err error)
}

const (
	// checkEvery is how often each token is tried (auth.test), which tells what Slack's events may not: they can be lost.
	checkEvery = 15 * time.Minute
	// refreshBefore is how long before its end a token that rotates is renewed. Slack's live 12 hours.
	refreshBefore = 2 * time.Hour
	// keeperLease keeps a workspace one replica's: two that refresh at once would leave one of them with a dead token
	// (node-slack-sdk #2504).
	keeperLease = time.Minute
	// recordWithin bounds how long a fresh token may take into Kafka, also while the process ends: it is good once.
	recordWithin = 30 * time.Second
)

// Keeper keeps the records of installations true: it tries each token, notes what was granted or withdrawn since, and renews those that
// rotate.
type Keeper struct {
	opts   Options
	kafka  []kgo.Opt
	opener Opener
	me     string
	checks *prometheus.CounterVec
}

// NewKeeper makes a keeper with the options of the handler. kafka is how slack.installations is read.
func NewKeeper(opts Options, kafka []kgo.Opt, opener Opener) *Keeper {
	k := &Keeper{
		opts: opts, kafka: kafka, opener: opener, me: rand.Text(),
		checks: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "backchannel_ingest_token_checks_total",
			Help: "Tokens that were tried, every 15 minutes, by what came of it: `good`, `changed` (other scopes), `refreshed`, `refused` (the installation has ended), `unknown` (Slack did not say).",
		}, []string{"result"}),
	}
	opts.Metrics.MustRegister(k.checks)
	k.checks.WithLabelValues("refused") // so that the first is an increase
	return k
}

// Run works until ctx is done.
func (k *Keeper) Run(ctx context.Context) error {
	return ingest.FollowInstallations(ctx, k.kafka, k.opts.Log, k.keep)
}

// keep looks after one installation until its record changes.
func (k *Keeper) keep(ctx context.Context, in *schemas.Installation) {
	for ctx.Err() == nil {
		ours, err := ingest.Lease(ctx, k.opts.Redis, schemas.LeaseKey(in.TeamID, "token"), k.me, keeperLease)
		if err == nil && ours {
			var done bool
			if done, err = k.check(ctx, in); done && err == nil {
				return // what was published starts the next worker
			}
		}
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			k.checks.WithLabelValues("unknown").Inc()
			k.opts.Log.Warn("a workspace's token could not be tried", "team", in.TeamID, "error", ingest.WithoutURL(err))
		case ours:
			k.wait(ctx, in)
			continue
		}
		ingest.Sleep(ctx, keeperLease)
	}
}

// wait sleeps until the next check is due, and keeps the lease meanwhile.
func (k *Keeper) wait(ctx context.Context, in *schemas.Installation) {
	until := time.Now().Add(checkEvery)
	if refresh := in.TokenExpiresAt.Add(-refreshBefore); in.SealedRefreshToken != "" && refresh.Before(until) {
		until = refresh
	}
	for time.Now().Before(until) && ctx.Err() == nil {
		ingest.Sleep(ctx, min(time.Until(until), keeperLease/2))
		if ours, err := ingest.Lease(ctx, k.opts.Redis, schemas.LeaseKey(in.TeamID, "token"), k.me, keeperLease); err != nil || !ours {
			return
		}
	}
}

// check tries the token, or renews it. done says that there is a newer record.
func (k *Keeper) check(ctx context.Context, in *schemas.Installation) (done bool, err error) {
	if in.SealedRefreshToken != "" && !time.Now().Before(in.TokenExpiresAt.Add(-refreshBefore)) {
		return true, k.refresh(ctx, *in)
	}
	token, err := k.opener.Open(in.TeamID, in.SealedToken)
	if err != nil {
		return false, err
	}
	test, err := slack.New(token, slack.OptionAPIURL(k.opts.APIURL), slack.OptionHTTPClient(k.opts.HTTP)).AuthTestContext(ctx)
	answer, refused := errors.AsType[slack.SlackErrorResponse](err)
	switch {
	case refused && answer.Err == "token_expired" && in.SealedRefreshToken != "":
		return true, k.refresh(ctx, *in)
	case refused && ends[answer.Err]:
		return true, k.ended(ctx, *in, answer.Err)
	case err != nil:
		return false, err
	}
	now := scopes(test.Header.Get("X-Oauth-Scopes"))
	if len(now) > 0 && !slices.Equal(now, slices.Sorted(slices.Values(in.Scopes))) {
		changed := *in
		changed.Scopes = now
		k.checks.WithLabelValues("changed").Inc()
		return true, k.record(ctx, &changed)
	}
	k.checks.WithLabelValues("good").Inc()
	return false, nil
}

// ends are the answers after which a token is of no use any more (slack.md, 'Posting errors', class install).
var ends = map[string]bool{
	"invalid_auth": true, "token_revoked": true, "token_expired": true, "account_inactive": true, "invalid_refresh_token": true, "team_access_not_granted": true,
}

// refresh turns the refresh token, which is good once, into the next two.
func (k *Keeper) refresh(ctx context.Context, in schemas.Installation) error {
	token, err := k.opener.Open(in.TeamID, in.SealedRefreshToken)
	if err != nil {
		return err
	}
	answer, err := slack.RefreshOAuthV2TokenContext(ctx, k.opts.HTTP, k.opts.ClientID, k.opts.ClientSecret, token, slack.OAuthOptionAPIURL(k.opts.APIURL))
	if refused, ok := errors.AsType[slack.SlackErrorResponse](err); ok && ends[refused.Err] {
		return k.ended(ctx, in, refused.Err)
	}
	if err != nil {
		return err
	}
	if in.SealedToken, err = k.opts.Tokens.Seal(in.TeamID, answer.AccessToken); err != nil {
		return err
	}
	if in.SealedRefreshToken, err = k.opts.Tokens.Seal(in.TeamID, answer.RefreshToken); err != nil {
		return err
	}
	in.TokenExpiresAt = time.Now().Add(time.Duration(answer.ExpiresIn) * time.Second).UTC()
	k.checks.WithLabelValues("refreshed").Inc()
	return k.record(ctx, &in)
}

// ended records that Slack refuses the token: nothing is called with it any more.
func (k *Keeper) ended(ctx context.Context, in schemas.Installation, why string) error {
	in.Status, in.Reason, in.SealedToken, in.SealedRefreshToken = schemas.InstallRevoked, why, "", ""
	k.checks.WithLabelValues("refused").Inc()
	k.opts.Log.Warn("Slack refuses a workspace's token; it has to be connected again", "team", in.TeamID, "error", why)
	return k.record(ctx, &in)
}

// record publishes what the installation now is, also while the process ends.
func (k *Keeper) record(ctx context.Context, in *schemas.Installation) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordWithin)
	defer cancel()
	in.UpdatedAt = time.Now().UTC()
	value, err := schemas.SlackInstallations.Encode(*in)
	if err != nil {
		return err
	}
	if err := k.opts.Publisher.Publish(ctx, &kgo.Record{Topic: schemas.SlackInstallations.Name, Key: []byte(schemas.TeamKey(in.TeamID)), Value: value}); err != nil {
		return fmt.Errorf("record what became of a token: %w", err)
	}
	return nil
}
