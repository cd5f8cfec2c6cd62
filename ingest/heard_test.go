package ingest_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/ingest"
	"github.com/bigmind/backchannel/schemas"
)

type publisher struct{ err error }

func (p publisher) Publish(context.Context, ...*kgo.Record) error { return p.err }

// When a workspace was last heard of is told when the process ends, at the latest; of what Kafka did not take nothing is.
func TestHeard(t *testing.T) {
	mini := miniredis.RunT(t)
	rdb := redis.NewClient(&redis.Options{Addr: mini.Addr()})
	t.Cleanup(func() { _ = rdb.Close() })
	at := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	h := &ingest.Heard{Publisher: publisher{}, Redis: rdb, Now: func() time.Time { return at }, Log: slog.New(slog.DiscardHandler)}
	if err := h.Publish(t.Context(), &kgo.Record{Key: []byte("T1/C1")}, &kgo.Record{Key: []byte("T2/")}, &kgo.Record{}); err != nil {
		t.Fatal(err)
	}
	h.Publisher = publisher{errors.New("away")}
	if err := h.Publish(t.Context(), &kgo.Record{Key: []byte("T3/C1")}); err == nil {
		t.Error("an error was swallowed")
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if err := h.Run(ctx); err != nil {
		t.Error(err)
	}
	for team, want := range map[schemas.TeamID]string{"T1": "2026-11-23T09:00:00Z", "T2": "2026-11-23T09:00:00Z", "T3": ""} {
		if got, _ := mini.Get(schemas.HeardKey(team)); got != want {
			t.Errorf("%s was heard of %q, want %q", team, got, want)
		}
	}
}
