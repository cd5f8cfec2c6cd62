package history

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/ingest"
	"github.com/bigmind/backchannel/schemas"
)

// Opener opens sealed tokens; *seal.Sealer is one.
type Opener interface {
	Open(team schemas.TeamID, sealed string) (token string, err error)
}

// Options of the component.
type Options struct {
	// Kafka is how topics are read, by what the client is called; Publisher how records are written.
	Kafka     func(client string) []kgo.Opt
	Publisher ingest.Publisher
	Redis     redis.UniversalClient
	Tokens    Opener
	// APIURL is Slack's Web API, ending in a slash.
	APIURL string
	HTTP   HTTPClient
	// Class is how Slack limits the app, where an installation does not say.
	Class schemas.AppClass
	// Window is how much of a channel's past is read, where an organization does not say.
	Window time.Duration
	// Every is how often a lively channel's newest messages are read again, and Quiet how often those of one where nobody talks.
	Every, Quiet time.Duration
	Metrics      prometheus.Registerer
	Log          *slog.Logger
}

// History is the component.
type History struct {
	opts     Options
	replicas *replicas
	metrics  *metrics

	mu     sync.Mutex
	nudges map[schemas.TeamID]chan struct{}
}

// New makes the component.
func New(opts Options) *History {
	return &History{opts: opts, replicas: newReplicas(opts.Redis), metrics: newMetrics(opts.Metrics), nudges: map[schemas.TeamID]chan struct{}{}}
}

// Run works until ctx is done.
func (h *History) Run(ctx context.Context) error {
	var working sync.WaitGroup
	defer working.Wait()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	working.Go(func() { h.replicas.run(ctx) })
	working.Go(func() { h.watch(ctx) })
	return ingest.FollowAllInstallations(ctx, h.opts.Kafka("history"), h.opts.Log, h.work)
}

// watch wakes the worker of a workspace when what it has to do has changed.
func (h *History) watch(ctx context.Context) {
	client, err := kgo.NewClient(append([]kgo.Opt{
		kgo.ConsumeTopics(schemas.ChannelAssociations.Name, schemas.SlackChannels.Name, schemas.SyncRequests.Name),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtEnd()), kgo.FetchIsolationLevel(kgo.ReadCommitted()),
	}, h.opts.Kafka("history-watch")...)...)
	if err != nil {
		h.opts.Log.Warn("history: changes of associations are noticed late", "error", err)
		return
	}
	defer client.Close()
	for ctx.Err() == nil {
		teams := map[schemas.TeamID]bool{}
		client.PollFetches(ctx).EachRecord(func(rec *kgo.Record) {
			team, _ := schemas.Key(rec.Key).Split()
			teams[schemas.TeamID(team)] = true
		})
		for team := range teams {
			h.nudge(team)
		}
	}
}

func (h *History) nudge(team schemas.TeamID) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if ch := h.nudges[team]; ch != nil {
		select {
		case ch <- struct{}{}:
		default: // it is awake
		}
	}
}

// nudged registers a worker.
func (h *History) nudged(team schemas.TeamID) chan struct{} {
	h.mu.Lock()
	defer h.mu.Unlock()
	ch := make(chan struct{}, 1)
	h.nudges[team] = ch
	return ch
}
