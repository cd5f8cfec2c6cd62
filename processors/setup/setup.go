package setup

import (
	"context"
	"fmt"

	"github.com/redis/go-redis/v9"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/processors"
	"github.com/bigmind/backchannel/schemas"
)

// Processor is the setup processor.
type Processor struct {
	redis   redis.UniversalClient
	prompts processors.Memo[schemas.SetupPrompt]
}

// Definition is the node of the graph.
func Definition(rdb redis.UniversalClient) processors.Definition {
	return processors.Definition{
		Name:      "setup",
		In:        []schemas.Spec{schemas.ChannelAssociations.Spec, schemas.NotificationOutcomes.Spec},
		Out:       []schemas.Spec{schemas.SetupPrompts.Spec, schemas.DeliveriesSlack.Spec},
		Processor: &Processor{redis: rdb},
	}
}

// work is a record that may call for something, the channel that it is about, and the prompt of that as the views have it.
type work struct {
	index   int
	team    schemas.TeamID
	channel schemas.ChannelID
	outcome *schemas.Outcome // nil: the record is about an association
	prompt  *schemas.SetupPrompt
}

// Process passes over what is about no prompt, asks Redis once where the prompts of the rest stand, and decides each.
func (p *Processor) Process(ctx context.Context, batch []*kgo.Record) (*processors.Result, error) {
	result := processors.NewResult(len(batch))
	var todo []work
	for i, rec := range batch {
		w, drop, err := read(rec)
		switch {
		case err != nil:
			result.Reject(i, schemas.Malformed, err.Error())
		case drop != "":
			result.Drop(i, drop)
		default:
			w.index = i
			todo = append(todo, w)
		}
	}
	if len(todo) == 0 {
		return result, nil
	}
	if err := p.load(ctx, todo); err != nil {
		return nil, err
	}
	for i := range todo {
		w := &todo[i]
		var records []*kgo.Record
		var drop schemas.Reason
		var err error
		if w.outcome == nil {
			records, drop, err = changed(w, batch[w.index])
		} else {
			records, drop, err = concluded(w)
		}
		switch {
		case err != nil:
			return nil, fmt.Errorf("setup: %w", err)
		case drop != "":
			result.Drop(w.index, drop)
		}
		for _, rec := range records {
			result.Emit(w.index, rec)
		}
	}
	return result, nil
}

// read says what a record is about.
func read(rec *kgo.Record) (w work, drop schemas.Reason, err error) {
	if rec.Topic == schemas.ChannelAssociations.Name {
		return readAssociation(rec)
	}
	o, err := schemas.NotificationOutcomes.Decode(rec.Value)
	if err != nil {
		return w, "", err
	}
	if o.Type != schemas.SetupPromptType || o.Setup == nil || o.Setup.PromptID != "" {
		return w, schemas.NotSetup, nil
	}
	return work{team: o.TeamID, channel: o.Setup.ChannelID, outcome: &o}, "", nil
}

func readAssociation(rec *kgo.Record) (w work, drop schemas.Reason, err error) {
	team, channel := schemas.Key(rec.Key).Split()
	if team == "" || channel == "" {
		return w, "", fmt.Errorf("a record of %s needs the key %s", schemas.ChannelAssociations.Name, schemas.ChannelAssociations.Key)
	}
	if rec.Value != nil {
		a, err := schemas.ChannelAssociations.Decode(rec.Value)
		if err == nil && schemas.TeamChannelKey(a.TeamID, a.ChannelID) != schemas.Key(rec.Key) {
			err = fmt.Errorf("the key of a record of %s must be %s, the same as in its value", schemas.ChannelAssociations.Name, schemas.ChannelAssociations.Key)
		}
		if err != nil {
			return w, "", err
		}
	}
	return work{team: schemas.TeamID(team), channel: schemas.ChannelID(channel)}, "", nil
}

func (p *Processor) load(ctx context.Context, todo []work) error {
	cmds := make([]*redis.StringCmd, len(todo))
	err := processors.Lookup(ctx, p.redis, func(pipe redis.Pipeliner) {
		for i := range todo {
			cmds[i] = pipe.HGet(ctx, schemas.ViewTeamPrompts(todo[i].team), string(todo[i].channel))
		}
	})
	if err != nil {
		return err
	}
	for i := range todo {
		if cmds[i].Val() == "" {
			continue
		}
		if todo[i].prompt, err = p.prompts.Decode(cmds[i].Val()); err != nil {
			return fmt.Errorf("read the Redis views: %w", err)
		}
	}
	return nil
}
