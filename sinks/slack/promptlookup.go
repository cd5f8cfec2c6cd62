package slack

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/bigmind/backchannel/schemas"
	"github.com/bigmind/backchannel/sinks"
)

// setup is what the views know of the channel that a prompt is about.
type setup struct {
	org         schemas.OrgID
	association viewed[schemas.ChannelAssociation]
	prompt      viewed[schemas.SetupPrompt]
	account     viewed[schemas.Account]
	deal        viewed[schemas.Deal]
	byUser      viewed[schemas.DirectoryUser]
	bySlackUser viewed[schemas.SlackUser]
	paused      time.Duration // Slack told this workspace to wait with updates
}

// viewed is a view's word: nothing known, a tombstone (no value), or a value.
type viewed[T any] struct {
	known  bool
	offset int64
	value  *T
}

// linked is the association that stands, if it is this organization's.
func (v *setup) linked() *schemas.ChannelAssociation {
	if a := v.association.value; a != nil && a.OrgID == v.org {
		return a
	}
	return nil
}

func (v *viewed[T]) read(cmd *redis.StringCmd) error {
	if cmd == nil || cmd.Val() == "" {
		return nil
	}
	offset, text, err := schemas.ParseViewValue(cmd.Val())
	if err != nil {
		return err
	}
	v.known, v.offset = true, offset
	if text == "" {
		return nil
	}
	v.value = new(T)
	if err := json.Unmarshal([]byte(text), v.value); err != nil {
		return errors.New("a value is not the JSON that was written")
	}
	return nil
}

// loadSetups asks for the associations and prompts of the channels that setup deliveries are about, then for the names of what they are
// linked to. Other batches, which are nearly all, ask for nothing.
func (s *Sink) loadSetups(ctx context.Context, jobs []*job) error {
	var about []*job
	for _, j := range jobs {
		if d := &j.delivery; d.Setup != nil {
			j.setup = &setup{org: d.OrgID}
			about = append(about, j)
		}
	}
	if len(about) == 0 {
		return nil
	}
	err := s.ask(ctx, about, func(pipe redis.Pipeliner, j *job) func() error {
		team, channel := j.delivery.TeamID, string(j.delivery.Setup.ChannelID)
		association := pipe.HGet(ctx, schemas.ViewTeamAssociations(team), channel)
		prompt := pipe.HGet(ctx, schemas.ViewTeamPrompts(team), channel)
		paused := pipe.PTTL(ctx, schemas.PauseKey(team, methodUpdate))
		return func() error {
			j.setup.paused = paused.Val()
			return errors.Join(j.setup.association.read(association), j.setup.prompt.read(prompt))
		}
	})
	if err != nil {
		return err
	}
	return s.ask(ctx, about, func(pipe redis.Pipeliner, j *job) func() error {
		v, org := j.setup, j.delivery.OrgID
		a := v.linked()
		if a == nil {
			return func() error { return nil }
		}
		account := pipe.HGet(ctx, schemas.ViewOrgAccounts(org), string(a.AccountID))
		deal := pipe.HGet(ctx, schemas.ViewOrgDeals(org), string(a.DealID))
		user := pipe.HGet(ctx, schemas.ViewOrgUsers(org), a.By)
		slackUser := pipe.HGet(ctx, schemas.ViewTeamUsers(a.TeamID), a.By)
		return func() error {
			return errors.Join(v.account.read(account), v.deal.read(deal), v.byUser.read(user), v.bySlackUser.read(slackUser))
		}
	})
}

// ask puts each job's questions into one round trip, then has the answers read.
func (s *Sink) ask(ctx context.Context, jobs []*job, question func(redis.Pipeliner, *job) (read func() error)) error {
	pipe := s.redis.Pipeline()
	var answers []func() error
	for _, j := range jobs {
		answers = append(answers, question(pipe, j))
	}
	if pipe.Len() == 0 {
		return nil
	}
	if err := sinks.Failed(pipe.Exec(ctx)); err != nil {
		return fmt.Errorf("look up setup prompts in Redis: %w", err)
	}
	for _, read := range answers {
		if err := read(); err != nil {
			return fmt.Errorf("read the Redis views: %w", err)
		}
	}
	return nil
}
