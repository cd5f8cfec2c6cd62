package ingest

import (
	"context"
	"fmt"
	"log/slog"
	"sync"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/schemas"
)

// FollowInstallations reads slack.installations from its beginning and on, and runs work for each workspace that is installed. Work's
// context ends when the installation's record changes or goes; with a newer record it is run anew. It returns when ctx is done and all
// work has ended.
func FollowInstallations(ctx context.Context, kafka []kgo.Opt, log *slog.Logger, work func(ctx context.Context, in *schemas.Installation)) error {
	return FollowAllInstallations(ctx, kafka, log, func(ctx context.Context, in *schemas.Installation) {
		if in.Callable() {
			work(ctx, in)
		}
	})
}

// FollowAllInstallations does the same also for workspaces of which the installation has ended. Of one whose record is gone only its TeamID is known.
func FollowAllInstallations(ctx context.Context, kafka []kgo.Opt, log *slog.Logger, work func(ctx context.Context, in *schemas.Installation)) error {
	client, err := kgo.NewClient(append([]kgo.Opt{
		kgo.ConsumeTopics(schemas.SlackInstallations.Name), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchIsolationLevel(kgo.ReadCommitted()),
	}, kafka...)...)
	if err != nil {
		return fmt.Errorf("follow installations: %w", err)
	}
	defer client.Close()
	var working sync.WaitGroup
	defer working.Wait()
	ctx, end := context.WithCancel(ctx)
	defer end()
	workers := map[schemas.TeamID]context.CancelFunc{}
	for ctx.Err() == nil {
		for team, in := range changed(client.PollFetches(ctx), log) {
			if stop := workers[team]; stop != nil {
				stop()
				delete(workers, team)
			}
			if in == nil {
				in = &schemas.Installation{TeamID: team}
			}
			of, stop := context.WithCancel(ctx)
			workers[team] = stop
			working.Go(func() { defer stop(); work(of, in) })
		}
	}
	return nil
}

// changed is the newest record of each workspace in a batch, nil for one that is gone.
func changed(fetches kgo.Fetches, log *slog.Logger) map[schemas.TeamID]*schemas.Installation {
	newest := map[schemas.TeamID]*schemas.Installation{}
	fetches.EachRecord(func(rec *kgo.Record) {
		team := schemas.TeamID(rec.Key)
		newest[team] = nil
		if rec.Value == nil {
			return
		}
		in, err := schemas.SlackInstallations.Decode(rec.Value)
		if err != nil {
			log.Warn("an installation cannot be read", "team", team, "offset", rec.Offset, "error", err)
			return
		}
		newest[team] = &in
	})
	return newest
}
