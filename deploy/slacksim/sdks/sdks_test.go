//go:build sdks

// Package sdks runs Slack's own SDKs, unmodified, against the simulator: what they find wrong, Slack would not have sent.
package sdks

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/bigmind/backchannel/deploy/slacksim"
)

// stage is a simulator with a workspace and an app, for one SDK's round.
type stage struct {
	*slacksim.Client
	t       *testing.T
	base    string
	team    slacksim.Team
	ada     slacksim.Person
	channel slacksim.Channel
	app     slacksim.App
	install slacksim.Install
}

const people = 250

var scopes = []string{"channels:history", "channels:read", "chat:write", "im:write", "users:read", "users:read.email"}

func newStage(t *testing.T) *stage {
	t.Helper()
	sim, err := slacksim.New(slacksim.Options{})
	check(t, err)
	server := httptest.NewServer(sim.Handler())
	t.Cleanup(func() {
		server.Close()
		check(t, sim.Close())
	})
	s := &stage{t: t, Client: slacksim.NewClient(server.URL, nil), base: server.URL}
	ctx := t.Context()
	soon := 0.02 // of Slack's pauses: retries at once, after 1.2 s and after 6 s
	_, err = s.SetSettings(ctx, slacksim.Settings{RetryScale: &soon})
	check(t, err)
	s.team, err = s.CreateTeam(ctx, slacksim.Team{Name: "Acme"})
	check(t, err)
	s.ada, err = s.CreatePerson(ctx, s.team.ID, slacksim.Person{RealName: "Ada Okafor", Email: "ada@acme.example"})
	check(t, err)
	for i := range people {
		_, err = s.CreatePerson(ctx, s.team.ID, slacksim.Person{RealName: fmt.Sprint("Person ", i)})
		check(t, err)
	}
	s.app, err = s.CreateApp(ctx, slacksim.App{Name: "Rounds", Events: []string{"message.channels"}})
	check(t, err)
	return s
}

// installed puts the app in by the control API, for rounds that do not go through OAuth.
func (s *stage) installed() {
	s.t.Helper()
	var err error
	s.install, err = s.Install(s.t.Context(), s.team.ID, slacksim.InstallRequest{App: s.app.ID, Scopes: scopes})
	check(s.t, err)
	s.room()
}

// room is the channel in which Ada talks to the app.
func (s *stage) room() {
	s.t.Helper()
	var err error
	s.channel, err = s.CreateChannel(s.t.Context(), s.team.ID, slacksim.Channel{Name: "acme-rollout", Members: []slacksim.UserID{s.ada.ID, s.install.BotUserID}})
	check(s.t, err)
}

// said is a line that a program printed.
type said map[string]any

// program is an SDK at work in a process of its own.
type program struct {
	t     *testing.T
	in    io.WriteCloser
	lines chan said
	seen  []said
}

const patience = 30 * time.Second

// run starts a program, which ends with the test.
func (s *stage) run(env []string, argv ...string) *program {
	s.t.Helper()
	cmd := exec.CommandContext(s.t.Context(), argv[0], argv[1:]...)
	cmd.Env = append(os.Environ(), append(env,
		"SIMULATOR="+s.base, "SIGNING_SECRET="+s.app.SigningSecret, "CLIENT_ID="+s.app.ClientID, "CLIENT_SECRET="+s.app.ClientSecret,
		"APP_TOKEN="+s.app.AppToken, "BOT_TOKEN="+s.install.Token, "SCOPES="+strings.Join(scopes, ","))...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	check(s.t, err)
	out, err := cmd.StdoutPipe()
	check(s.t, err)
	check(s.t, cmd.Start())
	p := &program{t: s.t, in: in, lines: make(chan said, 1000)}
	read := make(chan struct{})
	go func() {
		defer close(read)
		for scanner := bufio.NewScanner(out); scanner.Scan(); {
			line := said{}
			if err := json.Unmarshal(scanner.Bytes(), &line); err != nil {
				line = said{"what": "noise", "text": scanner.Text()}
			}
			p.lines <- line
		}
		close(p.lines)
	}()
	s.t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // it may have ended
		<-read
		_ = cmd.Wait()
	})
	return p
}

// await returns the next line that says this, and fails when the program says that something failed instead.
func (p *program) await(what string) said {
	p.t.Helper()
	timeout := time.After(patience)
	for {
		select {
		case line, open := <-p.lines:
			if !open {
				p.t.Fatalf("the program ended before it said %q; it said %v", what, p.seen)
			}
			p.seen = append(p.seen, line)
			if line["what"] == what {
				return line
			}
			if line["what"] == "error" || line["what"] == "failed" {
				p.t.Fatalf("waiting for %q, the program said %v", what, line)
			}
		case <-timeout:
			p.t.Fatalf("the program did not say %q; it said %v", what, p.seen)
		}
	}
}

// ask has the program do something, and returns what it says when that is done or has failed.
func (p *program) ask(answer string, command said) said {
	p.t.Helper()
	line, err := json.Marshal(command)
	check(p.t, err)
	_, err = p.in.Write(append(line, '\n'))
	check(p.t, err)
	return p.await(answer)
}

// setUp is the round that every SDK makes: Ada asks, the app posts a button, she presses it, a modal opens, she searches,
// chooses what the app refuses, then something else.
func (s *stage) setUp(p *program) {
	s.t.Helper()
	ctx := s.t.Context()
	_, err := s.Say(ctx, s.team.ID, s.channel.ID, s.ada.ID, "set up, please")
	check(s.t, err)
	if got := p.await("message"); got["text"] != "set up, please" || got["user"] != string(s.ada.ID) {
		s.t.Errorf("the program heard %v", got)
	}
	prompt := s.lastPost()
	check(s.t, s.Press(ctx, s.team.ID, slacksim.Press{User: s.ada.ID, Channel: s.channel.ID, TS: prompt.TS, Action: "link"}))
	opened := p.await("opened")
	view, _ := opened["view"].(string)
	if opened["value"] != "v1" {
		s.t.Errorf("the button's value was %v", opened["value"])
	}
	in := slacksim.Press{User: s.ada.ID, View: view, Action: "pick"}
	options, err := s.Options(ctx, s.team.ID, slacksim.Query{Press: in, Value: "acme"})
	check(s.t, err)
	if len(options) != 2 {
		s.t.Errorf("%d options for acme: %s", len(options), options)
	}
	choose := func(account string) slacksim.Submitted {
		got, err := s.Submit(ctx, s.team.ID, slacksim.Submission{User: s.ada.ID, View: view, Values: map[string]map[string][]string{"account": {"pick": {account}}}})
		check(s.t, err)
		return got
	}
	if got := choose("Acme Labs"); got.Errors["account"] != "That account is closed" {
		s.t.Errorf("a closed account was answered with %+v", got)
	}
	choose("Acme Corp")
	if got := p.await("submitted"); got["account"] != "Acme Corp" || got["user"] != string(s.ada.ID) {
		s.t.Errorf("the program was given %v", got)
	}
	views, err := s.Views(ctx, s.team.ID, s.ada.ID)
	check(s.t, err)
	if len(views) != 0 {
		s.t.Errorf("the modal is still open")
	}
	whispers, err := s.Ephemerals(ctx)
	check(s.t, err)
	if len(whispers) != 1 {
		s.t.Errorf("%d messages through response_url, want 1", len(whispers))
	}
}

// lastPost waits for the app's next message in the channel.
func (s *stage) lastPost() slacksim.Post {
	s.t.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		page, err := s.Posts(s.t.Context(), slacksim.PostQuery{App: s.app.ID, Channel: s.channel.ID})
		check(s.t, err)
		if n := len(page.Posts); n > 0 {
			return page.Posts[n-1]
		}
	}
	s.t.Fatal("the app has posted nothing")
	return slacksim.Post{}
}

// webAPI is what a program asks for by itself: pages of people, a DM, an error in Slack's words, and a 429 that it waits out.
func (s *stage) webAPI(p *program) {
	s.t.Helper()
	ctx := s.t.Context()
	if got := p.ask("done", said{"do": "users", "token": s.install.Token}); got["count"] != float64(people+3) || got["pages"].(float64) < 5 { // Slackbot, Ada, the bot
		s.t.Errorf("the pages of users.list hold %v", got)
	}
	p.ask("done", said{"do": "direct", "token": s.install.Token, "user": s.ada.ID, "text": "Hello"})
	posts, err := s.Posts(ctx, slacksim.PostQuery{App: s.app.ID})
	check(s.t, err)
	if last := posts.Posts[len(posts.Posts)-1]; last.Text != "Hello (changed)" || last.Recipient != s.ada.ID {
		s.t.Errorf("Ada's DM is %+v", last)
	}
	if got := p.fails(said{"do": "post", "token": s.install.Token, "channel": "C0NOWHERE", "text": "x"}); got != "channel_not_found" {
		s.t.Errorf("posting to nowhere: %s", got)
	}
	if got := p.fails(said{"do": "post", "token": "xoxb-not-ours", "channel": s.channel.ID, "text": "x"}); got != "invalid_auth" {
		s.t.Errorf("posting with somebody's token: %s", got)
	}
	_, err = s.AddFault(ctx, slacksim.Fault{Kind: slacksim.FaultAPIStatus, Method: "chat.postMessage", Status: 429, RetryAfter: 1, Count: 2})
	check(s.t, err)
	before := len(posts.Posts)
	p.ask("done", said{"do": "post", "token": s.install.Token, "channel": s.channel.ID, "text": "after the storm"})
	posts, err = s.Posts(ctx, slacksim.PostQuery{App: s.app.ID})
	check(s.t, err)
	calls, err := s.Calls(ctx)
	check(s.t, err)
	if len(posts.Posts) != before+1 || calls["chat.postMessage"].Errors["status_429"] != 2 {
		s.t.Errorf("%d posts after two 429s, want one more than %d; %+v", len(posts.Posts), before, calls["chat.postMessage"])
	}
	s.hurried(p, len(posts.Posts))
}

// hurried has the program post faster than one message a second and channel, until Slack makes it wait: all are posted all the same.
func (s *stage) hurried(p *program, before int) {
	s.t.Helper()
	const most = 20
	for n := 1; n <= most; n++ {
		p.ask("done", said{"do": "post", "token": s.install.Token, "channel": s.channel.ID, "text": "again"})
		calls, err := s.Calls(s.t.Context())
		check(s.t, err)
		posts, err := s.Posts(s.t.Context(), slacksim.PostQuery{App: s.app.ID})
		check(s.t, err)
		if len(posts.Posts) != before+n {
			s.t.Errorf("%d posts, want %d", len(posts.Posts), before+n)
		}
		if calls["chat.postMessage"].Errors["ratelimited"] > 0 {
			return
		}
	}
	s.t.Errorf("%d posts were never too fast", most)
}

// fails has the program do what Slack refuses, and returns Slack's code.
func (p *program) fails(command said) string {
	p.t.Helper()
	line, err := json.Marshal(command)
	check(p.t, err)
	_, err = p.in.Write(append(line, '\n'))
	check(p.t, err)
	for {
		select {
		case got, open := <-p.lines:
			if !open {
				p.t.Fatal("the program ended")
			}
			if got["what"] == "failed" {
				text, _ := got["text"].(string)
				return text
			}
			if got["what"] == "done" {
				return "ok"
			}
		case <-time.After(patience):
			p.t.Fatal("the program did not answer")
		}
	}
}

// blameless checks that the SDK sent nothing that Slack refuses or ignores.
func (s *stage) blameless() {
	s.t.Helper()
	violations, err := s.Violations(s.t.Context(), 0)
	check(s.t, err)
	for _, v := range violations {
		s.t.Errorf("%s: %s: %s", v.Method, v.Rule, v.Detail)
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
