package e2e

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/deploy/realengines"
	"github.com/bigmind/backchannel/deploy/slacksim"
	"github.com/bigmind/backchannel/schemas"
)

// A backup that was made while everything ran, restored into empty engines, answers the same queries, and the system goes on from there. Without the rows of
// ClickHouse, and when Kafka's topics of messages have ended as well, conversations come from Slack's history.
func TestEmbeddedRestore(t *testing.T) {
	p := newEmbedded(t)
	process := p.startAll()
	began := time.Now()
	w := p.build(true)
	first, err := p.slack.Say(t.Context(), w.team, w.channel, w.ada.ID, "the first draft")
	p.must(err)
	_, err = p.slack.Reply(t.Context(), w.team, w.channel, first.TS, w.ben.ID, "an answer")
	p.must(err)
	gone, err := p.slack.Say(t.Context(), w.team, w.channel, w.ben.ID, "soon gone")
	p.must(err)
	p.awaitAnswer("SELECT count() FROM conversations", 3)
	_, err = p.slack.Edit(t.Context(), w.team, w.channel, first.TS, "the final wording")
	p.must(err)
	p.must(p.slack.Delete(t.Context(), w.team, w.channel, gone.TS))
	p.produce("notification.requests", org+"/usr-ada", object{
		"org_id": org, "request_id": "load-1", "type": "coaching.insight", "recipient": object{"user_id": "usr-ada"}, "content": object{"title": "Before"},
	})
	p.awaitAnswer("SELECT count() FROM conversations WHERE text = 'the final wording'", 1)
	p.awaitAnswer("SELECT count() FROM conversations", 2)
	p.awaitAnswer("SELECT count() FROM notification_outcomes FINAL WHERE status = 'delivered'", 1)
	p.awaitAnswer("SELECT count() FROM sync_coverage FINAL WHERE is_complete", 1)
	awaitConsumed(t, p, schemas.NotificationOutcomes.Name, "clickhouse", marker)
	awaitConsumed(t, p, schemas.SyncCheckpoints.Name, "clickhouse", marker)

	p.replayed(began)
	whole, lean := filepath.Join(p.dir, "whole"), filepath.Join(p.dir, "lean")
	before := p.answers(everyQuestion)
	p.succeeds("backup", "--to", whole)
	if _, code := p.command("", "backup", "--to", whole); code == 0 {
		t.Error("a second backup took the folder of the first")
	}
	p.expire(schemas.SlackEvents.Name, schemas.SlackHistory.Name, schemas.ContextMessages.Name)
	p.succeeds("backup", "--to", lean, "--without-tables")
	p.end(process)

	p.prober(w)
	t.Run("with its rows", func(t *testing.T) {
		p.env = append(p.env, "BACKCHANNEL_DATA="+filepath.Join(p.dir, "restored"))
		if out := p.succeeds("restore", "--embedded", "--from", whole); !strings.Contains(out, "the configured keys open the tokens of all 1 workspaces") {
			t.Errorf("the plan is\n%s", out)
		}
		process := p.restored(whole) // into what the plan has left empty
		if diff := cmp.Diff(before, p.answers(everyQuestion)); diff != "" {
			t.Errorf("answers (-before +restored):\n%s", diff)
		}
		if _, code := p.command("", "restore", "--from", whole, "--yes", "--overwrite"); code != 1 {
			t.Errorf("a restore while components run: exit code %d", code)
		}
		_, err := p.slack.Say(t.Context(), w.team, w.channel, w.ada.ID, "said afterwards")
		p.must(err)
		p.awaitAnswer("SELECT count() FROM conversations", 3)
		p.produce("notification.requests", org+"/usr-ada", object{
			"org_id": org, "request_id": "load-2", "type": "coaching.insight", "recipient": object{"user_id": "usr-ada"}, "content": object{"title": "After"},
		})
		p.awaitAnswer("SELECT count() FROM notification_outcomes FINAL WHERE status = 'delivered'", 2)
		if out := p.succeeds("probe", "--once"); strings.Count(out, "✓") != 3 {
			t.Errorf("the probe says\n%s", out)
		}
		p.awaitAnswer("SELECT count() FROM conversations", 3) // nothing of it stays
		for delivery, n := range posts(t, p, w) {
			if n != 1 {
				t.Errorf("delivery %s was posted %d times", delivery, n)
			}
		}
		p.end(process)
	})
	t.Run("from Slack", func(t *testing.T) {
		if testing.Short() {
			t.Skip("it takes a third start of all engines")
		}
		p.env = append(p.env, "BACKCHANNEL_DATA="+filepath.Join(p.dir, "restored-lean"))
		process := p.restored(lean)
		p.awaitAnswer("SELECT count() FROM conversations", 3) // what was said since comes from the same place
		const after = " WHERE text != 'said afterwards'"
		p.awaitAnswer("SELECT count() FROM conversations WHERE text IN ('the final wording', 'an answer') AND account_name = 'Acme Corp'", 2)
		p.awaitAnswer("SELECT count() FROM conversations"+after, 2)
		if diff := cmp.Diff(before["outcomes"], p.answers(everyQuestion)["outcomes"]); diff != "" {
			t.Errorf("outcomes (-before +restored):\n%s", diff)
		}
		p.env = append(p.env, "BACKCHANNEL_PROBE_CHANNEL="+string(w.private)) // it is not associated
		if out, code := p.command("", "probe", "--once", "--timeout", "2s"); code != 1 || !strings.Contains(out, "row      ✗ not within 2s: there are 0 rows of the message") {
			t.Errorf("a probe of a channel that is not associated: exit code %d\n%s", code, out)
		}
		p.end(process)
	})
}

// prober prepares what 'backchannel probe' needs: an app of its own in the channels, and a token that reads the direct messages of the app that is probed.
func (p *pipeline) prober(w *world) {
	p.t.Helper()
	ctx := p.t.Context()
	app, err := p.slack.CreateApp(ctx, slacksim.App{Name: "Probe", SigningSecret: "of the probe"})
	p.must(err)
	in, err := p.slack.Install(ctx, w.team, slacksim.InstallRequest{App: app.ID, Scopes: []string{"chat:write"}})
	p.must(err)
	reader, err := p.slack.Install(ctx, w.team, slacksim.InstallRequest{App: w.app.ID, Scopes: []string{"im:history"}})
	p.must(err)
	for _, channel := range []slacksim.ChannelID{w.channel, w.private} {
		p.must(p.slack.Invite(ctx, w.team, channel, w.ada.ID, in.BotUserID))
	}
	p.env = append(p.env, "BACKCHANNEL_PROBE_ORG="+org, "BACKCHANNEL_PROBE_CHANNEL="+string(w.channel), "BACKCHANNEL_PROBE_USER=usr-ada",
		"BACKCHANNEL_PROBE_TOKEN="+in.Token, "BACKCHANNEL_PROBE_DM_TOKEN="+reader.Token)
}

// replayed replays what Slack sent into a shadow, which comes out as the live tables are, and makes it the live one. Answers are the same then.
func (p *pipeline) replayed(from time.Time) {
	p.t.Helper()
	before := p.answers(map[string]string{"conversations": everyQuestion["conversations"], "versions": everyQuestion["versions"]})
	p.succeeds("replay", "--topic", "slack.events", "--from", from.UTC().Format(time.RFC3339), "--into", "shadow")
	if out := p.succeeds("replay", "compare"); !strings.Contains(out, "0 only live, 0 only in the shadow, 0 differ;") {
		p.t.Errorf("the comparison is\n%s", out)
	}
	p.succeeds("replay", "switch")
	after := p.answers(map[string]string{"conversations": everyQuestion["conversations"], "versions": everyQuestion["versions"]})
	if diff := cmp.Diff(before, after); diff != "" {
		p.t.Errorf("answers (-before +switched):\n%s", diff)
	}
	p.succeeds("replay", "drop")
}

// everyQuestion are queries of which the answers must be the same.
var everyQuestion = map[string]string{
	"conversations": "SELECT * EXCEPT (source, received_at) FROM conversations ORDER BY org_id, ts", // polled too, it is the same version
	"versions":      "SELECT * FROM message_versions ORDER BY ALL",
	"outcomes":      "SELECT org_id, request_id, status, reason, channel FROM notification_outcomes ORDER BY ALL",
	"log":           "SELECT * FROM notification_log ORDER BY ALL",
	"periods":       "SELECT * FROM association_periods ORDER BY ALL",
	"associations":  "SELECT * FROM current_associations ORDER BY ALL",
	"accounts":      "SELECT org_id, account_id, name FROM accounts ORDER BY ALL",
	"people":        "SELECT org_id, user_id, email, disabled FROM directory_users ORDER BY ALL",
	"coverage":      "SELECT org_id, channel_id, window_start FROM sync_coverage ORDER BY ALL",
}

func (p *pipeline) answers(questions map[string]string) map[string]string {
	p.t.Helper()
	all := map[string]string{}
	for name, sql := range questions {
		out, code := p.command("", "query", sql, "--format", "json")
		if code != 0 || out == "" {
			p.t.Fatalf("%s: exit code %d, %q", name, code, out)
		}
		all[name] = out
	}
	return all
}

func (p *pipeline) awaitAnswer(sql string, want uint64) {
	p.t.Helper()
	eventually(p.t, within, func() error {
		var n uint64
		if err := p.sql([]any{&n}, sql); err != nil {
			return err
		}
		if n != want {
			return fmt.Errorf("%s: %d, want %d", sql, n, want)
		}
		return nil
	})
}

func (p *pipeline) succeeds(args ...string) string {
	p.t.Helper()
	out, code := p.command("", args...)
	if code != 0 {
		p.t.Fatalf("%v: exit code %d\n%s", args, code, out)
	}
	return out
}

// restored starts the system on empty engines that a backup was restored into.
func (p *pipeline) restored(from string) *realengines.Process {
	p.t.Helper()
	p.succeeds("restore", "--embedded", "--from", from, "--yes")
	process := p.startAll()
	client, err := kgo.NewClient(p.kafka.Opts()...) // the former knows topics by their former ids
	p.must(err)
	p.t.Cleanup(client.Close)
	p.kafka = client
	return process
}

func (p *pipeline) end(process *realengines.Process) {
	p.t.Helper()
	process.Terminate()
	if code := process.Wait(time.Minute); code != 0 {
		p.t.Fatalf("after SIGTERM it ended with exit code %d", code)
	}
}

// expire ends what topics hold, as their retention does.
func (p *pipeline) expire(topics ...string) {
	p.t.Helper()
	admin := kadm.NewClient(p.kafka)
	ends, err := admin.ListEndOffsets(p.t.Context(), topics...)
	p.must(errors.Join(err, ends.Error()))
	answer, err := admin.DeleteRecords(p.t.Context(), ends.Offsets())
	p.must(errors.Join(err, answer.Error()))
}
