package ingest

import (
	"context"
	"log/slog"
	"maps"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/schemas"
)

// Heard is a Publisher of events that remembers when each workspace was last heard of, and tells Redis every few seconds: Slack is told 200
// when Kafka has the event, and Redis may be away.
type Heard struct {
	Publisher Publisher
	Redis     redis.UniversalClient
	Now       func() time.Time
	Log       *slog.Logger

	mu    sync.Mutex
	heard map[schemas.TeamID]time.Time
}

// heardEvery is how often Redis is told.
const heardEvery = 5 * time.Second

// Publish publishes, and notes the workspaces of what was taken.
func (h *Heard) Publish(ctx context.Context, records ...*kgo.Record) error {
	if err := h.Publisher.Publish(ctx, records...); err != nil {
		return err
	}
	now := h.Now().UTC()
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.heard == nil {
		h.heard = map[schemas.TeamID]time.Time{}
	}
	for _, r := range records {
		if team, _ := schemas.Key(r.Key).Split(); team != "" {
			h.heard[schemas.TeamID(team)] = now
		}
	}
	return nil
}

// Run tells Redis until ctx is done.
func (h *Heard) Run(ctx context.Context) error {
	for done := false; !done; done = ctx.Err() != nil { // once more when it ends
		Sleep(ctx, heardEvery)
		h.tell(context.WithoutCancel(ctx))
	}
	return nil
}

// tell forgets what it has told, also when Redis is away: the next event says it again.
func (h *Heard) tell(ctx context.Context) {
	h.mu.Lock()
	heard := maps.Clone(h.heard)
	clear(h.heard)
	h.mu.Unlock()
	if len(heard) == 0 {
		return
	}
	_, err := h.Redis.Pipelined(ctx, func(pipe redis.Pipeliner) error {
		for team, at := range heard {
			pipe.Set(ctx, schemas.HeardKey(team), at.Format(time.RFC3339), 0)
		}
		return nil
	})
	if err != nil {
		h.Log.Debug("when workspaces were last heard of could not be told", "error", err)
	}
}
