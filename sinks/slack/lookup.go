package slack

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/schemas"
	"github.com/bigmind/backchannel/sinks"
	"github.com/bigmind/backchannel/sinks/ledger"
)

// job is one delivery of a batch with what Redis knows about it.
type job struct {
	record   *kgo.Record
	delivery schemas.Delivery
	entry    *ledger.Entry         // nil: nobody has tried
	install  *schemas.Installation // nil: not installed
	user     *schemas.SlackUser    // nil: not in the directory
	channel  schemas.ChannelID     // the DM, when it was opened before
	cached   bool                  // the DM is known from before
	paused   time.Duration         // Slack told this workspace to wait so long
	grant    string                // which record of the installation this is
	refused  string                // Slack's code, when it has refused this record before
	again    bool                  // Slack has refused an earlier record: its workspace was connected again
	thread   *schemas.ThreadEntry  // the earlier message of the thread
	wait     time.Duration         // before it comes again
	all      bool                  // its whole workspace waits with it
	begun    bool                  // an attempt was begun with this batch
	waiting  error                 // what it waits for, when that is worth telling
	setup    *setup                // of a setup prompt or its update
}

// attempts is how many have been begun, this batch's included.
func (j *job) attempts() (n int) {
	if j.entry != nil {
		n = j.entry.Attempts
	}
	if j.begun {
		n++
	}
	return n
}

var errViewsIncomplete = errors.New("the Redis views are not complete yet: the ledger may be missing deliveries that were made")

// load fills the jobs in one round trip, and fails while the views (and with them the ledger) are being rebuilt.
func (s *Sink) load(ctx context.Context, jobs []*job) error {
	type asked struct {
		entry, install, user, channel, suspended *redis.StringCmd
		pausedPost, pausedOpen                   *redis.DurationCmd
	}
	cmds := make([]asked, len(jobs))
	pipe := s.redis.Pipeline()
	for i, j := range jobs {
		d := &j.delivery
		cmds[i] = asked{
			entry:      pipe.Get(ctx, schemas.LedgerKey(d.DeliveryID)),
			install:    pipe.HGet(ctx, schemas.ViewTeamInstall(d.TeamID), schemas.FieldInstallation),
			user:       pipe.HGet(ctx, schemas.ViewTeamUsers(d.TeamID), string(d.SlackUserID)),
			channel:    pipe.HGet(ctx, schemas.DMKey(d.TeamID), string(d.SlackUserID)),
			suspended:  pipe.Get(ctx, schemas.SuspendKey(d.TeamID)),
			pausedPost: pipe.PTTL(ctx, schemas.PauseKey(d.TeamID, methodPost)),
			pausedOpen: pipe.PTTL(ctx, schemas.PauseKey(d.TeamID, methodOpen)),
		}
	}
	complete := pipe.Get(ctx, schemas.ViewsCompleteKey)
	if err := sinks.Failed(pipe.Exec(ctx)); err != nil {
		return fmt.Errorf("look up deliveries in Redis: %w", err)
	}
	if complete.Val() != "1" {
		return errViewsIncomplete
	}
	if err := s.loadSetups(ctx, jobs); err != nil {
		return err
	}
	for i, j := range jobs {
		var err1, err2, err3 error
		j.entry, err1 = ledger.Parse(cmds[i].entry.Val())
		j.install, err2 = schemas.DecodeView[schemas.Installation](cmds[i].install.Val())
		j.user, err3 = schemas.DecodeView[schemas.SlackUser](cmds[i].user.Val())
		if err := errors.Join(err1, err2, err3); err != nil {
			return err
		}
		j.channel = schemas.ChannelID(cmds[i].channel.Val())
		j.cached = j.channel != ""
		if j.paused = cmds[i].pausedPost.Val(); !j.cached && j.delivery.SlackUserID != "" {
			j.paused = max(j.paused, cmds[i].pausedOpen.Val())
		}
		j.grant = grantOf(cmds[i].install.Val())
		if grant, code, _ := strings.Cut(cmds[i].suspended.Val(), " "); grant == j.grant {
			j.refused = code
		} else {
			j.again = grant != ""
		}
	}
	return nil
}
