// Package probe asks, as a user would, whether the whole works: it posts a marked message in a channel of its own and looks for the row, and asks for a notification
// and looks for the direct message.
//
// Nothing of it stays in what customers see. The channel is associated with an account that is for this alone; the message is deleted as soon as its row was found, and its
// row has to go then, which is asked for too; the request expires with its round.
package probe

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/slack-go/slack"

	"github.com/bigmind/backchannel/schemas"
)

// Stage is a step of a round that can fail.
type Stage string

// The stages. Row, Gone and DM are what somebody waits for, and are measured.
const (
	Post    Stage = "post"    // Slack takes the message
	Row     Stage = "row"     // from Slack's answer until the row can be read
	Delete  Stage = "delete"  // Slack takes the deletion
	Gone    Stage = "gone"    // from Slack's answer until the row is gone
	Request Stage = "request" // the request is on its topic
	Outcome Stage = "outcome" // an outcome says that it was delivered
	DM      Stage = "dm"      // from the request until the direct message is there
)

// Waits are the stages that are measured.
var Waits = []Stage{Row, Gone, DM}

// Stages are all.
var Stages = []Stage{Post, Row, Delete, Gone, Request, Outcome, DM}

// Options are what a prober needs.
type Options struct {
	Slack   *slack.Client // posts in Channel; of a person or of an app of its own, not of the app that is probed
	DMs     *slack.Client // may read the direct messages of the app that is probed; nil: an outcome with a message's ts is enough
	Team    schemas.TeamID
	Org     schemas.OrgID
	Channel schemas.ChannelID
	User    schemas.UserID
	Type    schemas.NotificationType
	Timeout time.Duration // of a round
	// Rows counts the rows of a message that analysts see.
	Rows func(ctx context.Context, ts schemas.TS) (uint64, error)
	// Notify produces a request and tells each of its outcomes, until ctx is done.
	Notify func(ctx context.Context, r schemas.NotificationRequest, outcome func(schemas.Outcome)) error
}

// Result is what became of a stage.
type Result struct {
	Stage Stage
	Took  time.Duration // of a stage that is measured
	Err   error
}

// pollEvery is how often a row or a message is looked for.
const pollEvery = 250 * time.Millisecond

// Round goes through all stages once. A stage that fails ends its half, the message's or the notification's; the other goes on.
func (o *Options) Round(ctx context.Context) []Result {
	ctx, cancel := context.WithTimeout(ctx, o.Timeout)
	defer cancel()
	id := uuid.NewString()
	var halves [2][]Result
	var both sync.WaitGroup
	both.Go(func() { halves[0] = o.message(ctx, id) })
	both.Go(func() { halves[1] = o.notification(ctx, id) })
	both.Wait()
	return append(halves[0], halves[1]...)
}

// mark is how everybody can tell what a message is, and that it will go.
func mark(id string) string {
	return "Backchannel's probe " + id + ": it sees whether messages arrive, and is deleted in a moment."
}

func (o *Options) message(ctx context.Context, id string) (done []Result) {
	_, ts, err := o.Slack.PostMessageContext(ctx, string(o.Channel), slack.MsgOptionText(mark(id), false), slack.MsgOptionDisableLinkUnfurl())
	if err != nil {
		return append(done, Result{Stage: Post, Err: explained(ctx, err)})
	}
	done = append(done, Result{Stage: Post})
	row := o.await(ctx, Row, func() error { return o.count(ctx, schemas.TS(ts), 1) })
	done = append(done, row)
	// Deleted even when its time is up: it must not stay in the channel.
	tidy, cancel := context.WithTimeout(context.WithoutCancel(ctx), tidyWithin)
	defer cancel()
	if _, _, err := o.Slack.DeleteMessageContext(tidy, string(o.Channel), ts); err != nil {
		return append(done, Result{Stage: Delete, Err: explained(tidy, err)})
	}
	done = append(done, Result{Stage: Delete})
	if row.Err != nil {
		return done // there was nothing that could go
	}
	return append(done, o.await(ctx, Gone, func() error { return o.count(ctx, schemas.TS(ts), 0) }))
}

const tidyWithin = 10 * time.Second

func (o *Options) count(ctx context.Context, ts schemas.TS, want uint64) error {
	n, err := o.Rows(ctx, ts)
	if err == nil && n != want {
		err = fmt.Errorf("there are %d rows of the message, want %d", n, want)
	}
	return err
}

// await polls until f says nil, and measures how long that took.
func (o *Options) await(ctx context.Context, stage Stage, f func() error) Result {
	began, ticker := time.Now(), time.NewTicker(pollEvery)
	defer ticker.Stop()
	var last error
	for {
		err := f()
		if err == nil {
			return Result{Stage: stage, Took: time.Since(began)}
		}
		if last == nil || ctx.Err() == nil { // that it was interrupted says nothing
			last = err
		}
		select {
		case <-ctx.Done():
			return Result{Stage: stage, Err: fmt.Errorf("not within %s: %w", o.Timeout, last)}
		case <-ticker.C:
		}
	}
}

func (o *Options) notification(ctx context.Context, id string) []Result {
	began := time.Now()
	r := schemas.NotificationRequest{
		OrgID: o.Org, RequestID: schemas.RequestID("probe-" + id), Type: o.Type, Recipient: schemas.Recipient{UserID: o.User},
		Content:   schemas.Content{Title: "Backchannel's probe " + id, Body: "It sees whether notifications arrive. Nothing is to be done."},
		Priority:  schemas.Urgent,
		CreatedAt: began.UTC(), ExpiresAt: began.Add(o.Timeout).UTC(), OnAmbiguous: schemas.Silence,
	}
	listening, heard := context.WithCancel(ctx)
	defer heard()
	var outcome *schemas.Outcome
	err := o.Notify(listening, r, func(got schemas.Outcome) {
		if outcome == nil || got.Channel == schemas.BySlack {
			outcome = &got
		}
		if got.Channel == schemas.BySlack || got.Status != schemas.Delivered {
			heard()
		}
	})
	if err != nil {
		return []Result{{Stage: Request, Err: err}}
	}
	done := []Result{{Stage: Request}}
	switch {
	case outcome == nil:
		return append(done, Result{Stage: Outcome, Err: fmt.Errorf("no outcome within %s: 'backchannel explain --org %s --request %s' says where it is", o.Timeout, o.Org, r.RequestID)})
	case outcome.Status == schemas.Failed || outcome.Status == schemas.Expired:
		why := outcome.Reason.Info()
		return append(done, Result{Stage: Outcome, Err: fmt.Errorf("the outcome is %s %s by %s. %s %s", outcome.Status, outcome.Reason, outcome.Channel, why.Means, why.Mend)})
	case outcome.Status != schemas.Delivered || outcome.Channel != schemas.BySlack:
		return append(done, Result{Stage: Outcome, Err: fmt.Errorf("the outcome is %s %s by %s: the probe's person has to receive %s as Slack messages", outcome.Status, outcome.Reason, outcome.Channel, o.Type)})
	}
	done = append(done, Result{Stage: Outcome})
	found := o.await(ctx, DM, func() error { return o.find(ctx, outcome, id) })
	if found.Err == nil {
		found.Took = time.Since(began)
	}
	return append(done, found)
}

// find looks for the direct message where its outcome says that it is.
func (o *Options) find(ctx context.Context, outcome *schemas.Outcome, id string) error {
	if o.DMs == nil {
		if outcome.TS == "" {
			return errors.New("the outcome names no message")
		}
		return nil
	}
	page, err := o.DMs.GetConversationHistoryContext(ctx, &slack.GetConversationHistoryParameters{
		ChannelID: string(outcome.ChannelID), Oldest: string(outcome.TS), Latest: string(outcome.TS), Inclusive: true, Limit: 1,
	})
	if err != nil {
		return explained(ctx, err)
	}
	for i := range page.Messages {
		if m := &page.Messages[i]; m.Timestamp == string(outcome.TS) && strings.Contains(m.Text+blockText(m), id) {
			return nil
		}
	}
	return errors.New("Slack does not have the message where the outcome says that it is") //nolint:staticcheck // a name
}

// blockText is the text of a message's headers, where its title stands.
func blockText(m *slack.Message) string {
	var b strings.Builder
	for _, block := range m.Blocks.BlockSet {
		if h, is := block.(*slack.HeaderBlock); is && h.Text != nil {
			b.WriteString(h.Text.Text)
		}
	}
	return b.String()
}

// explained says what an error of Slack asks for.
func explained(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return errors.New("Slack did not answer in time") //nolint:staticcheck // a name
	}
	if answer, is := errors.AsType[slack.SlackErrorResponse](err); is {
		if advice := advices[answer.Err]; advice != "" {
			return fmt.Errorf("Slack answered %s: %s", answer.Err, advice) //nolint:staticcheck // a name
		}
		return fmt.Errorf("Slack answered %s", answer.Err) //nolint:staticcheck // a name
	}
	return err
}

var advices = map[string]string{ //nolint:gosec // words about tokens
	"not_in_channel":    "add who posts the probe's messages to probe-channel",
	"channel_not_found": "probe-channel must be a channel that who posts the probe's messages is in; a direct message is read with the token of its person",
	"missing_scope":     "the probe's token needs chat:write, and that which reads direct messages im:history",
	"invalid_auth":      "probe-token, or probe-dm-token, is no token of Slack",
	"token_revoked":     "probe-token, or probe-dm-token, was revoked",
}
