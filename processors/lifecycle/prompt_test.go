package lifecycle

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/processors"
	"github.com/bigmind/backchannel/processors/processorstest"
	"github.com/bigmind/backchannel/schemas"
)

// promptWorld is channelWorld with people: U1, the bot U2, U3 who left, U4 of another company.
func promptWorld(t *testing.T) *processorstest.Redis {
	t.Helper()
	r := channelWorld(t)
	for _, u := range []schemas.SlackUser{{UserID: "U1"}, {UserID: "U2", IsBot: true}, {UserID: "U3", Deleted: true}, {UserID: "U4", IsExternal: true}, {UserID: "U5", IsGuest: true}} {
		u.OrgID, u.TeamID = "acme", "T1"
		r.Put(t, schemas.ViewTeamUsers("T1"), string(u.UserID), u)
	}
	r.Put(t, schemas.ViewTeamAssociations("T1"), "C3", nil) // dissociated
	return r
}

func added(channel, inviter string, at time.Time) *kgo.Record {
	fields := `,"user":"U0BOT","channel_type":"C","channel":"` + channel + `"`
	if inviter != "" {
		fields += `,"inviter":"` + inviter + `"`
	}
	return told("T1", "member_joined_channel", ts(at), fields)
}

// run processes batches one after another and returns the channels and the deliveries that came of it, and the fates.
func run(t *testing.T, def processors.Definition, batches ...[]*kgo.Record) (channels []schemas.SlackChannel, deliveries []schemas.Delivery, fates []string) {
	t.Helper()
	for _, batch := range batches {
		result, err := def.Processor.Process(t.Context(), batch)
		if err != nil {
			t.Fatal(err)
		}
		for i := range batch {
			fates = append(fates, fmt.Sprint(result.Fate(i).Emitted, result.Fate(i).Dropped, result.Fate(i).Rejected))
		}
		for _, rec := range result.Emitted() {
			switch {
			case rec.Topic == schemas.DeliveriesSlack.Name:
				d, err := schemas.DeliveriesSlack.Decode(rec.Value)
				if err != nil || string(rec.Key) != "acme/"+string(d.RequestID) {
					t.Fatalf("under %s: %v", rec.Key, err)
				}
				deliveries = append(deliveries, d)
			case rec.Topic == schemas.SlackChannels.Name && rec.Value != nil:
				c, err := schemas.SlackChannels.Decode(rec.Value)
				if err != nil {
					t.Fatal(err)
				}
				channels = append(channels, c)
			}
		}
	}
	return channels, deliveries, fates
}

// To whom the prompt goes: to whoever added the app, when Slack names somebody who is a person of this workspace; else into the channel.
func TestPromptGoesTo(t *testing.T) {
	def := Definition(promptWorld(t).Client)
	for inviter, to := range map[string]schemas.SlackUserID{"U1": "U1", "U5": "U5", "": "", "U2": "", "U3": "", "U4": "", "U404": ""} {
		channels, deliveries, _ := run(t, def, []*kgo.Record{added("C9", inviter, came)})
		if len(channels) != 1 || len(deliveries) != 1 {
			t.Fatalf("added by %q: %d channels, %d deliveries", inviter, len(channels), len(deliveries))
		}
		d, want := deliveries[0], schemas.Setup{ChannelID: "C9", AddedAt: came, InChannel: to == ""}
		if d.SlackUserID != to || d.OrgID != "acme" || d.TeamID != "T1" || d.Type != schemas.SetupPromptType || cmp.Diff(&want, d.Setup) != "" {
			t.Errorf("added by %q: %+v %+v", inviter, d, d.Setup)
		}
	}
}

// One addition, one prompt: whatever Slack repeats is the same delivery, also when the views have come to know the inviter since. Removed and
// added again, the app asks again.
func TestOnePromptForAnAddition(t *testing.T) {
	r := promptWorld(t)
	def, id := Definition(r.Client), func(d []schemas.Delivery) schemas.DeliveryID { return d[0].DeliveryID }
	_, first, _ := run(t, def, []*kgo.Record{added("C9", "U404", came)})
	r.Put(t, schemas.ViewTeamUsers("T1"), "U404", schemas.SlackUser{OrgID: "acme", TeamID: "T1", UserID: "U404"})
	_, repeat, _ := run(t, Definition(r.Client), []*kgo.Record{added("C9", "U404", came)})
	_, again, _ := run(t, def, []*kgo.Record{added("C9", "U1", came.Add(time.Second))})
	_, other, _ := run(t, def, []*kgo.Record{added("C8", "U1", came)})
	if id(first) != id(repeat) || repeat[0].SlackUserID != "U404" || id(first) == id(again) || id(first) == id(other) {
		t.Errorf("%v, repeated %v, again %v, another channel %v", id(first), id(repeat), id(again), id(other))
	}
}

func TestNoPrompt(t *testing.T) {
	r := promptWorld(t)
	elsewhere := known1
	elsewhere.ChannelID, elsewhere.IsMember, elsewhere.UpdatedAt = "C5", false, came.Add(time.Hour)
	r.Put(t, schemas.ViewTeamChannels("T1"), "C5", elsewhere)
	listed := known1
	listed.ChannelID, listed.UpdatedAt = "C6", came.Add(time.Hour)
	r.Put(t, schemas.ViewTeamChannels("T1"), "C6", listed)
	for name, tt := range map[string]struct {
		rec                  *kgo.Record
		channels, deliveries int
		drop                 schemas.Reason
	}{
		"associated":                 {added("C1", "U1", came), 1, 0, ""},
		"dissociated":                {added("C3", "U1", came), 1, 1, ""},
		"left since":                 {added("C5", "U1", came), 0, 0, schemas.Superseded},
		"read from the lists before": {added("C6", "U1", came), 0, 1, ""},
		"channel sync not granted":   {told("T4", "member_joined_channel", ts(came), `,"user":"U0BOT","channel":"C9"`), 0, 0, schemas.NotAuthorised},
		"uninstalled":                {told("T2", "member_joined_channel", ts(came), `,"user":"U0BOT","channel":"C9"`), 0, 0, schemas.NotInstalled},
		"somebody else":              {told("T1", "member_joined_channel", ts(came), `,"user":"U1","channel":"C9","inviter":"U0BOT"`), 0, 0, schemas.NotOurs},
	} {
		channels, deliveries, fates := run(t, Definition(r.Client), []*kgo.Record{tt.rec})
		if len(channels) != tt.channels || len(deliveries) != tt.deliveries || tt.drop != "" && fates[0] != "0"+string(tt.drop) {
			t.Errorf("%s: %d channels, %d deliveries, %v", name, len(channels), len(deliveries), fates)
		}
	}
}

// Two events within the views' lag: the second's record has the first's part, in one batch or two, and once more after a transaction that
// did not commit. An addition that Slack repeats after we have left is not one.
func TestEventsWithinTheViewsLag(t *testing.T) {
	r := promptWorld(t)
	at := func(n int, rec *kgo.Record) *kgo.Record { rec.Offset = int64(n); return rec }
	joined := at(1, added("C9", "U1", came))
	renamed := at(2, told("T1", "channel_rename", ts(came.Add(time.Second)), `,"channel":{"id":"C9","name":"acme-live"}`))
	archived := at(3, told("T1", "channel_archive", ts(came.Add(2*time.Second)), `,"channel":"C9"`))
	want := schemas.SlackChannel{OrgID: "acme", TeamID: "T1", ChannelID: "C9", Name: "acme-live", IsArchived: true, IsMember: true, UpdatedAt: came.Add(2 * time.Second)}
	for name, batches := range map[string][][]*kgo.Record{
		"one batch":         {{joined, renamed, archived}},
		"three":             {{joined}, {renamed}, {archived}},
		"the last twice":    {{joined}, {renamed}, {archived}, {archived}},
		"one batch, twice":  {{joined, renamed, archived}, {joined, renamed, archived}},
		"the second, twice": {{joined}, {renamed, archived}, {renamed, archived}},
	} {
		channels, _, fates := run(t, Definition(r.Client), batches...)
		if diff := cmp.Diff(want, channels[len(channels)-1]); diff != "" || slices.ContainsFunc(fates, func(f string) bool { return f[0] == '0' }) {
			t.Errorf("%s: %v, want, got:\n%s", name, fates, diff)
		}
	}
	left := at(2, told("T1", "group_left", ts(came.Add(time.Second)), `,"channel":"G1"`))
	late := at(3, told("T1", "member_joined_channel", ts(came), `,"user":"U0BOT","channel":"G1","channel_type":"G"`))
	back := at(4, told("T1", "member_joined_channel", ts(came.Add(time.Minute)), `,"user":"U0BOT","channel":"G1","channel_type":"G"`))
	_, deliveries, fates := run(t, Definition(r.Client), []*kgo.Record{left, late, back})
	if diff := cmp.Diff([]string{"1", "0superseded", "2"}, fates); diff != "" || len(deliveries) != 1 {
		t.Errorf("%d deliveries, want, got:\n%s", len(deliveries), diff)
	}
}

// What the views know since is newer than what was stated.
func TestTheViewsHaveTheLastWord(t *testing.T) {
	r := promptWorld(t)
	def := Definition(r.Client)
	p, ok := def.Processor.(*Processor)
	if !ok {
		t.Fatal("the definition holds another processor")
	}
	now := came
	p.recent.now = func() time.Time { return now }
	archive := told("T1", "channel_archive", ts(came), `,"channel":"C1"`)
	run(t, def, []*kgo.Record{archive})
	listed := known1
	listed.Name, listed.UpdatedAt = "from-the-list", came.Add(time.Minute)
	r.Put(t, schemas.ViewTeamChannels("T1"), "C1", listed)
	rename := told("T1", "channel_shared", ts(came.Add(time.Hour)), `,"channel":"C1","connected_team_id":"T9"`)
	rename.Offset = 1
	if channels, _, _ := run(t, def, []*kgo.Record{rename}); channels[0].Name != "from-the-list" || channels[0].IsArchived {
		t.Errorf("got %+v", channels[0])
	}
	r.Put(t, schemas.ViewTeamChannels("T1"), "C1", nil) // gone, by somebody else's word
	now = now.Add(2 * statedFor)
	rename.Offset = 2
	if channels, _, fates := run(t, def, []*kgo.Record{rename}); len(channels) > 0 {
		t.Errorf("a statement of long ago brought %+v back: %v", channels[0], fates)
	}
}

// Companies come and go; the last one takes the share with it.
func TestSharedWith(t *testing.T) {
	r := promptWorld(t)
	c := known1
	c.IsExtShared, c.ExternalTeamIDs = true, []schemas.TeamID{"T8", "E9"}
	r.Put(t, schemas.ViewTeamChannels("T1"), "C1", c)
	for _, tt := range []struct {
		kind, fields string
		want         []schemas.TeamID
	}{
		{"channel_shared", `"connected_team_id":"T7"`, []schemas.TeamID{"T8", "E9", "T7"}},
		{"channel_shared", `"connected_team_id":"T8"`, []schemas.TeamID{"E9", "T8"}},
		{"channel_unshared", `"previously_connected_team_id":"T8","is_ext_shared":true`, []schemas.TeamID{"E9"}},
		{"channel_unshared", `"previously_connected_team_id":"T5","is_ext_shared":true`, []schemas.TeamID{"T8", "E9"}},
		{"channel_unshared", `"previously_connected_team_id":"T8","is_ext_shared":false`, nil},
	} {
		channels, _, _ := run(t, Definition(r.Client), []*kgo.Record{told("T1", tt.kind, ts(came), `,"channel":"C1",`+tt.fields)})
		if diff := cmp.Diff(tt.want, channels[0].ExternalTeamIDs, cmpopts.EquateEmpty()); diff != "" || channels[0].IsExtShared != (tt.want != nil) {
			t.Errorf("%s %s: want, got:\n%s", tt.kind, tt.fields, diff)
		}
	}
}

// A channel with another id keeps its prompt, whose button has to name it.
func TestAPromptMovesWithItsChannel(t *testing.T) {
	r := promptWorld(t)
	stands := schemas.SetupPrompt{OrgID: "acme", TeamID: "T1", ChannelID: "C1", RequestID: "setup/T1/C1/1", DeliveryID: "0d", AddedAt: came, PostedIn: "C1", TS: "1.000001", InChannel: true}
	r.Put(t, schemas.ViewTeamPrompts("T1"), "C1", stands)
	result, err := Definition(r.Client).Processor.Process(t.Context(), []*kgo.Record{told("T1", "channel_id_changed", ts(came), `,"old_channel_id":"C1","new_channel_id":"C7"`)})
	if err != nil {
		t.Fatal(err)
	}
	var prompts []string
	for _, rec := range result.Emitted() {
		switch rec.Topic {
		case schemas.SetupPrompts.Name:
			prompts = append(prompts, string(rec.Key))
			if string(rec.Key) == "T1/C1" && rec.Value != nil || string(rec.Key) == "T1/C7" && rec.Value == nil {
				t.Errorf("%s: %s", rec.Key, rec.Value)
			}
			if rec.Value != nil {
				got, err := schemas.SetupPrompts.Decode(rec.Value)
				want := stands
				want.ChannelID, want.PostedIn = "C7", "C7"
				if diff := cmp.Diff(want, got); diff != "" || err != nil {
					t.Errorf("%v, want, got:\n%s", err, diff)
				}
			}
		case schemas.DeliveriesSlack.Name:
			d, err := schemas.DeliveriesSlack.Decode(rec.Value)
			if err != nil || d.Setup.PromptID != "0d" || d.Setup.ChannelID != "C7" || d.Setup.IfLinked {
				t.Errorf("%v: %+v", err, d.Setup)
			}
			prompts = append(prompts, "update")
		}
	}
	slices.Sort(prompts)
	if diff := cmp.Diff([]string{"T1/C1", "T1/C7", "update"}, prompts); diff != "" {
		t.Errorf("want, got:\n%s", diff)
	}
}
