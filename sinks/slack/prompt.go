package slack

import (
	"context"
	"net/url"
	"time"

	"github.com/slack-go/slack"

	"github.com/bigmind/backchannel/schemas"
)

// settleSetup says what becomes of a setup prompt, or of its update, without asking Slack, or where it goes.
func (s *Sink) settleSetup(ctx context.Context, j *job) (f fate, settled bool, err error) {
	d, v := &j.delivery, j.setup
	switch {
	case v == nil:
		return done, false, nil
	case d.Setup.PromptID != "":
		return s.settleUpdate(ctx, j)
	case v.linked() != nil:
		f, err = s.finish(ctx, j, schemas.Suppressed, schemas.AlreadyAssociated, "")
		return f, true, err
	case d.SlackUserID == "":
		j.channel = d.Setup.ChannelID
	}
	return done, false, nil
}

// settleUpdate waits until the views show what the update follows: the prompt, and the record that changed the association.
func (s *Sink) settleUpdate(ctx context.Context, j *job) (f fate, settled bool, err error) {
	d, v := &j.delivery, j.setup
	changed, stands := d.Setup.Association, v.prompt.value
	switch {
	case changed != nil && (!v.association.known || v.association.offset < *changed), // the first record of all has offset 0
		stands == nil && !v.prompt.known,
		stands != nil && stands.AddedAt.Before(d.Setup.AddedAt):
		return later, true, nil
	case stands == nil || stands.DeliveryID != d.Setup.PromptID:
		f, err = s.finish(ctx, j, schemas.Suppressed, schemas.PromptReplaced, "")
		return f, true, err
	case d.Setup.IfLinked && v.linked() == nil:
		return done, true, nil // nothing was to be done, and nobody asks what became of it
	}
	j.channel, j.paused = stands.PostedIn, v.paused
	return done, false, nil
}

// maySend spends the budget of what is about to be sent.
func (s *Sink) maySend(ctx context.Context, j *job) (wait time.Duration, all bool, err error) {
	d := &j.delivery
	switch {
	case d.Setup == nil || d.SlackUserID != "":
		return s.limiter.mayPost(ctx, d.TeamID, d.SlackUserID)
	case d.Setup.PromptID == "":
		return s.limiter.mayPost(ctx, d.TeamID, schemas.SlackUserID(j.channel)) // one message a second, in a channel as in a DM
	}
	wait, err = s.limiter.mayUpdate(ctx, d.TeamID)
	return wait, false, err
}

// send posts a notification or a prompt, or updates a prompt.
func (a api) send(ctx context.Context, j *job) (method string, ts schemas.TS, err error) {
	d := &j.delivery
	if d.Setup == nil {
		ts, err = a.post(ctx, j.channel, d, j.answers())
		return methodPost, ts, err
	}
	blocks, text := renderSetup(d, j.setup)
	content := []slack.MsgOption{slack.MsgOptionText(text, false), slack.MsgOptionBlocks(blocks...), metadata(d)}
	if d.Setup.PromptID != "" {
		_, stands, _, err := a.client.UpdateMessageContext(ctx, string(j.channel), string(j.setup.prompt.value.TS), content...)
		return methodUpdate, schemas.TS(stands), withoutURL(err)
	}
	_, posted, err := a.client.PostMessageContext(ctx, string(j.channel), append(content,
		slack.UnsafeMsgOptionEndpoint(a.baseURL+methodPost, func(v url.Values) { v.Set("client_msg_id", string(d.DeliveryID)) }))...)
	return methodPost, schemas.TS(posted), withoutURL(err)
}

func metadata(d *schemas.Delivery) slack.MsgOption {
	return slack.MsgOptionMetadata(slack.SlackMetadata{
		EventType: "backchannel_delivery", EventPayload: map[string]any{"delivery_id": string(d.DeliveryID)},
	})
}

// inChannel names what refuses a message to a channel, or an update, for what it is: no person.
func (j *job) inChannel(v verdict) verdict {
	if d := &j.delivery; v.reason == schemas.RecipientRefused && d.Setup != nil && d.SlackUserID == "" {
		v.reason = schemas.ChannelRefused
	}
	return v
}
