package directory

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/slack-go/slack"

	"github.com/bigmind/backchannel/ingest"
	"github.com/bigmind/backchannel/schemas"
)

const (
	// leaseLife is how long a workspace stays a replica's that has gone without a word. It is longer than a page can take.
	leaseLife = time.Minute
	// firstPause and lastPause bound the pauses after a failure.
	firstPause = time.Second
	lastPause  = time.Minute
)

// workspace is what a worker works with.
type workspace struct {
	*Directory
	in    *schemas.Installation
	slack *slack.Client
}

// keep imports a workspace's lists whenever they are due, until ctx ends or Slack refuses the token for good.
func (d *Directory) keep(ctx context.Context, in *schemas.Installation) {
	token, err := d.opts.Tokens.Open(in.TeamID, in.SealedToken)
	if err != nil {
		d.opts.Log.Warn("directory: a workspace's token cannot be opened", "team", in.TeamID, "error", err)
		return
	}
	w := &workspace{Directory: d, in: in, slack: slack.New(token, slack.OptionAPIURL(d.opts.APIURL), slack.OptionHTTPClient(d.opts.HTTP))}
	for pause := firstPause; ctx.Err() == nil; {
		wait, err := w.round(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case errors.Is(err, errRefused):
			d.opts.Log.Warn("directory: Slack refuses a workspace's token; it is left alone until it is installed again", "team", in.TeamID, "error", err)
			return
		case err != nil:
			d.opts.Log.Log(ctx, ingest.Level(err), "directory: a list could not be read", "team", in.TeamID, "error", err, "again_in", pause)
			wait, pause = pause, min(2*pause, lastPause)
		default:
			pause = firstPause
		}
		ingest.Sleep(ctx, wait)
	}
}

// round does what is due, if the workspace is ours, and returns how long to wait.
func (w *workspace) round(ctx context.Context) (time.Duration, error) {
	ours, err := w.lease(ctx)
	if err != nil || !ours {
		return leaseLife / 2, err
	}
	wait := w.opts.Every
	for _, l := range w.lists() {
		due, err := w.due(ctx, l)
		if err == nil && due <= 0 {
			due, err = w.opts.Every, w.pass(ctx, l)
		}
		if err != nil {
			return 0, fmt.Errorf("%s: %w", l.name, err)
		}
		wait = min(wait, due)
	}
	if err := w.nameChannels(ctx); err != nil {
		return 0, fmt.Errorf("conversations.info: %w", err)
	}
	return min(wait, leaseLife/2), nil // the lease is kept meanwhile, so that it stays one replica's
}

func (w *workspace) lease(ctx context.Context) (bool, error) {
	return ingest.Lease(ctx, w.opts.Redis, schemas.LeaseKey(w.in.TeamID, "directory"), w.me, leaseLife)
}
