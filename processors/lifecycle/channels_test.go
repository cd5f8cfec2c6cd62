package lifecycle

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/processors/processorstest"
	"github.com/bigmind/backchannel/schemas"
)

var known1 = schemas.SlackChannel{OrgID: "acme", TeamID: "T1", ChannelID: "C1", Name: "acme-rollout", IsMember: true, UpdatedAt: came.Add(-time.Hour)}

// channelWorld: T1 has authorised channel sync; its bot is in C1, which is associated, and in the private G1.
func channelWorld(t *testing.T) *processorstest.Redis {
	t.Helper()
	r := newWorld(t)
	in := install("T1", schemas.InstallActive)
	in.Scopes = append(in.Scopes, schemas.ChannelSyncScopes()...)
	r.Put(t, schemas.ViewTeamInstall("T1"), schemas.FieldInstallation, in)
	r.Put(t, schemas.ViewTeamInstall("T4"), schemas.FieldInstallation, install("T4", schemas.InstallActive))
	private := known1
	private.ChannelID, private.IsPrivate = "G1", true
	r.Put(t, schemas.ViewTeamChannels("T1"), "C1", known1)
	r.Put(t, schemas.ViewTeamChannels("T1"), "G1", private)
	r.Put(t, schemas.ViewTeamAssociations("T1"), "C1", schemas.ChannelAssociation{OrgID: "acme", TeamID: "T1", ChannelID: "C1", AccountID: "acc1"})
	return r
}

// Each lifecycle event of channels, in the shapes of Slack's reference: what becomes of the channel's record.
func TestChannels(t *testing.T) {
	def := Definition(channelWorld(t).Client)
	with := func(change func(*schemas.SlackChannel)) *schemas.SlackChannel {
		c := known1
		c.UpdatedAt = came
		change(&c)
		return &c
	}
	const id = `,"channel":"C1"`
	object := func(name string) string { return `,"channel":{"id":"C1","name":"` + name + `","created":1}` }
	for name, tt := range map[string]struct {
		kind, fields string
		want         *schemas.SlackChannel // nil: a tombstone
		drop         schemas.Reason
	}{
		"we join":                   {kind: "member_joined_channel", fields: `,"user":"U0BOT","channel":"C9","channel_type":"G","inviter":"U1"`, want: &schemas.SlackChannel{OrgID: "acme", TeamID: "T1", ChannelID: "C9", IsPrivate: true, IsMember: true, UpdatedAt: came}},
		"we join again":             {kind: "member_joined_channel", fields: `,"user":"U0BOT","channel_type":"C"` + id, want: with(func(*schemas.SlackChannel) {})},
		"somebody joins":            {kind: "member_joined_channel", fields: `,"user":"U1"` + id, drop: schemas.NotOurs},
		"somebody leaves":           {kind: "member_left_channel", fields: `,"user":"U1"` + id, drop: schemas.NotOurs},
		"we leave":                  {kind: "channel_left", fields: `,"actor_id":"U1"` + id, want: with(func(c *schemas.SlackChannel) { c.IsMember = false })},
		"we leave, as (#1847)":      {kind: "member_left_channel", fields: `,"user":"U0BOT"` + id, want: with(func(c *schemas.SlackChannel) { c.IsMember = false })},
		"we leave a private one":    {kind: "group_left", fields: `,"channel":"G1"`},
		"we leave what we knew not": {kind: "channel_left", fields: `,"channel":"C404"`, drop: schemas.NotOurs},
		"renamed":                   {kind: "channel_rename", fields: object("acme-live"), want: with(func(c *schemas.SlackChannel) { c.Name = "acme-live" })},
		"archived":                  {kind: "channel_archive", fields: `,"user":"U1"` + id, want: with(func(c *schemas.SlackChannel) { c.IsArchived = true })},
		"unarchived":                {kind: "channel_unarchive", fields: `,"user":"U1"` + id, want: with(func(*schemas.SlackChannel) {})},
		"deleted":                   {kind: "channel_deleted", fields: id},
		"shared":                    {kind: "channel_shared", fields: `,"connected_team_id":"T9"` + id, want: with(func(c *schemas.SlackChannel) { c.IsExtShared, c.ExternalTeamIDs = true, []schemas.TeamID{"T9"} })},
		"unshared":                  {kind: "channel_unshared", fields: `,"is_ext_shared":false` + id, want: with(func(*schemas.SlackChannel) {})},
		"unshared, others remain":   {kind: "channel_unshared", fields: `,"is_ext_shared":true` + id, want: with(func(c *schemas.SlackChannel) { c.IsExtShared = true })},
	} {
		t.Run(name, func(t *testing.T) {
			rec, fate := one(t, def, told("T1", tt.kind, ts(came), tt.fields))
			if fate.Rejected != "" || fate.Dropped != tt.drop {
				t.Fatalf("the fate is %+v", fate)
			}
			switch {
			case tt.drop != "":
			case tt.want == nil && (rec == nil || rec.Value != nil):
				t.Errorf("no tombstone: %+v", rec)
			case tt.want != nil:
				got, err := schemas.SlackChannels.Decode(rec.Value)
				if diff := cmp.Diff(*tt.want, got); diff != "" || err != nil || string(rec.Key) != "T1/"+string(got.ChannelID) {
					t.Errorf("under %s: %v, want, got:\n%s", rec.Key, err, diff)
				}
			}
		})
	}
	for reason, rec := range map[schemas.Reason]*kgo.Record{
		schemas.NotAuthorised: told("T4", "channel_archive", ts(came), id), schemas.NotInstalled: told("T2", "channel_archive", ts(came), id),
		schemas.Superseded: told("T1", "channel_archive", ts(came.Add(-2*time.Hour)), id),
	} {
		if _, fate := one(t, def, rec); fate.Dropped != reason {
			t.Errorf("want %s, the fate is %+v", reason, fate)
		}
	}
}

// channel_id_changed carries the channel, its association and what was asked for of its past over to the new id.
func TestAChangedID(t *testing.T) {
	r := channelWorld(t)
	asked := schemas.SyncRequest{OrgID: "acme", TeamID: "T1", ChannelID: "C1", Since: came.Add(-400 * 24 * time.Hour), By: "ada"}
	r.Put(t, schemas.ViewTeamSyncRequests("T1"), "C1", asked)
	def := Definition(r.Client)
	rec := told("T1", "channel_id_changed", ts(came), `,"old_channel_id":"C1","new_channel_id":"C7"`)
	result, err := def.Processor.Process(t.Context(), []*kgo.Record{rec})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, out := range result.Emitted() {
		what := "gone"
		if out.Value != nil {
			what = "there"
		}
		if out.Topic == schemas.SyncRequests.Name && out.Value != nil {
			moved, err := schemas.SyncRequests.Decode(out.Value)
			want := asked
			want.ChannelID = "C7"
			if diff := cmp.Diff(want, moved); err != nil || diff != "" {
				t.Errorf("the request that was moved: %v\n%s", err, diff)
			}
		}
		got = append(got, fmt.Sprint(out.Topic, " ", string(out.Key), " ", what))
	}
	slices.Sort(got)
	want := []string{"channel.associations T1/C1 gone", "channel.associations T1/C7 there", "slack.channels T1/C1 gone", "slack.channels T1/C7 there",
		"sync.requests T1/C1 gone", "sync.requests T1/C7 there"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("want, got:\n%s", diff)
	}
}
