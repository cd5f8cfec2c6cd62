package interactions

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/slack-go/slack"

	"github.com/bigmind/backchannel/ingest"
	"github.com/bigmind/backchannel/schemas"
)

// Sentences for whoever pressed.
const (
	notNow       = "One of our systems does not answer. Nothing was changed. Try again in a minute."
	tooLate      = "That took too long. Press the button again."
	notConnected = "The app is not connected to your workspace, or no longer. Ask an administrator to connect Slack in Bigmind."
	slackRefused = "Slack did not let the form open. Try again; if that does not help, ask an administrator to connect Slack again in Bigmind."
)

// press opens the modal for the person who pressed the prompt's button, or says why not. The acknowledgement waits for it: work that
// was acknowledged before it is done would be lost with the process, and nobody told.
func (i *Interactions) press(ctx context.Context, p *payload, channel schemas.ChannelID) (result string) {
	within, cancel := context.WithTimeout(ctx, workWithin)
	defer cancel()
	s, err := i.look(within, p.team(), p.User.ID, channel, "", "")
	if err != nil {
		i.failed(ctx, "look up a channel", p, err)
		i.tell(ctx, p, notNow)
		return unavailable
	}
	if s.install == nil {
		i.tell(ctx, p, notConnected)
		return notOurs
	}
	result = opened
	var v slack.ModalViewRequest
	if why := s.mayNot(); why != "" {
		result, v = notAllowed, explain("Link channel", why)
	} else {
		i.hints(within, s)
		if v, err = i.setup(within, s, ""); err != nil {
			i.failed(ctx, "look up deals", p, err)
			i.tell(ctx, p, notNow)
			return unavailable
		}
	}
	err = i.call(s.install, func(api *slack.Client) error {
		_, err := api.OpenViewContext(within, p.TriggerID, v)
		return err
	})
	if err == nil {
		return result
	}
	i.failed(ctx, "open a modal", p, err)
	return i.tellWhy(ctx, p, err)
}

// tellWhy says why Slack did not open a modal, and returns the result for the metric.
func (i *Interactions) tellWhy(ctx context.Context, p *payload, err error) string {
	answer, ok := errors.AsType[slack.SlackErrorResponse](err)
	switch {
	case !ok && (ctx.Err() != nil || errors.Is(err, context.DeadlineExceeded)), ok && lateTrigger[answer.Err]:
		i.tell(ctx, p, tooLate)
		return expired
	case !ok:
		i.tell(ctx, p, notNow)
		return unavailable
	}
	i.tell(ctx, p, slackRefused)
	return refused
}

// lateTrigger are Slack's words for a trigger that is over (docs.slack.dev/reference/methods/views.open).
var lateTrigger = map[string]bool{"expired_trigger_id": true, "exchanged_trigger_id": true, "invalid_trigger_id": true, "trigger_expired": true, "trigger_exchanged": true}

// call speaks to Slack with the installation's token.
func (i *Interactions) call(in *schemas.Installation, do func(*slack.Client) error) error {
	token, err := i.opts.Tokens.Open(in.TeamID, in.SealedToken)
	if err != nil {
		return err
	}
	err = do(slack.New(token, slack.OptionAPIURL(i.opts.APIURL), slack.OptionHTTPClient(i.opts.HTTP)))
	return ingest.WithoutURL(err)
}

// tell says something to the person who pressed, and to nobody else, where the payload has a response_url. That is no post: it needs
// no scope, and no channel keeps it.
func (i *Interactions) tell(ctx context.Context, p *payload, text string) {
	if p.ResponseURL == "" || !i.ours(p.ResponseURL) {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), tellWithin)
	defer cancel()
	body, err := json.Marshal(map[string]any{"response_type": "ephemeral", "replace_original": false, "text": text})
	if err != nil {
		panic(err) // strings always encode
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.ResponseURL, bytes.NewReader(body))
	if err != nil {
		return
	}
	req.Header.Set("Content-Type", "application/json; charset=utf-8")
	res, err := i.opts.HTTP.Do(req)
	if err != nil {
		i.opts.Log.DebugContext(ctx, "a person could not be told", "team", p.team(), "error", ingest.WithoutURL(err)) // the URL is a secret
		return
	}
	_ = res.Body.Close()
}

// failed logs what went wrong, once.
func (i *Interactions) failed(ctx context.Context, doing string, p *payload, err error) {
	i.opts.Log.WarnContext(ctx, "an interaction failed", "doing", doing, "type", p.Type, "team", p.team(), "error", err)
}
