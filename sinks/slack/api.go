package slack

import (
	"context"
	"errors"
	"net/http"
	"net/url"

	"github.com/slack-go/slack"

	"github.com/bigmind/backchannel/schemas"
)

// api is the part of Slack's Web API that posts a DM, with one installation's token.
type api struct {
	client   *slack.Client
	baseURL  string
	settings string // see Options.SettingsURL
}

// client opens the installation's token. The error names the team, never the token.
func (s *Sink) client(install *schemas.Installation) (api, error) {
	token, err := s.opts.Tokens.Open(install.TeamID, install.SealedToken)
	if err != nil {
		return api{}, err
	}
	return api{client: slack.New(token, slack.OptionAPIURL(s.opts.APIURL), slack.OptionHTTPClient(s.opts.HTTP)), baseURL: s.opts.APIURL, settings: s.opts.SettingsURL}, nil
}

func (a api) open(ctx context.Context, user schemas.SlackUserID) (schemas.ChannelID, error) {
	channel, _, _, err := a.client.OpenConversationContext(ctx, &slack.OpenConversationParameters{Users: []string{string(user)}})
	if err != nil {
		return "", withoutURL(err)
	}
	return schemas.ChannelID(channel.ID), nil
}

// post sends the message. client_msg_id is no documented argument, yet Slack's reference knows 'is_duplicate': it is
// sent as best effort and not relied upon, since the ledger is what makes a post single. The delivery id in the
// metadata lets a person find the delivery of a message.
//
// With a thread it answers the message that has this ts.
func (a api) post(ctx context.Context, channel schemas.ChannelID, d *schemas.Delivery, thread schemas.TS) (schemas.TS, error) {
	_, ts, err := a.client.PostMessageContext(ctx, string(channel), a.shown(d), slack.MsgOptionTS(string(thread)),
		slack.MsgOptionDisableLinkUnfurl(),
		slack.UnsafeMsgOptionEndpoint(a.baseURL+methodPost, func(v url.Values) { v.Set("client_msg_id", string(d.DeliveryID)) }),
	)
	return schemas.TS(ts), withoutURL(err)
}

// update replaces what a message of ours says. The same update again changes nothing.
func (a api) update(ctx context.Context, e *schemas.ThreadEntry, d *schemas.Delivery) error {
	_, _, _, err := a.client.UpdateMessageContext(ctx, string(e.ChannelID), string(e.TS), a.shown(d))
	return withoutURL(err)
}

// shown is what the person sees of a delivery.
func (a api) shown(d *schemas.Delivery) slack.MsgOption {
	blocks, text := render(d, a.settings)
	return slack.MsgOptionCompose(slack.MsgOptionText(text, false), slack.MsgOptionBlocks(blocks...), metadata(d))
}

// withoutURL drops the URL that net/http puts into its errors.
func withoutURL(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		return u.Err
	}
	return err
}

// HTTPClient is what the sink needs of an HTTP client; *http.Client is one.
type HTTPClient interface {
	Do(req *http.Request) (*http.Response, error)
}
