package payloads

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/bigmind/backchannel/deploy/slacksim"
)

// letterbox is an events URL that keeps what it gets.
type letterbox struct {
	mu   sync.Mutex
	kept [][]byte
}

func (l *letterbox) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.kept = append(l.kept, body)
}

// simulated are events of every kind that the simulator sends, by what caused them.
func simulated(t testing.TB) map[string][]json.RawMessage {
	t.Helper()
	sim, err := slacksim.New(slacksim.Options{Settings: slacksim.Settings{ReplyEvents: true}})
	ok(t, err)
	server, box := httptest.NewServer(sim.Handler()), &letterbox{}
	inbox := httptest.NewServer(box)
	t.Cleanup(func() {
		server.Close()
		inbox.Close()
		ok(t, sim.Close())
	})
	s := &slack{Client: slacksim.NewClient(server.URL, nil), t: t, box: box, out: map[string][]json.RawMessage{}}
	s.build(inbox.URL)
	s.talk()
	s.change()
	s.manage()
	delete(s.out, "") // what only leads to something
	return s.out
}

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// slack is a simulated workspace in which things happen.
type slack struct {
	*slacksim.Client
	t         testing.TB
	box       *letterbox
	app       slacksim.App
	other     slacksim.Team
	ada, cleo slacksim.Person
	out       map[string][]json.RawMessage
}

func (s *slack) build(url string) {
	ctx, t := s.t.Context(), s.t
	var err error
	_, err = s.CreateTeam(ctx, slacksim.Team{ID: team, Name: "Acme"})
	ok(t, err)
	s.other, err = s.CreateTeam(ctx, slacksim.Team{ID: "T2", Name: "Globex"})
	ok(t, err)
	s.ada, err = s.CreatePerson(ctx, team, slacksim.Person{ID: "U1", RealName: "Ada Okafor", Email: "ada@acme.example"})
	ok(t, err)
	s.cleo, err = s.CreatePerson(ctx, "T2", slacksim.Person{ID: "U2", RealName: "Cleo Duarte"})
	ok(t, err)
	s.app, err = s.CreateApp(ctx, slacksim.App{ID: "A1", Name: "Bigmind", EventsURL: url, Events: []string{
		"message.channels", "message.groups", "app_mention", "member_joined_channel", "member_left_channel", "channel_left", "group_left", "channel_rename",
		"channel_archive", "channel_unarchive", "channel_deleted", "channel_shared", "channel_unshared", "channel_id_changed", "team_join", "user_change",
		"app_uninstalled", "tokens_revoked",
	}})
	ok(t, err)
	_, err = s.Install(ctx, team, slacksim.InstallRequest{App: "A1", BotUserID: bot, BotID: "B0BOT", Scopes: []string{
		"app_mentions:read", "channels:history", "channels:read", "groups:history", "groups:read", "users:read", "users:read.email",
	}})
	ok(t, err)
	_, err = s.CreateChannel(ctx, team, slacksim.Channel{ID: room, Name: "acme-rollout", Members: []slacksim.UserID{"U1", bot}})
	ok(t, err)
}

// cause does something, and keeps the events that it causes.
func (s *slack) cause(what string, err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatalf("%s: %v", what, err)
	}
	if _, err := s.Idle(s.t.Context()); err != nil {
		s.t.Fatal(err)
	}
	s.box.mu.Lock()
	defer s.box.mu.Unlock()
	for _, body := range s.box.kept {
		s.out[what] = append(s.out[what], body)
	}
	s.box.kept = nil
}

func second[T any](_ T, err error) error { return err }

func (s *slack) talk() {
	ctx := s.t.Context()
	s.cause("", nil) // what building it caused
	root, err := s.Say(ctx, team, room, "U1", "hello *all*, see <https://acme.example>")
	s.cause("message", err)
	s.cause("reply", second(s.Reply(ctx, team, room, root.TS, "U1", "an answer")))
	s.cause("broadcast", second(s.Broadcast(ctx, team, room, root.TS, "U1", "for all")))
	s.cause("mention", second(s.Say(ctx, team, room, "U1", "hi <@"+bot+">")))
	s.cause("bot_message", second(s.BotMessage(ctx, team, room, "Jenkins", "passed")))
	for name, say := range map[string]slacksim.Say{
		"file_share":   {User: "U1", Subtype: "file_share", Text: "the plan", Extra: json.RawMessage(`{"files":[{"id":"F1","name":"plan.pdf","mimetype":"application/pdf"}],"upload":false}`)},
		"files":        {User: "U1", Extra: json.RawMessage(`{"files":[{"id":"F1","name":"plan.pdf"}]}`)},
		"huddle":       {User: "USLACKBOT", Subtype: "huddle_thread", Text: "A huddle started", Extra: json.RawMessage(`{"room":{"id":"R1","has_ended":false,"participants":[]}}`)},
		"modern bot":   {Extra: json.RawMessage(`{"user":"U0OTHER","bot_id":"B0OTHER","bot_profile":{"id":"B0OTHER","name":"Deals"}}`), Text: "won"},
		"workflow":     {Subtype: "bot_message", Text: "step", Extra: json.RawMessage(`{"bot_id":"B0FLOW","username":"Onboarding"}`)},
		"assistant":    {User: "U1", Subtype: "assistant_app_thread", Text: "New", Extra: json.RawMessage(`{"assistant_app_thread":{"title":"x"}}`)},
		"unheard of":   {User: "U1", Subtype: "hologram", Text: "hi"},
		"me_message":   {User: "U1", Subtype: "me_message", Text: "waves"},
		"channel_join": {User: "U1", Service: "channel_join", Text: "joined"},
		"pinned_item":  {User: "U1", Service: "pinned_item", Text: "pinned"},
	} {
		s.cause(name, second(s.Speak(ctx, team, room, say)))
	}
}

func (s *slack) change() {
	ctx := s.t.Context()
	say := func(text string) slacksim.Message {
		m, err := s.Say(ctx, team, room, "U1", text)
		s.cause("", err)
		return m
	}
	m := say("first")
	s.cause("edit", second(s.Edit(ctx, team, room, m.TS, "second")))
	s.cause("edit, previous_message an array", second(s.Change(ctx, team, room, m.TS, slacksim.Edit{Text: "third", EmptyPrevious: true})))
	s.cause("edit without mark", second(s.Change(ctx, team, room, m.TS, slacksim.Edit{Text: "fourth", Unmarked: true})))
	s.cause("unfurl", second(s.Unfurl(ctx, team, room, m.TS, slacksim.Unfurl{URL: "https://acme.example", Title: "Acme"})))
	s.cause("language", second(s.Change(ctx, team, room, m.TS, slacksim.Edit{Extra: json.RawMessage(`{"language":{"locale":"fr"}}`), Unmarked: true})))
	s.cause("delete", s.Delete(ctx, team, room, m.TS))
	root := say("root")
	reply, err := s.Reply(ctx, team, room, root.TS, "U1", "stays")
	s.cause("", err)
	s.cause("delete of a root", s.Delete(ctx, team, room, root.TS))
	s.cause("delete of the last reply", s.Delete(ctx, team, room, reply.TS))
}

func (s *slack) manage() {
	ctx := s.t.Context()
	person, err := s.CreatePerson(ctx, team, slacksim.Person{RealName: "Grace Park", Email: "grace@acme.example"})
	s.cause("team_join", err)
	s.cause("user_change", s.Deactivate(ctx, team, person.ID))
	spare, err := s.CreateChannel(ctx, team, slacksim.Channel{ID: "C8", Name: "spare", Members: []slacksim.UserID{"U1"}})
	ok(s.t, err)
	s.cause("we join", s.Invite(ctx, team, spare.ID, "U1", bot))
	s.cause("we leave", s.Remove(ctx, team, spare.ID, bot, "U1"))
	name, yes, no := "renamed", true, false
	s.cause("rename", second(s.UpdateChannel(ctx, team, room, slacksim.ChannelPatch{Name: &name})))
	s.cause("share", second(s.Share(ctx, team, room, slacksim.Sharing{With: "T2"})))
	ok(s.t, s.Invite(ctx, "T2", room, "", "U2"))
	s.cause("a stranger joins", nil)
	s.cause("a stranger says", second(s.Say(ctx, "T2", room, "U2", "hello from Globex")))
	s.cause("unshare", second(s.Unshare(ctx, team, room, "T2")))
	s.cause("archive", second(s.UpdateChannel(ctx, team, room, slacksim.ChannelPatch{Archived: &yes})))
	s.cause("unarchive", second(s.UpdateChannel(ctx, team, room, slacksim.ChannelPatch{Archived: &no})))
	s.cause("another id", second(s.Identify(ctx, team, room, "C7")))
	s.cause("delete a channel", s.DeleteChannel(ctx, team, "C7"))
	s.cause("uninstall", s.Uninstall(ctx, team, s.app.ID))
}
