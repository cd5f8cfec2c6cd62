//go:build bench

package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/schemas"
)

const (
	teams    = 20
	channels = 50  // of a team
	users    = 100 // of a team
)

func teamID(n int) schemas.TeamID { return schemas.TeamID(fmt.Sprintf("T%09d", n%teams)) }
func channelID(n int) schemas.ChannelID {
	return schemas.ChannelID(fmt.Sprintf("C%09d", n/teams%channels))
}
func userID(n int) schemas.SlackUserID { return schemas.SlackUserID(fmt.Sprintf("U%09d", n*7%users)) }

// text varies as talk does: a sentence of the same length that compresses like talk, not like a constant.
func text(n int) string {
	const length = 80
	random := rand.New(rand.NewPCG(uint64(n), 7))
	var b strings.Builder
	for b.Len() < length {
		b.WriteString(words[random.IntN(len(words))])
		b.WriteByte(' ')
	}
	return b.String()[:length]
}

var words = strings.Fields(`the import did finish overnight yes million rows rejects we need sso before legal signs is that on your
side or ours security team asks for report and pen test summary can move go live date marketing wants announcement first dashboard
shows nothing known issue fixed rolling out this afternoon price quote please budget approved seats from January could you join
steering committee Thursday here checklist blocked firewall addresses contract renewal discount onboarding training webhook latency
invoice champion procurement pilot rollout staging production incident postmortem roadmap feature request priority customer success`)

// envelope is an event of 618 bytes, as Slack sends it.
func envelope(n int) []byte {
	ts := fmt.Sprintf("%d.%06d", 1790000000+n/1000, n%1000*1000)
	e := fmt.Sprintf(`{"token":"XXYYZZ","team_id":%[1]q,"context_team_id":%[1]q,"api_app_id":"A00000001","event":{"type":"message","user":%[2]q,"ts":%[3]q,"client_msg_id":"%08[8]x-1c1c-4b0f-9b1a-%012[8]x","text":%[5]q,"team":%[1]q,"channel":%[6]q,"event_ts":%[3]q,"channel_type":"channel"},"type":"event_callback","event_id":"Ev%09[4]d","event_time":%[7]d,"authorizations":[{"enterprise_id":null,"team_id":%[1]q,"user_id":"U0BOT","is_bot":true,"is_enterprise_install":false}]}`,
		teamID(n), userID(n), ts, n, text(n), channelID(n), 1790000000+n/1000, uint32(n)*2654435761)
	return []byte(e)
}

// produceEvents fills slack.events with n events and returns the mean size of a record.
func produceEvents(t *testing.T, kafka string, topic string, n int) int {
	t.Helper()
	client := newClient(t, kafka, kgo.DefaultProduceTopic(topic), kgo.MaxBufferedRecords(100_000))
	received := time.Unix(1790000000, 0)
	total := 0
	for i := range n {
		e := schemas.SlackEvent{TeamID: teamID(i), ChannelID: channelID(i), AppID: "A00000001", EventID: fmt.Sprintf("Ev%09d", i), EventType: "message", ReceivedAt: received, Envelope: envelope(i)}
		value := e.AppendJSON(nil)
		total += len(value)
		client.Produce(context.Background(), &kgo.Record{Key: []byte(schemas.TeamChannelKey(e.TeamID, e.ChannelID)), Value: value}, func(_ *kgo.Record, err error) {
			if err != nil {
				t.Error(err)
			}
		})
	}
	if err := client.Flush(context.Background()); err != nil {
		t.Fatal(err)
	}
	return total / n
}

func newClient(t testing.TB, kafka string, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	client, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(kafka)}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

func createTopic(t *testing.T, kafka, name string) {
	t.Helper()
	answer, err := kadm.NewClient(newClient(t, kafka)).CreateTopic(context.Background(), 12, 1, nil, name)
	if err == nil {
		err = answer.Err
	}
	if err != nil {
		t.Fatalf("create %s: %v", name, err)
	}
}

// fillViews writes what the views sink would have written.
func fillViews(t *testing.T, rdb redis.UniversalClient) {
	t.Helper()
	ctx := context.Background()
	put := func(key, field string, v any) {
		value, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		if err := rdb.HSet(ctx, key, field, schemas.ViewValue(1, value)).Err(); err != nil {
			t.Fatal(err)
		}
	}
	for i := range teams {
		team := teamID(i)
		put(schemas.ViewTeamInstall(team), schemas.FieldInstallation, schemas.Installation{
			OrgID: "org-1", TeamID: team, Status: schemas.InstallActive, BotUserID: "U0BOT", Scopes: schemas.ChannelSyncScopes(),
		})
		for c := range channels {
			channel := channelID(c * teams)
			put(schemas.ViewTeamAssociations(team), string(channel), schemas.ChannelAssociation{
				OrgID: "org-1", TeamID: team, ChannelID: channel, AccountID: "acc-1", DealID: "deal-1",
			})
		}
		for u := range users {
			user := schemas.SlackUserID(fmt.Sprintf("U%09d", u))
			put(schemas.ViewTeamUsers(team), string(user), schemas.SlackUser{
				OrgID: "org-1", TeamID: team, UserID: user, Name: "Ada Okafor", Email: "ada.okafor@northwind.example",
			})
		}
	}
	if err := rdb.Set(ctx, schemas.ViewsCompleteKey, "1", 0).Err(); err != nil {
		t.Fatal(err)
	}
}
