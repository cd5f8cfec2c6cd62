package slack

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/bigmind/backchannel/schemas"
)

// suspendedProbe is how often deliveries of a suspended workspace are looked at: for another record of its installation, which is
// asked of Redis alone.
const suspendedProbe = 10 * time.Second

// suspended are the workspaces whose installation Slack refuses: nothing is posted there until the record of the installation
// is another, by the keeper that renews or ends it, or by somebody who connects Slack again.
type suspended struct {
	now func() time.Time

	mu   sync.Mutex
	seen map[schemas.TeamID]time.Time
}

func newSuspended(opts Options, sink string) *suspended {
	s := &suspended{now: opts.Now, seen: map[schemas.TeamID]time.Time{}}
	opts.Metrics.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "backchannel_sinks_slack_suspended_workspaces",
		Help: "Workspaces with messages that wait because Slack refuses the installation.", ConstLabels: prometheus.Labels{"sink": sink},
	}, s.count))
	return s
}

func (s *suspended) note(team schemas.TeamID, is bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if is {
		s.seen[team] = s.now()
	} else {
		delete(s.seen, team)
	}
}

// count leaves out those of which nothing was seen for a while: their deliveries have expired or are another replica's.
func (s *suspended) count() float64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	for team, at := range s.seen {
		if s.now().Sub(at) > 6*suspendedProbe {
			delete(s.seen, team)
		}
	}
	return float64(len(s.seen))
}

// suspend remembers that Slack refuses this record of an installation.
func (s *Sink) suspend(ctx context.Context, j *job, code string) error {
	j.refused = code
	if err := s.redis.Set(ctx, schemas.SuspendKey(j.delivery.TeamID), j.grant+" "+code, longestWait).Err(); err != nil {
		return fmt.Errorf("note that Slack refuses an installation: %w", err)
	}
	return nil
}

// grantOf names a record of an installation.
func grantOf(view string) string {
	sum := sha256.Sum256([]byte(view))
	return hex.EncodeToString(sum[:8])
}
