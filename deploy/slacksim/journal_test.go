package slacksim_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bigmind/backchannel/deploy/slacksim"
)

// contents is everything that the control API shows of what must survive.
type contents struct {
	Teams      []slacksim.Team
	People     []slacksim.Person
	Channels   []slacksim.Channel
	Apps       []slacksim.App
	Install    slacksim.Install
	Messages   slacksim.Messages
	Posts      slacksim.Posts
	Violations []slacksim.Violation
	Deliveries slacksim.DeliveryStats
}

func (w *world) contents(c *slacksim.Client) contents {
	ctx, t := w.t.Context(), w.t
	return contents{
		Teams: must(c.Teams(ctx))(t), People: must(c.People(ctx, w.team.ID))(t), Channels: must(c.Channels(ctx, w.team.ID))(t),
		Apps: must(c.Apps(ctx))(t), Install: must(c.Installed(ctx, w.team.ID, w.app.ID))(t),
		Messages: must(c.TeamMessages(ctx, w.team.ID, slacksim.MessageQuery{Deleted: true, Service: true}))(t),
		Posts:    must(c.Posts(ctx, slacksim.PostQuery{}))(t), Violations: must(c.Violations(ctx, 0))(t), Deliveries: must(c.Deliveries(ctx))(t),
	}
}

// reopen starts another simulator on a copy of the journal as it is now, which is what kill -9 leaves.
func reopen(t *testing.T, dir string, damage func([]byte) []byte) (*slacksim.Client, string) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(dir, "slacksim.journal"))
	if err != nil {
		t.Fatal(err)
	}
	if damage != nil {
		raw = damage(raw)
	}
	next := t.TempDir()
	if err := os.WriteFile(filepath.Join(next, "slacksim.journal"), raw, 0o600); err != nil {
		t.Fatal(err)
	}
	sim, err := slacksim.New(slacksim.Options{DataDir: next})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(sim.Handler())
	transport := &http.Transport{}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		server.Close()
		if err := sim.Close(); err != nil {
			t.Error(err)
		}
	})
	return slacksim.NewClient(server.URL, &http.Client{Transport: transport}), next
}

// busy makes a journal with something of everything.
func (w *world) busy() {
	ctx, t := w.t.Context(), w.t
	root := must(w.Say(ctx, w.team.ID, w.channel.ID, w.ada.ID, "root"))(t)
	must(w.Reply(ctx, w.team.ID, w.channel.ID, root.TS, w.bob.ID, "one"))(t)
	two := must(w.Broadcast(ctx, w.team.ID, w.channel.ID, root.TS, w.bob.ID, "two"))(t)
	must(w.Edit(ctx, w.team.ID, w.channel.ID, root.TS, "root, edited"))(t)
	must(w.Unfurl(ctx, w.team.ID, w.channel.ID, two.TS, slacksim.Unfurl{URL: "https://acme.example"}))(t)
	gone := must(w.BotMessage(ctx, w.team.ID, w.channel.ID, "Jenkins", "gone soon"))(t)
	if err := w.Delete(ctx, w.team.ID, w.channel.ID, gone.TS); err != nil {
		t.Fatal(err)
	}
	if err := w.Delete(ctx, w.team.ID, w.channel.ID, root.TS); err != nil {
		t.Fatal(err)
	}
	if err := w.Remove(ctx, w.team.ID, w.channel.ID, w.bob.ID, ""); err != nil {
		t.Fatal(err)
	}
	if err := w.Deactivate(ctx, w.team.ID, w.bob.ID); err != nil {
		t.Fatal(err)
	}
	w.post("chat.postMessage", formType, w.install.Token, "client_msg_id=a&text=hello&channel="+string(w.ada.ID))
	w.post("chat.postMessage", formType, w.install.Token, "client_msg_id=a&text=hello&channel="+string(w.ada.ID))
	w.post("chat.postMessage", formType, w.install.Token, "colour=red&text=x&channel="+string(w.ada.ID))
	w.settle()
}

func TestAnAbruptEndLosesNothing(t *testing.T) {
	dir := t.TempDir()
	w := newWorld(t, slacksim.Options{DataDir: dir})
	w.busy()
	before := w.contents(w.Client)
	second, dir2 := reopen(t, dir, nil)
	if diff := cmp.Diff(before, w.contents(second)); diff != "" {
		t.Errorf("after a restart: %s", diff)
	}
	third, _ := reopen(t, dir2, nil)
	if diff := cmp.Diff(before, w.contents(third)); diff != "" {
		t.Errorf("after a restart from the compacted journal: %s", diff)
	}
	// Life goes on where it was: ts stay greater, replies find their thread, and client_msg_id is remembered.
	root := before.Messages.Messages[slices.IndexFunc(before.Messages.Messages, func(m slacksim.Message) bool { return m.Text == "two" })].ThreadTS
	last := before.Messages.Messages[len(before.Messages.Messages)-1].TS
	said := must(third.Reply(t.Context(), w.team.ID, w.channel.ID, root, w.ada.ID, "three"))(t)
	if said.TS <= last || said.ThreadTS != root {
		t.Errorf("a reply after the restart: %+v, after %s", said, last)
	}
}

func TestATornLineIsDropped(t *testing.T) {
	dir := t.TempDir()
	w := newWorld(t, slacksim.Options{DataDir: dir})
	w.busy()
	before := w.contents(w.Client)
	again, _ := reopen(t, dir, func(raw []byte) []byte { return append(raw, `{"seq":9999,"at":1,"do":{"posted":{"tea`...) })
	if diff := cmp.Diff(before, w.contents(again)); diff != "" {
		t.Error(diff)
	}
}

func TestADamagedJournalIsRefusedWithAWayOut(t *testing.T) {
	for name, line := range map[string]string{
		"no JSON":         "not json\n",
		"unknown channel": `{"seq":1,"at":1,"do":{"posted":{"team":"T1","channel":"C1","message":{"ts":"1.000001"}}}}` + "\n",
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "slacksim.journal"), []byte(line), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := slacksim.New(slacksim.Options{DataDir: dir})
		if err == nil || !strings.Contains(err.Error(), "line 1") || !strings.Contains(err.Error(), "remove it") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestUndeliveredEventsAreDeliveredAfterARestart: what was said but not accepted when the process died is sent again.
func TestUndeliveredEventsAreDeliveredAfterARestart(t *testing.T) {
	dir := t.TempDir()
	w := newWorld(t, slacksim.Options{DataDir: dir})
	tried := make(chan struct{}, 8)
	w.inbox.respond(func(int, *http.Request) int { tried <- struct{}{}; return http.StatusServiceUnavailable })
	said := must(w.Say(t.Context(), w.team.ID, w.channel.ID, w.ada.ID, "unheard"))(t)
	<-tried
	<-tried // the retry at once: now it waits for a minute to pass, and the process dies
	w.inbox.respond(nil)
	w.inbox.take()
	second, _ := reopen(t, dir, nil)
	stats := must(second.Idle(t.Context()))(t)
	got := w.inbox.take()
	if len(got) != 1 || got[0].event["ts"] != string(said.TS) || stats.Pending != 0 {
		t.Errorf("delivered after the restart: %v, %+v", got, stats)
	}
}

// TestAScheduledMessageSurvivesARestart, and is posted once.
func TestAScheduledMessageSurvivesARestart(t *testing.T) {
	dir, now := t.TempDir(), time.Now().Add(-time.Hour) // it is due by the time of the restart
	w := newWorld(t, slacksim.Options{DataDir: dir, Clock: func() time.Time { return now }})
	args := "text=later&channel=" + string(w.channel.ID) + "&post_at=" + strconv.FormatInt(now.Unix()+60, 10)
	if got := w.post("chat.scheduleMessage", formType, w.install.Token, args); got.body["ok"] != true {
		t.Fatal(got.body)
	}
	again, next := reopen(t, dir, nil)
	posted := func(c *slacksim.Client) int { return len(must(c.Posts(t.Context(), slacksim.PostQuery{}))(t).Posts) }
	for deadline := time.Now().Add(20 * time.Second); posted(again) == 0 && time.Now().Before(deadline); {
		must(again.Idle(t.Context()))(t)
	}
	third, _ := reopen(t, next, nil)
	if a, b := posted(again), posted(third); a != 1 || b != 1 {
		t.Errorf("%d posts after a restart and %d after another, want 1", a, b)
	}
}
