package slack

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/deploy/slacksim"
	"github.com/bigmind/backchannel/schemas"
	"github.com/bigmind/backchannel/sinks"
	"github.com/bigmind/backchannel/sinks/sinkstest"
)

// setupWorld is a workspace with U000001 and our bot in the channel C1.
func setupWorld(t *testing.T) *world {
	t.Helper()
	w := newWorld(t, slacksim.Settings{IgnoreClientMsgID: true}) // so that a repeat shows
	w.workspace("T1", "acme", 2)
	in, err := w.sim.Installed(t.Context(), "T1", w.app.ID)
	w.must(err)
	for _, id := range []schemas.ChannelID{"C1", "C2", "C3", "C4", "C5"} {
		_, err = w.sim.CreateChannel(t.Context(), "T1", slacksim.Channel{ID: id, Name: strings.ToLower(string(id)), Members: []slacksim.UserID{user(1), in.BotUserID}})
		w.must(err)
	}
	return w
}

func setupDelivery(channel schemas.ChannelID, to schemas.SlackUserID) schemas.Delivery {
	at := time.Date(2026, 3, 1, 11, 0, 0, 0, time.UTC)
	d := schemas.NewSetupDelivery("acme", "T1", schemas.SetupRequestID("T1", channel, "1.0"), "", schemas.Setup{ChannelID: channel, AddedAt: at, InChannel: to == ""})
	d.SlackUserID = to
	return d
}

// update of a prompt, after a record of channel.associations.
func update(prompt schemas.Delivery, step string, change func(*schemas.Setup)) schemas.Delivery {
	s := *prompt.Setup
	s.PromptID = prompt.DeliveryID
	if change != nil {
		change(&s)
	}
	return schemas.NewSetupDelivery("acme", "T1", prompt.RequestID, step, s)
}

// stands says where a prompt is, as the setup processor and the views do.
func (w *world) stands(o schemas.Outcome) {
	w.t.Helper()
	w.view(schemas.ViewTeamPrompts("T1"), string(o.Setup.ChannelID), schemas.SetupPrompt{
		OrgID: "acme", TeamID: "T1", ChannelID: o.Setup.ChannelID, RequestID: o.RequestID, DeliveryID: o.DeliveryID, AddedAt: o.Setup.AddedAt, PostedIn: o.ChannelID, TS: o.TS,
	})
}

func (w *world) association(channel schemas.ChannelID, offset int64, a *schemas.ChannelAssociation) {
	w.t.Helper()
	var raw []byte
	if a != nil {
		a.TeamID, a.ChannelID = "T1", channel
		var err error
		raw, err = json.Marshal(a)
		w.must(err)
	}
	w.must(w.rdb.HSet(w.t.Context(), schemas.ViewTeamAssociations("T1"), string(channel), schemas.ViewValue(offset, raw)).Err())
}

// said is what was last made of the message that an outcome names.
func (w *world) said(o schemas.Outcome) (last slacksim.Post) {
	w.t.Helper()
	posts, err := w.sim.Posts(w.t.Context(), slacksim.PostQuery{Channel: o.ChannelID})
	w.must(err)
	for _, p := range posts.Posts {
		if p.TS == o.TS {
			last = p
		}
	}
	if last.N == 0 {
		w.t.Fatalf("no message %s in %s", o.TS, o.ChannelID)
	}
	return last
}

// A prompt goes to the person, or into the channel, once, with the button that the modal is opened by.
func TestPromptIsPosted(t *testing.T) {
	t.Parallel()
	for to, want := range map[schemas.SlackUserID]string{user(1): "You added Bigmind to <#C1>", "": "Bigmind was added to this channel"} {
		w := setupWorld(t)
		s, _ := w.replica()
		prompt := rec(t, setupDelivery("C1", to))
		for range 3 {
			w.write(s, prompt)
			w.advance(time.Second)
		}
		posts, err := w.sim.Posts(t.Context(), slacksim.PostQuery{})
		w.must(err)
		if len(posts.Posts) != 1 || posts.Posts[0].Recipient != to || to == "" && posts.Posts[0].Channel != "C1" {
			t.Fatalf("to %q: %+v", to, posts.Posts)
		}
		p := posts.Posts[0]
		if !strings.HasPrefix(p.Text, want) || !strings.Contains(string(p.Blocks), `"action_id":"setup_channel"`) || !strings.Contains(string(p.Blocks), `"value":"C1"`) || !strings.Contains(string(p.Blocks), `"block_id":"setup"`) {
			t.Errorf("to %q: %s\n%s", to, p.Text, p.Blocks)
		}
		outcomes := w.take()
		if o := outcomes[0]; len(outcomes) != 3 || o.Status != schemas.Delivered || o.Type != schemas.SetupPromptType || o.Setup == nil || o.Setup.ChannelID != "C1" || o.TS == "" || o.RequestID != "setup/T1/C1/1.0" {
			t.Errorf("outcomes: %+v", outcomes)
		}
		if violations, err := w.sim.Violations(t.Context(), 0); err != nil || len(violations) > 0 {
			t.Errorf("Slack objects: %+v, %v", violations, err)
		}
	}
}

// What the message says through the life of an association, whoever made it; always what is so when the update is made.
func TestPromptIsUpdated(t *testing.T) {
	t.Parallel()
	w := setupWorld(t)
	s, _ := w.replica()
	prompt := setupDelivery("C1", "")
	w.write(s, rec(t, prompt))
	o := w.take()[0]
	w.stands(o)
	w.view(schemas.ViewOrgAccounts("acme"), "acc1", schemas.Account{OrgID: "acme", AccountID: "acc1", Name: "Ac*me <!here> & Co"})
	w.view(schemas.ViewOrgDeals("acme"), "deal1", schemas.Deal{OrgID: "acme", DealID: "deal1", Name: "Renewal"})
	w.view(schemas.ViewOrgUsers("acme"), "usr-ada", schemas.DirectoryUser{OrgID: "acme", UserID: "usr-ada", Name: "Ada Okafor"})
	w.view(schemas.ViewTeamUsers("T1"), string(user(1)), schemas.SlackUser{OrgID: "acme", TeamID: "T1", UserID: user(1)})
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for n, step := range []struct {
		association *schemas.ChannelAssociation
		text, small string
	}{
		{&schemas.ChannelAssociation{OrgID: "acme", AccountID: "acc1", DealID: "deal1", By: "usr-ada", UpdatedAt: at}, "<#C1> is linked to *Ac∗me &lt;\u2060!here&gt; &amp; Co*, deal *Renewal*.", "Linked by Ada Okafor on <!date^1772366400^{date_long}|1 March 2026>"},
		{&schemas.ChannelAssociation{OrgID: "acme", AccountID: "acc1", By: string(user(1))}, "<#C1> is linked to *Ac∗me &lt;\u2060!here&gt; &amp; Co*.", "Linked by <@U000001>"},
		{&schemas.ChannelAssociation{OrgID: "acme", AccountID: "acc2", DealID: "deal2", By: "crm-import"}, "<#C1> is linked to *acc2*, an account that is no longer in Bigmind, deal *deal2*.", ""},
		{nil, "<#C1> is no longer linked to an account. Its messages are not synced.", ""},
		{&schemas.ChannelAssociation{OrgID: "globex", AccountID: "acc1"}, "<#C1> is no longer linked to an account. Its messages are not synced.", ""},
	} {
		offset := int64(n + 1)
		w.association("C1", offset, step.association)
		w.write(s, rec(t, update(prompt, "association/"+string(rune('a'+n)), func(s *schemas.Setup) { s.Association = &offset })))
		w.advance(time.Second)
		m := w.said(o)
		if m.Text != step.text || !strings.Contains(string(m.Blocks), `"value":"C1"`) || step.small != "" && !strings.Contains(unescaped(t, m.Blocks), step.small) {
			t.Errorf("it says %s\n%s", m.Text, m.Blocks)
		}
	}
	if outcomes := w.take(); len(outcomes) != 5 || outcomes[4].Status != schemas.Delivered || outcomes[4].RequestID != o.RequestID {
		t.Errorf("outcomes: %+v", outcomes)
	}
	if violations, err := w.sim.Violations(t.Context(), 0); err != nil || len(violations) > 0 {
		t.Errorf("Slack objects: %+v, %v", violations, err)
	}
}

func unescaped(t *testing.T, blocks json.RawMessage) string {
	t.Helper()
	var v []any
	if err := json.Unmarshal(blocks, &v); err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// An update waits until the views show what it follows; made late or out of order, it says what is so.
func TestUpdatesWaitForTheViewsAndSayWhatIsSo(t *testing.T) {
	t.Parallel()
	w := setupWorld(t)
	s, _ := w.replica()
	prompt := setupDelivery("C1", "")
	w.write(s, rec(t, prompt))
	o := w.take()[0]
	veryFirst, first, second := int64(0), int64(7), int64(8)
	begin := update(prompt, "0", func(s *schemas.Setup) { s.Association = &veryFirst })
	older, newer := update(prompt, "7", func(s *schemas.Setup) { s.Association = &first }), update(prompt, "8", func(s *schemas.Setup) { s.Association = &second })
	expect := func(deferred int, text string, d ...schemas.Delivery) {
		t.Helper()
		var batch []*kgo.Record
		for _, d := range d {
			batch = append(batch, rec(t, d))
		}
		w.advance(2 * time.Second)
		if result := w.write(s, batch...); len(result.Deferred) != deferred {
			t.Errorf("%d wait, want %d", len(result.Deferred), deferred)
		}
		if m := w.said(o); !strings.HasPrefix(m.Text, text) {
			t.Errorf("it says %s, want %s", m.Text, text)
		}
	}
	expect(1, "Bigmind was added", older) // where the prompt stands is not known yet
	w.stands(o)
	expect(1, "Bigmind was added", begin)
	w.association("C1", 6, &schemas.ChannelAssociation{OrgID: "acme", AccountID: "acc6"})
	expect(2, "Bigmind was added", older, newer)
	w.association("C1", 8, &schemas.ChannelAssociation{OrgID: "acme", AccountID: "acc8"})
	expect(0, "<#C1> is linked to *acc8*", newer, older) // the newer one first
	w.association("C1", 9, nil)
	expect(0, "<#C1> is linked to *acc8*", newer, older) // made before, and not again
}

// The prompt that comes too late, and the update for a prompt that does not stand any more.
func TestNothingToSay(t *testing.T) {
	t.Parallel()
	prompt := setupDelivery("C1", user(1))
	for name, tt := range map[string]struct {
		prepare func(*world)
		d       schemas.Delivery
		want    string
	}{
		"associated meanwhile": {func(w *world) { w.association("C1", 1, &schemas.ChannelAssociation{OrgID: "acme", AccountID: "a"}) }, prompt, "suppressed already_associated"},
		"not associated":       {func(*world) {}, update(prompt, "posted", func(s *schemas.Setup) { s.IfLinked = true }), ""},
		"added again since": {func(w *world) {
			again := *prompt.Setup
			again.AddedAt = again.AddedAt.Add(time.Hour)
			w.stands(schemas.Outcome{RequestID: "again", DeliveryID: "2a", ChannelID: "D1", TS: "1.000002", Setup: &again})
		}, update(prompt, "1", nil), "suppressed prompt_replaced"},
		"another id": {func(w *world) {
			w.must(w.rdb.HSet(w.t.Context(), schemas.ViewTeamPrompts("T1"), "C1", schemas.ViewValue(9, nil)).Err())
		}, update(prompt, "1", nil), "suppressed prompt_replaced"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := setupWorld(t)
			w.stands(schemas.Outcome{RequestID: prompt.RequestID, DeliveryID: prompt.DeliveryID, ChannelID: "D1", TS: "1.000001", Setup: prompt.Setup})
			tt.prepare(w)
			s, _ := w.replica()
			result := w.write(s, rec(t, tt.d))
			got := statuses(w.take())
			if len(result.Deferred) > 0 || tt.want == "" && len(got) > 0 || tt.want != "" && (len(got) != 1 || got[0] != tt.want) {
				t.Errorf("deferred %d, outcomes %v, want %s", len(result.Deferred), got, tt.want)
			}
			calls, err := w.sim.Calls(t.Context())
			w.must(err)
			if n := calls[methodPost].Calls + calls[methodUpdate].Calls; n > 0 {
				t.Errorf("Slack was called %d times", n)
			}
		})
	}
}

// What Slack says of channels is no fault of a person's.
func TestAChannelThatRefuses(t *testing.T) {
	t.Parallel()
	for _, code := range []string{"not_in_channel", "is_archived", "channel_not_found", "restricted_action", "message_not_found", "cant_update_message"} {
		w := setupWorld(t)
		s, _ := w.replica()
		prompt := setupDelivery("C1", "")
		w.stands(schemas.Outcome{RequestID: prompt.RequestID, DeliveryID: prompt.DeliveryID, ChannelID: "C1", TS: "1.000001", Setup: prompt.Setup})
		w.fault(slacksim.Fault{Kind: slacksim.FaultAPIError, Error: code})
		w.write(s, rec(t, prompt), rec(t, update(prompt, "1", nil)))
		if got := statuses(w.take()); len(got) != 2 || got[0] != "failed channel_refused" || got[1] != got[0] {
			t.Errorf("%s: %v", code, got)
		}
	}
}

// An update that Slack may have taken is made again; one that it told to wait waits, on every replica.
func TestUpdatesAreMadeAgain(t *testing.T) {
	t.Parallel()
	w := setupWorld(t)
	s, _ := w.replica()
	prompt := setupDelivery("C1", "")
	w.write(s, rec(t, prompt))
	o := w.take()[0]
	w.stands(o)
	w.association("C1", 1, &schemas.ChannelAssociation{OrgID: "acme", AccountID: "acc1"})
	change := rec(t, update(prompt, "1", nil))
	w.fault(slacksim.Fault{Kind: slacksim.FaultAPIStatus, Status: 429, RetryAfter: 30, Method: methodUpdate, Count: 1})
	if len(w.write(s, change).Deferred) != 1 {
		t.Error("it did not wait")
	}
	other, _ := w.replica()
	w.advance(5 * time.Second)
	if len(w.write(other, change).Deferred) != 1 {
		t.Error("another replica did not wait")
	}
	w.advance(30 * time.Second)
	w.fault(slacksim.Fault{Kind: slacksim.FaultAPIReset, Method: methodUpdate, After: true, Count: 1})
	if len(w.write(other, change).Deferred) != 1 {
		t.Error("it is taken for made")
	}
	w.advance(time.Minute)
	w.write(other, change)
	if got := statuses(w.take()); len(got) != 1 || got[0] != "delivered" || !strings.Contains(w.said(o).Text, "acc1") {
		t.Errorf("%v: %s", got, w.said(o).Text)
	}
}

// A prompt whose process died after Slack had it is not posted before that is certain, and then said to be ambiguous.
func TestAPromptInDoubt(t *testing.T) {
	t.Parallel()
	w := setupWorld(t)
	s, reg := w.replica()
	s.publish = func(context.Context, schemas.Outcome) error { return errors.New("killed") }
	prompt := rec(t, setupDelivery("C1", user(1)))
	if _, err := s.Write(t.Context(), []*kgo.Record{prompt}); err == nil {
		t.Fatal("it was not killed")
	}
	next, _ := w.replica()
	w.write(next, prompt) // the ledger knows
	if got := statuses(w.take()); len(w.shown()) != 1 || len(got) != 1 || got[0] != "delivered" || w.ambiguous(reg, schemas.Repeat) > 0 {
		t.Errorf("posted %d times, %v", len(w.shown()), got)
	}
}

// The contract of the sink holds for prompts in channels.
func TestPromptContract(t *testing.T) {
	sinkstest.Check(t, func(t *testing.T, _ *sinkstest.Kafka) sinkstest.Subject {
		w := setupWorld(t)
		channels := []schemas.ChannelID{"C1", "C2", "C3", "C4"}
		return sinkstest.Subject{
			Define: func() sinks.Definition {
				s, _ := w.replica()
				return sinks.Definition{Name: "slack", In: []schemas.Spec{schemas.DeliveriesSlack.Spec}, Sink: s, MaxBatch: 256, MaxWait: 5 * time.Millisecond}
			},
			Good: func(n int) *kgo.Record { return rec(t, setupDelivery(channels[n-1], "")) },
			Bad: func() *kgo.Record {
				d := setupDelivery("C5", "")
				d.Setup.ChannelID, d.Content.Body = "", secret
				return rec(t, d)
			},
			Reason: schemas.Malformed, Secret: secret,
			Break: func() func() {
				w.mini.SetError("LOADING Redis is loading the dataset in memory")
				return func() { w.mini.SetError("") }
			},
			Effects: func(testing.TB) []string {
				posts, err := w.sim.Posts(w.t.Context(), slacksim.PostQuery{})
				w.must(err)
				var all []string
				for _, p := range posts.Posts {
					all = append(all, string(p.Channel))
				}
				return all
			},
		}
	})
}
