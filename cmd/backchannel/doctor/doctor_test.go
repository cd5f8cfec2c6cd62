package doctor

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2/server"
	"github.com/redis/go-redis/v9"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/cmd/backchannel/config"
	"github.com/bigmind/backchannel/cmd/backchannel/verdict"
	"github.com/bigmind/backchannel/deploy/slacksim"
	"github.com/bigmind/backchannel/ingest/diagnose"
	"github.com/bigmind/backchannel/schemas"
)

func TestAllIsWell(t *testing.T) {
	w := newWorld(t)
	lines := w.run()
	if bad := failed(lines); len(bad) > 0 {
		t.Errorf("%+v", bad)
	}
	areas := map[string]bool{}
	for _, l := range lines {
		areas[l.Area] = true
		if l.Fact == "" || l.Check == "" {
			t.Errorf("%+v", l)
		}
	}
	for _, area := range []string{"kafka", "redis", "clickhouse", "slack", "mail", "clock"} {
		if !areas[area] {
			t.Errorf("nothing is said of %s", area)
		}
	}
}

// One thing is broken at a time: doctor names it, and nothing else.
func TestOneThingIsBroken(t *testing.T) {
	for name, tt := range map[string]struct {
		breaks func(t *testing.T, w *world)
		area   string
		check  string
		fact   []string
	}{
		"Kafka is away": {func(t *testing.T, w *world) {
			w.opts.Kafka, w.opts.Timeout = []kgo.Opt{kgo.SeedBrokers(closedPort(t))}, 2*time.Second
		}, "kafka", "reachable", []string{"Kafka does not answer at kafka"}},
		"a topic is missing": {func(t *testing.T, w *world) {
			_, err := w.admin().DeleteTopics(t.Context(), schemas.ContextMessages.Name)
			w.must(err)
		}, "kafka", "topics", []string{"topic context.messages: create with 12 partitions"}},
		"wrong partitions": {func(t *testing.T, w *world) {
			_, err := w.admin().UpdatePartitions(t.Context(), 3, schemas.APITokens.Name)
			w.must(err)
		}, "kafka", "topics", []string{"api.tokens has 3 partitions, declared are 1"}},
		"another retention": {func(t *testing.T, w *world) {
			_, err := w.admin().AlterTopicConfigs(t.Context(), []kadm.AlterConfig{{Op: kadm.SetConfig, Name: "retention.ms", Value: kadm.StringPtr("1000")}}, schemas.ContextMessages.Name)
			w.must(err)
		}, "kafka", "topics", []string{"context.messages: retention.ms from"}},
		"nobody consumes": {func(t *testing.T, w *world) {
			w.produce(&kgo.Record{Topic: schemas.SlackEvents.Name, Key: []byte("T0/C0"), Value: []byte("{}"), Timestamp: time.Now().Add(-time.Hour)})
			offsets := kadm.Offsets{}
			for p := range schemas.SlackEvents.Partitions {
				offsets.AddOffset(schemas.SlackEvents.Name, p, 0, -1)
			}
			w.must(w.admin().CommitAllOffsets(t.Context(), "backchannel-enrich", offsets))
		}, "kafka", "lag", []string{"1 records wait for enrich, the oldest for 1h0m0s, and nobody consumes"}},
		"Redis is away": {func(t *testing.T, w *world) {
			w.opts.Redis = redis.NewClient(&redis.Options{Addr: closedPort(t), MaxRetries: -1})
		}, "redis", "reachable", []string{"Redis does not answer at redis"}},
		"Redis is out of memory": {func(_ *testing.T, w *world) {
			w.redisSays(oom, 4<<20+100, 4<<20, "noeviction", 0)
		}, "redis", "memory", []string{"out of memory and refuses what is written", "4.0 MiB are used of 4.0 MiB", "nothing is lost"}},
		"Redis is out of memory, by its own count not yet": {func(_ *testing.T, w *world) {
			w.redisSays(oom, 4<<20, 4<<20, "noeviction", 0)
		}, "redis", "memory", []string{"out of memory and refuses what is written", "4.0 MiB are used of 4.0 MiB"}},
		"Redis is out of memory, and that is all it says": {func(_ *testing.T, w *world) {
			w.redisSays(oom, 0, 0, "", 0)
		}, "redis", "memory", []string{"OOM command not allowed when used memory > 'maxmemory'"}},
		"Redis is nearly out of memory": {func(_ *testing.T, w *world) {
			w.redisSays("", 3800<<10, 4<<20, "noeviction", 0)
		}, "redis", "memory", []string{"nearly out of memory: 3.7 MiB are used of 4.0 MiB"}},
		"a node of a Redis Cluster is nearly out of memory": {func(t *testing.T, w *world) {
			w.redisSays("", 3800<<10, 4<<20, "noeviction", 0)
			cluster := redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{w.mini.Addr()}})
			t.Cleanup(func() { _ = cluster.Close() })
			w.opts.Redis = cluster
		}, "redis", "memory", []string{"nearly out of memory: 127.0.0.1:", ": 3.7 MiB are used of 4.0 MiB"}},
		"Redis would evict": {func(_ *testing.T, w *world) {
			w.redisSays("", 1<<20, 4<<20, "volatile-lru", 0)
		}, "redis", "eviction", []string{"maxmemory-policy volatile-lru", "notifications come twice"}},
		"Redis evicts": {func(_ *testing.T, w *world) {
			w.redisSays("", 4<<20+100, 4<<20, "allkeys-lfu", 7)
		}, "redis", "eviction", []string{"maxmemory-policy allkeys-lfu", "the views", "has evicted 7 keys"}},
		"Redis is a replica": {func(_ *testing.T, w *world) {
			w.redisSays("READONLY You can't write against a read only replica.", 1<<20, 0, "noeviction", 0)
		}, "redis", "writes", []string{"READONLY"}},
		"the views are incomplete": {func(_ *testing.T, w *world) {
			w.mini.Del(schemas.ViewsCompleteKey)
			w.mini.HDel(schemas.ViewsReadyKey, "crm.accounts/0")
		}, "redis", "views", []string{"not complete", "missing of crm.accounts"}},
		"the views are behind": {func(_ *testing.T, w *world) {
			w.opts.Behind = 0
			w.mini.HSet(schemas.ViewsOffsetsKey, "slack.installations/0", "id:0")
		}, "redis", "views", []string{"1 records of slack.installations wait"}},
		"ClickHouse is away": {func(t *testing.T, w *world) {
			opts := database()
			opts.Addr = []string{closedPort(t)}
			w.opts.ClickHouse = opts
		}, "clickhouse", "reachable", []string{"ClickHouse does not answer at clickhouse"}},
		"a migration is missing": {func(t *testing.T, w *world) {
			w.exec("CREATE TABLE kept AS schema_migrations")
			w.exec("INSERT INTO kept SELECT * FROM schema_migrations FINAL")
			w.exec("TRUNCATE TABLE schema_migrations")
			w.exec("INSERT INTO schema_migrations SELECT * FROM kept WHERE name < '0007'")
			t.Cleanup(func() {
				w.exec("INSERT INTO schema_migrations SELECT * FROM kept WHERE name >= '0007'")
				w.exec("DROP TABLE kept")
			})
		}, "clickhouse", "schema", []string{"migration 0007_notification_log: apply"}},
		"a table was changed by hand": {func(t *testing.T, w *world) {
			w.exec("ALTER TABLE messages ADD COLUMN mood String")
			t.Cleanup(func() { w.exec("ALTER TABLE messages DROP COLUMN mood") })
		}, "clickhouse", "schema", []string{"mood that is not declared"}},
		"the token was revoked": {func(t *testing.T, w *world) {
			w.must(w.slack.Revoke(t.Context(), w.team.ID, w.app.ID))
		}, "slack", "token", []string{"Slack refuses the token of Acme"}},
		"a scope is missing": {func(t *testing.T, w *world) {
			w.must(w.slack.Uninstall(t.Context(), w.team.ID, w.app.ID))
			var err error
			w.install, err = w.slack.Install(t.Context(), w.team.ID, slacksim.InstallRequest{App: w.app.ID, Scopes: append(schemas.NotificationScopes(), schemas.ChannelSyncScopes()[1:]...)})
			w.must(err)
			w.installed()
			w.views()
		}, "slack", "scopes", []string{"does not grant channels:read"}},
		"Slack is away": {func(t *testing.T, w *world) { w.opts.SlackAPI = "http://" + closedPort(t) + "/api/" }, "slack", "reachable", []string{"Slack's Web API does not answer"}},
		"Slack has an error": {func(t *testing.T, w *world) {
			_, err := w.slack.AddFault(t.Context(), slacksim.Fault{Kind: slacksim.FaultAPIStatus, Status: 503})
			w.must(err)
		}, "slack", "reachable", []string{"HTTP status 503"}},
		"the signing secret is wrong": {func(_ *testing.T, w *world) {
			w.metrics = `backchannel_ingest_requests_total{result="forged"} 12` + "\n"
		}, "slack", "signature", []string{"All of the 12 requests", "another secret"}},
		"no events come": {func(t *testing.T, w *world) {
			w.exec("INSERT INTO sync_coverage (org_id, team_id, channel_id, started_at, version) VALUES ('acme', '" + string(w.team.ID) + "', 'C1', now() - INTERVAL 1 DAY, 1)")
			w.exec("INSERT INTO message_origins (org_id, team_id, channel_id, ts_time, live) VALUES ('acme', '" + string(w.team.ID) + "', 'C1', now() - INTERVAL 3 HOUR, 1), ('acme', '" + string(w.team.ID) + "', 'C1', now() - INTERVAL 2 HOUR, 0)")
			t.Cleanup(func() { w.exec("TRUNCATE TABLE sync_coverage"); w.exec("TRUNCATE TABLE message_origins") })
		}, "slack", "events", []string{"Slack sends no events of Acme", "found 1 messages"}},
		"no key set": {func(_ *testing.T, w *world) {
			w.opts.Tokens, w.opts.TokensErr = nil, errors.New("no key set is configured")
		}, "slack", "keys", []string{"no key set is configured"}},
		"another key set":                      {func(t *testing.T, w *world) { w.opts.Tokens = sealer(t) }, "slack", "keys", []string{"The token of Acme", "cannot be opened"}},
		"a process waits":                      {func(_ *testing.T, w *world) { w.opts.Ingest = waiting(w) }, "slack", "ready", []string{"waits for socketmode: one of the ten connections"}},
		"the mail server is away":              {func(t *testing.T, w *world) { w.opts.Mail = w.mailAt(closedPort(t), "secret") }, "mail", "server", []string{"The mail server does not answer"}},
		"the mail password is wrong":           {func(_ *testing.T, w *world) { w.opts.Mail = w.mailServer("wrong", "CRAM-MD5") }, "mail", "server", []string{"refuses the user name or password: code 535"}},
		"the mail server offers no safe login": {func(_ *testing.T, w *world) { w.opts.Mail = w.mailServer("secret", "PLAIN") }, "mail", "server", []string{"no way to log in that is safe"}},
		"the clock is off": {func(_ *testing.T, w *world) {
			w.opts.Now = func() time.Time { return time.Now().Add(-7 * time.Minute) }
		}, "clock", "skew", []string{"This machine's clock is 7m0s behind that of Slack, Redis, ClickHouse"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			tt.breaks(t, w)
			lines := w.run()
			bad := failed(lines)
			if len(bad) != 1 || bad[0].Area != tt.area || bad[0].Check != tt.check || !says(bad[0], tt.fact...) {
				t.Errorf("want one line of %s %s with %q, got\n%s", tt.area, tt.check, tt.fact, printed(lines))
			}
			for _, l := range lines {
				if strings.Contains(l.Fact+l.Next, "secret@") || strings.Contains(l.Fact, w.install.Token) {
					t.Errorf("a secret is told: %+v", l)
				}
			}
		})
	}
}

// oom is how Redis refuses a write (redis.io/docs/latest/develop/reference/eviction).
const oom = "OOM command not allowed when used memory > 'maxmemory'."

// redisSays makes Redis answer writes with an error, unless it is empty, and INFO with this. Without a policy it says nothing of its memory.
func (w *world) redisSays(refusal string, used, limit int64, policy string, evicted int) {
	w.mini.Server().SetPreHook(func(c *server.Peer, cmd string, _ ...string) bool {
		switch {
		case cmd == "SET" && refusal != "":
			c.WriteError(refusal)
		case cmd == "INFO" && policy != "":
			c.WriteBulk(fmt.Sprintf("# Memory\r\nused_memory:%d\r\nused_memory_human:3M\r\nmaxmemory:%d\r\nmaxmemory_policy:%s\r\n\r\n# Stats\r\nevicted_keys:%d\r\n", used, limit, policy, evicted))
		default:
			return false
		}
		return true
	})
}

func printed(lines []Line) string {
	var out bytes.Buffer
	for _, l := range lines {
		Print(&out, l)
	}
	return out.String()
}

func waiting(w *world) string {
	ours := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, _ *http.Request) {
		out.WriteHeader(http.StatusServiceUnavailable)
		_, _ = out.Write([]byte("waiting for socketmode: one of the ten connections that Slack allows an app\n"))
	}))
	w.t.Cleanup(ours.Close)
	return ours.URL
}

// A person's and a channel's troubles, by the product page's lists, decided as the pipeline decides.
func TestAPersonAndAChannel(t *testing.T) {
	preferring := func(choice schemas.ChannelPreference) func(*world) {
		return func(w *world) {
			w.put(schemas.ViewOrgPreferences(org), "ada", schemas.Preferences{OrgID: org, UserID: "ada", Types: map[schemas.NotificationType]schemas.ChannelPreference{ready: choice}})
		}
	}
	room := func(c schemas.SlackChannel) func(*world) {
		return func(w *world) {
			c.OrgID, c.TeamID, c.ChannelID, c.Name = org, w.team.ID, channel, "globex"
			w.put(schemas.ViewTeamChannels(w.team.ID), string(channel), c)
		}
	}
	for name, tt := range map[string]struct {
		breaks func(*world)
		area   string
		check  diagnose.ID // empty: nothing is wrong
		fact   string
	}{
		"a person, and all is well": {func(*world) {}, "person", "", ""},
		"the emails do not match": {func(w *world) {
			w.slackUser("ada.okafor@acme.example")
		}, "person", diagnose.UserMatched, "Slack has Ada (U1) as ada.okafor@acme.example"},
		"the person is disabled": {func(w *world) {
			w.put(schemas.ViewOrgUsers(org), "ada", schemas.DirectoryUser{OrgID: org, UserID: "ada", Name: "Ada", Email: "ada@acme.example", Disabled: true})
		}, "person", diagnose.UserMatched, "Ada is disabled"},
		"the type is off":            {preferring(schemas.PreferOff), "person", diagnose.TypeEnabled, "is turned off, by the person's own choice"},
		"the type comes by email":    {preferring(schemas.PreferEmail), "person", diagnose.ChannelHasSlack, "The channel is email"},
		"a channel, and all is well": {func(*world) {}, "channel", "", ""},
		"the app is not in it":       {room(schemas.SlackChannel{}), "channel", diagnose.AppInChannel, "The app is not in #globex"},
		"it is archived":             {room(schemas.SlackChannel{IsMember: true, IsArchived: true}), "channel", diagnose.AppInChannel, "#globex is archived"},
		"it is private and not seen": {func(w *world) { w.mini.HDel(schemas.ViewTeamChannels(w.team.ID), string(channel)) }, "channel", diagnose.AppInChannel, "The app is not in channel C1 of Acme"},
		"it is not linked": {func(w *world) {
			w.mini.HDel(schemas.ViewTeamAssociations(w.team.ID), string(channel))
			w.mini.HSet(schemas.ViewOrgAccountEntries(org), "a1", "x")
		}, "channel", diagnose.ChannelAssociated, "is not linked to an account"},
		"its account is gone": {func(w *world) { w.mini.HDel(schemas.ViewOrgAccounts(org), "a1") }, "channel", diagnose.CRMRecordsExist, "Account a1"},
		"sync is not authorised": {func(w *world) {
			w.record.Scopes = schemas.NotificationScopes()
			w.put(schemas.ViewTeamInstall(w.team.ID), schemas.FieldInstallation, w.record)
		}, "channel", diagnose.SyncAuthorised, "for notifications only"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			tt.breaks(w)
			bad := failed(w.list(t, tt.area))
			if tt.check == "" && len(bad) > 0 || tt.check != "" && (len(bad) != 1 || bad[0].Check != string(tt.check) || !says(bad[0], tt.fact)) {
				t.Errorf("%+v, want %s with %q", bad, tt.check, tt.fact)
			}
		})
	}
}

// list finds whom or what is meant, and goes through its list.
func (w *world) list(t *testing.T, area string) []Line {
	t.Helper()
	examiner := diagnose.Examiner{Redis: w.opts.Redis, Verdicts: verdict.By(w.opts.Redis, time.Now), Now: time.Now}
	if area == "person" {
		to := schemas.Recipient{Email: "ada@acme.example"}
		found, err := OrgOf(t.Context(), w.opts.Redis, to)
		w.must(err)
		checks, err := examiner.Person(t.Context(), found, to, ready)
		w.must(err)
		return Checks(area, "ada", checks)
	}
	team, err := TeamOf(t.Context(), w.opts.Redis, channel)
	w.must(err)
	checks, err := examiner.Channel(t.Context(), org, team, channel)
	w.must(err)
	return Checks(area, "C1", checks)
}

func TestWhoIsMeant(t *testing.T) {
	w := newWorld(t)
	w.put(schemas.ViewOrgUsers("globex"), "ben", schemas.DirectoryUser{OrgID: "globex", UserID: "ben"})
	w.put(schemas.ViewTeamInstall("T9"), schemas.FieldInstallation, schemas.Installation{OrgID: "globex", TeamID: "T9"})
	if found, err := OrgOf(t.Context(), w.opts.Redis, schemas.Recipient{UserID: "ben"}); err != nil || found != "globex" {
		t.Errorf("%s, %v", found, err)
	}
	if _, err := OrgOf(t.Context(), w.opts.Redis, schemas.Recipient{Email: "nobody@acme.example"}); err == nil || !strings.Contains(err.Error(), "--org") {
		t.Errorf("%v", err)
	}
	if _, err := TeamOf(t.Context(), w.opts.Redis, "C9"); err == nil || !strings.Contains(err.Error(), "--team") {
		t.Errorf("%v", err)
	}
	w.put(schemas.ViewTeamChannels("T9"), string(channel), schemas.SlackChannel{OrgID: "globex", TeamID: "T9", ChannelID: channel})
	if _, err := TeamOf(t.Context(), w.opts.Redis, channel); err == nil || !strings.Contains(err.Error(), "several workspaces") {
		t.Errorf("%v", err)
	}
}

func TestConfiguration(t *testing.T) {
	nothing := func(string) (string, bool) { return "", false }
	_, err := config.Load(map[string]string{"http-addr": "nowhere", "kafka-sasl": "magic"}, nothing, "")
	if bad := failed(Configuration(nil, err)); len(bad) != 2 || !says(bad[0], "Http-addr", "want host:port") {
		t.Errorf("%+v", bad)
	}
	c, err := config.Load(nil, nothing, "")
	if err != nil {
		t.Fatal(err)
	}
	lines := Configuration(c, nil)
	if len(failed(lines)) > 0 || len(lines) != 4 {
		t.Errorf("%+v", lines)
	}
}

// The last event of a quiet workspace lies further back than what is looked at: ingest has noted when it came.
func TestWhenAWorkspaceWasHeardOf(t *testing.T) {
	w := newWorld(t)
	w.must(w.mini.Set(schemas.HeardKey(w.team.ID), "2026-03-04T12:00:00Z"))
	if out := printed(w.run()); !strings.Contains(out, "the last event came at 2026-03-04T12:00:00Z") {
		t.Error(out)
	}
}

func TestItEndsWhenItIsToldTo(t *testing.T) {
	w := newWorld(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := Run(ctx, w.opts, func(Line) {}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}
