package socketmode

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/slack-go/slack"

	"github.com/bigmind/backchannel/ingest"
)

const (
	// firstPause and lastPause bound the pauses between attempts, which double.
	firstPause = time.Second
	lastPause  = time.Minute
	// ghostPause is for too_many_websockets: ghosts go by themselves, after a while that Slack does not document.
	ghostPause = 30 * time.Second
	// refusedPause is for what somebody has to mend. It is tried again all the same: nobody should have to restart for a click in Slack.
	refusedPause = 5 * time.Minute
	// settled is how long a connection has to last before the next failure counts as the first.
	settled = time.Minute
)

// hold keeps one connection: a new one is opened as soon as Slack says that the old one will go.
func (c *Client) hold(ctx context.Context) {
	var ending sync.WaitGroup
	defer ending.Wait()
	for pause := time.Duration(0); ctx.Err() == nil; {
		k, err := c.open(ctx)
		began := time.Now()
		if err == nil {
			ending.Go(func() { k.run(ctx) })
			select {
			case <-k.leaving:
				err = k.why
			case <-ctx.Done():
				return
			}
			if time.Since(began) > settled {
				pause = 0
			}
		}
		if ctx.Err() != nil {
			return
		}
		wait := waitAfter(err, pause)
		if err != nil {
			c.failed(err, wait)
		}
		ingest.Sleep(ctx, wait)
		pause = min(max(2*pause, firstPause), lastPause)
	}
}

// waitAfter is how long to wait after an error, with some chance in it, so that replicas do not come all at once. A connection that was
// told to go, or that ended after a while, is replaced at once.
func waitAfter(err error, pause time.Duration) time.Duration {
	limited, isLimited := errors.AsType[*slack.RateLimitedError](err)
	switch {
	case isLimited:
		pause = max(limited.RetryAfter, firstPause)
	case errors.Is(err, errTooMany):
		pause = max(pause, ghostPause)
	case errors.Is(err, errDisabled) || errors.Is(err, errRefused):
		pause = refusedPause
	}
	return pause + rand.N(pause/4+1) //nolint:gosec // to spread, not to hide
}
