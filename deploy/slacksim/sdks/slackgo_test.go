//go:build sdks

package sdks

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/slack-go/slack"
	"github.com/slack-go/slack/slackevents"
	"github.com/slack-go/slack/socketmode"

	"github.com/bigmind/backchannel/deploy/slacksim"
)

// goApp is the same app with slack-go, in this process.
type goApp struct {
	s    *stage
	api  *slack.Client
	mode *socketmode.Client
	out  chan said
}

// slack-go: Socket Mode with a refresh, its pages, its RateLimitedError.
func TestSlackGoSocketMode(t *testing.T) {
	s := newStage(t)
	on := true
	var err error
	s.app, err = s.UpdateApp(t.Context(), s.app.ID, slacksim.AppPatch{SocketMode: &on})
	check(t, err)
	s.installed()
	p := s.goProgram()
	s.setUp(p)
	s.refreshed(p)
	s.silenced(p)
	s.webAPI(p)
	s.blameless()
}

// slack-go installs the app by OAuth.
func TestSlackGoOAuth(t *testing.T) {
	s := newStage(t)
	const redirect = "https://app.example/slack/callback"
	redirects := []string{redirect}
	_, err := s.UpdateApp(t.Context(), s.app.ID, slacksim.AppPatch{RedirectURLs: &redirects})
	check(t, err)
	q := "client_id=" + s.app.ClientID + "&scope=" + strings.Join(scopes, ",") + "&redirect_uri=" + redirect + "&state=x"
	_, code, _ := strings.Cut(s.allow(s.base+"/oauth/v2/authorize?"+q), "code=")
	code, _, _ = strings.Cut(code, "&")
	got, err := slack.GetOAuthV2ResponseContext(t.Context(), http.DefaultClient, s.app.ClientID, s.app.ClientSecret, code, redirect, slack.OAuthOptionAPIURL(s.base+"/api/"))
	if err != nil || got.Team.ID != string(s.team.ID) || got.Scope != strings.Join(scopes, ",") {
		t.Errorf("slack-go was granted %+v, %v", got, err)
	}
	s.blameless()
}

// goProgram runs the app until the test ends.
func (s *stage) goProgram() *program {
	s.t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(s.t.Context()))
	api := slack.New(s.install.Token, slack.OptionAPIURL(s.base+"/api/"), slack.OptionAppLevelToken(s.app.AppToken))
	a := &goApp{s: s, api: api, mode: socketmode.New(api, socketmode.OptionPingInterval(10*time.Second)), out: make(chan said, 1000)}
	commands, in := io.Pipe()
	ended := make(chan struct{}, 3)
	go func() { _ = a.mode.RunContext(ctx); ended <- struct{}{} }()
	go func() { a.listen(ctx); ended <- struct{}{} }()
	go func() { a.obey(ctx, commands); ended <- struct{}{} }()
	s.t.Cleanup(func() {
		cancel()
		_ = in.Close()
		for range 3 {
			<-ended
		}
	})
	p := &program{t: s.t, in: in, lines: a.out}
	p.await("ready")
	return p
}

func (a *goApp) tell(what string, more said) {
	if more == nil {
		more = said{}
	}
	// Through JSON, as the other programs' lines are.
	raw, _ := json.Marshal(more)
	line := said{}
	_ = json.Unmarshal(raw, &line)
	line["what"] = what
	a.out <- line
}

func (a *goApp) listen(ctx context.Context) {
	ready := false
	for {
		select {
		case <-ctx.Done():
			return
		case e := <-a.mode.Events:
			switch data := e.Data.(type) {
			case slackevents.EventsAPIEvent:
				_ = a.mode.Ack(*e.Request)
				if m, ok := data.InnerEvent.Data.(*slackevents.MessageEvent); ok && m.BotID == "" {
					a.heard(ctx, m)
				}
			case slack.InteractionCallback:
				a.interact(ctx, e.Request, data)
			}
			if e.Type == socketmode.EventTypeHello && !ready {
				ready = true
				a.tell("ready", nil)
			}
		}
	}
}

func (a *goApp) heard(ctx context.Context, m *slackevents.MessageEvent) {
	a.tell("message", said{"text": m.Text, "user": m.User, "ts": m.TimeStamp})
	if m.Text != "set up, please" {
		return
	}
	button := slack.NewButtonBlockElement("link", "v1", slack.NewTextBlockObject(slack.PlainTextType, "Link this channel", false, false))
	_, _, err := a.api.PostMessageContext(ctx, m.Channel, slack.MsgOptionText("Which account?", false), slack.MsgOptionBlocks(slack.NewActionBlock("acts", button)))
	a.fine(err)
}

func (a *goApp) fine(err error) {
	if err != nil {
		a.tell("error", said{"text": err.Error()})
	}
}

func (a *goApp) interact(ctx context.Context, req *socketmode.Request, cb slack.InteractionCallback) {
	plain := func(text string) *slack.TextBlockObject {
		return slack.NewTextBlockObject(slack.PlainTextType, text, false, false)
	}
	switch cb.Type { //nolint:exhaustive // the app has no other
	case slack.InteractionTypeBlockActions:
		_ = a.mode.Ack(*req)
		zero := 1
		pick := slack.NewOptionsSelectBlockElement(slack.OptTypeExternal, plain("Type a name"), "pick")
		pick.MinQueryLength = &zero
		opened, err := a.api.OpenViewContext(ctx, cb.TriggerID, slack.ModalViewRequest{
			Type: slack.VTModal, CallbackID: "setup", Title: plain("Link"), Submit: plain("Save"),
			Blocks: slack.Blocks{BlockSet: []slack.Block{slack.NewInputBlock("account", plain("Account"), nil, pick)}},
		})
		a.fine(err)
		a.fine(slack.PostWebhookContext(ctx, cb.ResponseURL, &slack.WebhookMessage{Text: "The form is open", ResponseType: "ephemeral"}))
		if err == nil {
			a.tell("opened", said{"view": opened.ID, "value": cb.ActionCallback.BlockActions[0].Value})
		}
	case slack.InteractionTypeBlockSuggestion:
		var options []*slack.OptionBlockObject
		for _, account := range []string{"Acme Corp", "Acme Labs", "Globex"} {
			if strings.Contains(strings.ToLower(account), strings.ToLower(cb.Value)) {
				options = append(options, slack.NewOptionBlockObject(account, plain(account), nil))
			}
		}
		_ = a.mode.Ack(*req, slack.OptionsResponse{Options: options})
	case slack.InteractionTypeViewSubmission:
		account := cb.View.State.Values["account"]["pick"].SelectedOption.Value
		if account == "Acme Labs" {
			_ = a.mode.Ack(*req, slack.NewErrorsViewSubmissionResponse(map[string]string{"account": "That account is closed"}))
			return
		}
		_ = a.mode.Ack(*req)
		a.tell("submitted", said{"account": account, "user": cb.User.ID})
	}
}

// obey makes the calls that the test asks for.
func (a *goApp) obey(ctx context.Context, commands io.Reader) {
	for scanner := bufio.NewScanner(commands); scanner.Scan(); {
		command := map[string]string{}
		if err := json.Unmarshal(scanner.Bytes(), &command); err != nil {
			a.fine(err)
			continue
		}
		api := slack.New(command["token"], slack.OptionAPIURL(a.s.base+"/api/"))
		got, err := do(ctx, api, command)
		if err != nil {
			a.tell("failed", said{"text": err.Error()})
			continue
		}
		a.tell("done", got)
	}
}

func do(ctx context.Context, api *slack.Client, command map[string]string) (said, error) {
	switch command["do"] {
	case "users":
		count, pages := 0, 0
		p := api.GetUsersPaginated(slack.GetUsersOptionLimit(40))
		var err error
		for err == nil {
			if p, err = p.Next(ctx); err == nil {
				count += len(p.Users)
				pages++
			}
		}
		return said{"count": count, "pages": pages}, p.Failure(err)
	case "direct":
		dm, _, _, err := api.OpenConversationContext(ctx, &slack.OpenConversationParameters{Users: []string{command["user"]}})
		if err != nil {
			return nil, err
		}
		_, ts, err := api.PostMessageContext(ctx, dm.ID, slack.MsgOptionText(command["text"], false))
		if err != nil {
			return nil, err
		}
		_, _, _, err = api.UpdateMessageContext(ctx, dm.ID, ts, slack.MsgOptionText(command["text"]+" (changed)", false))
		return said{"channel": dm.ID}, err
	}
	for {
		_, ts, err := api.PostMessageContext(ctx, command["channel"], slack.MsgOptionText(command["text"], false))
		limited, ok := errors.AsType[*slack.RateLimitedError](err)
		if !ok {
			return said{"ts": ts}, err
		}
		time.Sleep(limited.RetryAfter) // what Slack asks for
	}
}
