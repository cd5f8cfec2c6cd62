package enrich

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/processors"
	"github.com/bigmind/backchannel/processors/processorstest"
	"github.com/bigmind/backchannel/schemas"
)

// The world of these tests: workspace T1 of acme, whose app A1 has the bot U0BOT/B0BOT; C1 belongs to an account and a
// deal, COLD did once, CNEW never did, CFAR is associated by an organization that is not the workspace's. T2 is
// uninstalled, T3 may read public channels alone.
func newWorld(t testing.TB) *processorstest.Redis {
	t.Helper()
	r := processorstest.NewRedis(t)
	install := schemas.Installation{
		OrgID: "acme", TeamID: "T1", AppID: "A1", BotUserID: "U0BOT", BotID: "B0BOT",
		Scopes: append(schemas.NotificationScopes(), schemas.ChannelSyncScopes()...),
	}
	r.Put(t, schemas.ViewTeamInstall("T1"), schemas.FieldInstallation, install)
	gone := install
	gone.TeamID, gone.Status = "T2", schemas.InstallUninstalled
	r.Put(t, schemas.ViewTeamInstall("T2"), schemas.FieldInstallation, gone)
	public := install
	public.TeamID, public.Scopes = "T3", []string{schemas.ScopeChannelsHistory}
	r.Put(t, schemas.ViewTeamInstall("T3"), schemas.FieldInstallation, public)
	for _, team := range []schemas.TeamID{"T1", "T2", "T3"} {
		r.Put(t, schemas.ViewTeamAssociations(team), "C1", schemas.ChannelAssociation{OrgID: "acme", TeamID: team, ChannelID: "C1", AccountID: "acc1", DealID: "deal1"})
	}
	r.Put(t, schemas.ViewTeamAssociations("T1"), "COLD", nil)
	r.Put(t, schemas.ViewTeamAssociations("T1"), "CFAR", schemas.ChannelAssociation{OrgID: "globex", TeamID: "T1", ChannelID: "CFAR", AccountID: "acc9"})
	for _, u := range []schemas.SlackUser{
		{OrgID: "acme", TeamID: "T1", UserID: "U1", Name: "Ann", Email: " Ann@Acme.example"},
		{OrgID: "acme", TeamID: "T1", UserID: "UEXT", Name: "Xavier", IsExternal: true, HomeTeamID: "TX"},
		{OrgID: "globex", TeamID: "T1", UserID: "UFAR", Name: "Not Ours", Email: "far@globex.example"},
	} {
		r.Put(t, schemas.ViewTeamUsers("T1"), string(u.UserID), u)
	}
	return r
}

var receivedAt = time.Date(2026, 9, 21, 15, 0, 0, 0, time.UTC)

// event wraps the inner event's fields, given without braces, as ingest writes them.
func event(team, fields string) *kgo.Record {
	inner := `{"type":"message","channel_type":"channel",` + fields + `}`
	if strings.Contains(fields, `"channel_type"`) {
		inner = `{"type":"message",` + fields + `}`
	}
	e := schemas.SlackEvent{
		TeamID: schemas.TeamID(team), ChannelID: "C1", AppID: "A1", EventID: "Ev1", EventType: "message", ReceivedAt: receivedAt,
		Envelope: fmt.Appendf(nil, `{"token":"x","type":"event_callback","team_id":%q,"event":%s,"event_id":"Ev1"}`, team, inner),
	}
	return &kgo.Record{Topic: schemas.SlackEvents.Name, Key: []byte(team + "/C1"), Value: e.AppendJSON(nil)}
}

// polled wraps a message's fields as the history poller writes them.
func polled(fields string) *kgo.Record {
	m := schemas.SlackHistoryMessage{TeamID: "T1", ChannelID: "C1", ChannelType: "channel", PolledAt: receivedAt, Message: []byte(`{"type":"message",` + fields + `}`)}
	value, err := schemas.SlackHistory.Encode(m)
	if err != nil {
		panic(err) // the fields of a test are not JSON
	}
	return &kgo.Record{Topic: schemas.SlackHistory.Name, Key: []byte("T1/C1"), Value: value}
}

// one processes a record alone. The message is nil when nothing was emitted.
func one(t testing.TB, def processors.Definition, rec *kgo.Record) (*schemas.ContextMessage, processors.Fate) {
	t.Helper()
	result, err := def.Processor.Process(t.Context(), []*kgo.Record{rec})
	if err != nil {
		t.Fatalf("process: %v", err)
	}
	if len(result.Emitted()) == 0 {
		return nil, result.Fate(0)
	}
	out := result.Emitted()[0]
	m, err := schemas.ContextMessages.Decode(out.Value)
	if err != nil {
		t.Fatalf("what it emitted: %v", err)
	}
	if want := string(schemas.TeamChannelKey(m.TeamID, m.ChannelID)); string(out.Key) != want {
		t.Errorf("the key is %q, want %q", out.Key, want)
	}
	return &m, result.Fate(0)
}
