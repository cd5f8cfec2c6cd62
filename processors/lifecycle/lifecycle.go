package lifecycle

import (
	"context"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/processors"
	"github.com/bigmind/backchannel/schemas"
)

// Processor is the lifecycle processor.
type Processor struct {
	redis    redis.UniversalClient
	parser   parser
	installs processors.Memo[schemas.Installation]
	// gone are uninstallations that the views may not show yet: Slack sends tokens_revoked right after, which says less.
	gone map[schemas.TeamID]uninstallation
}

type uninstallation struct {
	rec *position // nil: none
	at  time.Time
}

// position is a record's place. What comes after it is told apart from what is processed once more.
type position struct {
	partition int32
	offset    int64
}

// maxGone bounds what is remembered; the views show it within moments.
const maxGone = 10_000

// Definition is the node of the graph.
func Definition(rdb redis.UniversalClient) processors.Definition {
	return processors.Definition{
		Name:      "lifecycle",
		In:        []schemas.Spec{schemas.SlackEvents.Spec},
		Out:       []schemas.Spec{schemas.SlackInstallations.Spec, schemas.SlackUsers.Spec},
		Processor: &Processor{redis: rdb, gone: map[schemas.TeamID]uninstallation{}},
	}
}

// work is an event that may change something.
type work struct {
	index int
	event event
	at    position
}

// Process passes over what is no lifecycle, asks Redis once for the installations of the rest, and decides each.
func (p *Processor) Process(ctx context.Context, batch []*kgo.Record) (*processors.Result, error) {
	result := processors.NewResult(len(batch))
	var todo []work
	for i, rec := range batch {
		kind, err := p.parser.kind(rec.Value)
		switch {
		case err != nil:
			result.Reject(i, schemas.Malformed, err.Error())
		case handlers[kind] == nil:
			result.Drop(i, schemas.NotLifecycle)
		default:
			e, err := parse(rec.Value)
			if err != nil {
				result.Reject(i, schemas.Malformed, err.Error())
				continue
			}
			todo = append(todo, work{i, e, position{rec.Partition, rec.Offset}})
		}
	}
	if len(todo) == 0 {
		return result, nil
	}
	installs, err := p.load(ctx, todo)
	if err != nil {
		return nil, err
	}
	for _, w := range todo {
		p.decide(w, installs[w.event.team], result)
	}
	return result, nil
}

func (p *Processor) decide(w work, in *schemas.Installation, result *processors.Result) {
	if in == nil {
		result.Reject(w.index, schemas.UnknownOrg, "no installation says which organization this workspace belongs to")
		return
	}
	rec, drop, err := handlers[w.event.kind](&w.event, *in)
	switch was := p.gone[w.event.team]; {
	case rec != nil && w.event.kind == "app_uninstalled":
		if len(p.gone) >= maxGone {
			clear(p.gone)
		}
		p.gone[w.event.team] = uninstallation{&w.at, w.event.at}
	case rec != nil && w.event.kind == "tokens_revoked" && was.before(w.at) && !was.at.Before(in.InstalledAt):
		drop = schemas.AlreadyEnded
	}
	switch {
	case err != nil:
		result.Reject(w.index, schemas.Malformed, err.Error())
	case drop != "":
		result.Drop(w.index, drop)
	default:
		result.Emit(w.index, rec)
	}
}

func (u uninstallation) before(at position) bool {
	return u.rec != nil && u.rec.partition == at.partition && u.rec.offset < at.offset
}

// load asks for the installations in one round trip.
func (p *Processor) load(ctx context.Context, todo []work) (map[schemas.TeamID]*schemas.Installation, error) {
	asked := map[schemas.TeamID]*redis.StringCmd{}
	err := processors.Lookup(ctx, p.redis, func(pipe redis.Pipeliner) {
		for _, w := range todo {
			if asked[w.event.team] == nil {
				asked[w.event.team] = pipe.HGet(ctx, schemas.ViewTeamInstall(w.event.team), schemas.FieldInstallation)
			}
		}
	})
	if err != nil {
		return nil, err
	}
	found := make(map[schemas.TeamID]*schemas.Installation, len(asked))
	for team, cmd := range asked {
		if cmd.Val() == "" {
			continue
		}
		in, err := p.installs.Decode(cmd.Val())
		if err != nil {
			return nil, fmt.Errorf("read the Redis views: %w", err)
		}
		found[team] = in
	}
	return found, nil
}
