package lifecycle

import (
	"context"
	"errors"
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
	channels processors.Memo[schemas.SlackChannel]
	assocs   processors.Memo[schemas.ChannelAssociation]
	// gone are uninstallations that the views may not show yet: Slack sends tokens_revoked right after, which says less.
	gone    map[schemas.TeamID]uninstallation
	recent  recent
	people  processors.Memo[schemas.SlackUser]
	prompts processors.Memo[schemas.SetupPrompt]
	asks    processors.Memo[schemas.SyncRequest]
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
		Name: "lifecycle",
		In:   []schemas.Spec{schemas.SlackEvents.Spec},
		Out: []schemas.Spec{
			schemas.SlackInstallations.Spec, schemas.SlackUsers.Spec, schemas.SlackChannels.Spec, schemas.ChannelAssociations.Spec,
			schemas.SetupPrompts.Spec, schemas.DeliveriesSlack.Spec, schemas.SyncRequests.Spec,
		},
		Processor: &Processor{
			redis: rdb, gone: map[schemas.TeamID]uninstallation{}, recent: recent{stated: map[schemas.Key][]statement{}, now: time.Now},
		},
	}
}

// work is an event that may change something.
type work struct {
	index int
	event event
	at    position
	known known
}

// known is what the views say of what an event is about: nil where they have nothing.
type known struct {
	install     *schemas.Installation
	channel     *schemas.SlackChannel
	gone        time.Time // when the channel was stated to be gone, if it was a moment ago
	association *schemas.ChannelAssociation
	inviter     *schemas.SlackUser
	prompt      *schemas.SetupPrompt
	request     *schemas.SyncRequest // for more of its past
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
			todo = append(todo, work{index: i, event: e, at: position{rec.Partition, rec.Offset}})
		}
	}
	if len(todo) == 0 {
		return result, nil
	}
	if err := p.load(ctx, todo); err != nil {
		return nil, err
	}
	for i := range todo {
		p.decide(&todo[i], result)
	}
	return result, nil
}

func (p *Processor) decide(w *work, result *processors.Result) {
	if w.known.install == nil {
		result.Reject(w.index, schemas.UnknownOrg, "no installation says which organization this workspace belongs to")
		return
	}
	w.known.channel, w.known.gone = p.recent.known(schemas.TeamChannelKey(w.event.team, w.event.channel), w.known.channel, w.at)
	records, drop, err := handlers[w.event.kind](&w.event, w.known)
	switch was := p.gone[w.event.team]; {
	case len(records) > 0 && w.event.kind == "app_uninstalled":
		if len(p.gone) >= maxGone {
			clear(p.gone)
		}
		p.gone[w.event.team] = uninstallation{&position{w.at.partition, w.at.offset}, w.event.at}
	case len(records) > 0 && w.event.kind == "tokens_revoked" && was.before(w.at) && !was.at.Before(w.known.install.InstalledAt):
		drop = schemas.AlreadyEnded
	}
	if err == nil && drop == "" {
		err = p.recent.note(records, w.at, w.event.at)
	}
	switch {
	case err != nil:
		result.Reject(w.index, schemas.Malformed, err.Error())
	case drop != "":
		result.Drop(w.index, drop)
	default:
		for _, rec := range records {
			result.Emit(w.index, rec)
		}
	}
}

func (u uninstallation) before(at position) bool {
	return u.rec != nil && u.rec.partition == at.partition && u.rec.offset < at.offset
}

// load asks for all that the events are about in one round trip.
func (p *Processor) load(ctx context.Context, todo []work) error {
	type asked struct{ install, channel, association, prompt, inviter, request *redis.StringCmd }
	cmds := make([]asked, len(todo))
	err := processors.Lookup(ctx, p.redis, func(pipe redis.Pipeliner) {
		for i := range todo {
			e := &todo[i].event
			cmds[i].install = pipe.HGet(ctx, schemas.ViewTeamInstall(e.team), schemas.FieldInstallation)
			if e.channel != "" {
				cmds[i].channel = pipe.HGet(ctx, schemas.ViewTeamChannels(e.team), string(e.channel))
				cmds[i].association = pipe.HGet(ctx, schemas.ViewTeamAssociations(e.team), string(e.channel))
				cmds[i].prompt = pipe.HGet(ctx, schemas.ViewTeamPrompts(e.team), string(e.channel))
			}
			if e.kind == "channel_id_changed" {
				cmds[i].request = pipe.HGet(ctx, schemas.ViewTeamSyncRequests(e.team), string(e.channel))
			}
			if e.inviter != "" {
				cmds[i].inviter = pipe.HGet(ctx, schemas.ViewTeamUsers(e.team), string(e.inviter))
			}
		}
	})
	if err != nil {
		return err
	}
	for i := range todo {
		k := &todo[i].known
		var err1, err2, err3, err4, err5, err6 error
		k.install, err1 = decoded(&p.installs, cmds[i].install)
		k.channel, err2 = decoded(&p.channels, cmds[i].channel)
		k.association, err3 = decoded(&p.assocs, cmds[i].association)
		k.prompt, err4 = decoded(&p.prompts, cmds[i].prompt)
		k.inviter, err5 = decoded(&p.people, cmds[i].inviter)
		k.request, err6 = decoded(&p.asks, cmds[i].request)
		if err := errors.Join(err1, err2, err3, err4, err5, err6); err != nil {
			return fmt.Errorf("read the Redis views: %w", err)
		}
	}
	return nil
}

func decoded[T any](memo *processors.Memo[T], cmd *redis.StringCmd) (*T, error) {
	if cmd == nil || cmd.Val() == "" {
		return nil, nil
	}
	return memo.Decode(cmd.Val())
}
