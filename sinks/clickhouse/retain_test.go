package clickhouse

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	conn "github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/schemas"
	"github.com/bigmind/backchannel/sinks/retention"
)

// kept is an organization that keeps messages for 30 days, former wordings for 10, and those of dissociated channels for 5; and one that keeps everything.
// What has to go has a mark in its text.
func kept(t *testing.T) []*kgo.Record {
	t.Helper()
	const day = 24 * time.Hour
	now := time.Now()
	var all []*kgo.Record
	say := func(org schemas.OrgID, team schemas.TeamID, channel schemas.ChannelID, id string, ago, edited, deleted time.Duration, texts ...string) {
		m := schemas.ContextMessage{OrgID: org, TeamID: team, ChannelID: channel, TS: schemas.TSOf(uint64(now.Add(-ago).UnixMicro())), UserID: "U1", AuthorName: id, Source: "live", ReceivedAt: now.Add(-ago)}
		for i, text := range texts {
			m.Text, m.Version = id+" "+text, uint64(now.Add(-ago).UnixMicro())
			if i > 0 {
				m.Version = uint64(now.Add(-edited).UnixMicro())
				m.EditedTS = schemas.TSOf(m.Version)
			}
			all = append(all, message(t, m))
		}
		if deleted > 0 {
			all = append(all, message(t, schemas.ContextMessage{OrgID: org, TeamID: team, ChannelID: channel, TS: m.TS, Version: uint64(now.Add(-deleted).UnixMicro()), Deleted: true, Source: "live"}))
		}
	}
	settings := record(t, schemas.OrgsSettings.Spec, "acme", schemas.OrgSettings{OrgID: "acme", Retention: &schemas.Retention{MessageDays: 30, VersionDays: 10, DissociatedDays: 5}})
	all = append(all, settings, associate(t, 1, "acme", "T1", "C1", "a1", ""), associate(t, 2, "acme", "T1", "C2", "a1", ""), associate(t, 3, "acme", "T1", "C3", "a1", ""), associate(t, 4, "globex", "T2", "C1", "a1", ""))
	for i, gone := range []struct {
		channel schemas.ChannelID
		ago     time.Duration
	}{{"C2", 10 * day}, {"C3", 2 * day}} {
		r := associate(t, int64(10+i), "acme", "T1", gone.channel, "", "")
		r.Timestamp = now.Add(-gone.ago)
		all = append(all, r)
	}
	say("acme", "T1", "C1", "old", 60*day, 5*day, 0, "MARK", "MARK still")
	say("acme", "T1", "C1", "recent", 20*day, 0, 0, "stays")
	say("acme", "T1", "C1", "reworded", 26*day, 20*day, 0, "MARK", "stays")
	say("acme", "T1", "C1", "rewordedlately", 25*day, 3*day, 0, "stays", "stays too")
	say("acme", "T1", "C1", "deleted", 4*day, 3*day, 2*day, "MARK", "MARK still")
	say("acme", "T1", "C2", "dissociated", 12*day, 9*day, 0, "MARK", "MARK still")
	say("acme", "T1", "C3", "dissociatedlately", 12*day, 0, 0, "stays")
	say("globex", "T2", "C1", "others", 900*day, 800*day, 0, "stays", "stays too")
	return all
}

// stored are the texts that lie in a table, answers or not.
func stored(t *testing.T, c conn.Conn, table string) []string {
	t.Helper()
	return rows(t, c, "SELECT DISTINCT text FROM "+table+" WHERE text != ''")
}

func TestRetention(t *testing.T) {
	t.Parallel()
	c := database(t)
	write := newSink(t, c)
	records := kept(t)
	for _, r := range records { // each by itself: ClickHouse keeps one version of those that come together
		write(r)
	}
	for _, table := range []string{"messages", "message_texts"} {
		exec(t, c, "ALTER TABLE "+table+" MODIFY SETTING old_parts_lifetime = 1")
	}
	answers := func(when string) {
		t.Helper()
		if diff := cmp.Diff([]string{"('others stays too')", "('recent stays')", "('reworded stays')", "('rewordedlately stays too')"}, rows(t, c, "SELECT text FROM conversations")); diff != "" {
			t.Errorf("%s: conversations (-want +got):\n%s", when, diff)
		}
		want := []string{"(1,'others stays')", "(1,'recent stays')", "(1,'reworded stays')", "(1,'rewordedlately stays')", "(2,'others stays too')", "(2,'rewordedlately stays too')"}
		if diff := cmp.Diff(want, rows(t, c, "SELECT number, text FROM message_versions")); diff != "" {
			t.Errorf("%s: versions (-want +got):\n%s", when, diff)
		}
		if got := rows(t, c, "SELECT text FROM org_messages(org = 'acme') WHERE author_name = 'old'"); len(got) > 0 {
			t.Errorf("%s: org_messages has %v", when, got)
		}
	}
	marked := func(tables ...string) (n int) {
		for _, table := range tables {
			for _, text := range stored(t, c, table) {
				if strings.Contains(text, "MARK") {
					n++
				}
			}
		}
		return n
	}
	run := func(dry bool) []retention.Purged {
		t.Helper()
		all, err := retention.Run(t.Context(), retention.Options{ClickHouse: c, Now: time.Now}, dry)
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	answers("before")
	if n := marked("message_texts"); n != 7 || marked("messages") == 0 { // of messages a merge may have been there
		t.Fatalf("%d texts are marked before: the search shows nothing", n)
	}
	shown := run(true)
	if marked("message_texts") != 7 {
		t.Error("a dry run did something")
	}
	for round, when := range []string{"after", "after everything was replayed"} {
		did := run(false)
		var policies []retention.Policy
		for i, p := range did {
			if policies = append(policies, p.Policy); p.Policy != retention.Deleted && p.Org != "acme" {
				t.Errorf("%s: %+v", when, p)
			}
			if round == 0 && (p.Policy != shown[i].Policy || p.Rows != shown[i].Rows) {
				t.Errorf("shown was %+v, deleted %+v", shown[i], p)
			}
		}
		if want := []retention.Policy{"messages", "messages", "messages", "versions", "dissociated", "dissociated", "dissociated", "deleted"}; !slices.Equal(policies, want) {
			t.Errorf("%s: %v, want %v", when, policies, want)
		}
		answers(when)
		if n := marked("messages", "message_texts"); n != 0 {
			t.Errorf("%s: %d marked texts lie there still: %v %v", when, n, stored(t, c, "messages"), stored(t, c, "message_texts"))
		}
		if again := run(false); len(again) > 0 {
			t.Errorf("%s: run again it deleted %+v", when, again)
		}
		if round == 0 {
			for _, r := range records {
				write(r)
			}
			answers("replayed")
		}
	}
	if got := rows(t, c, "SELECT count() FROM retention_log WHERE org_id = 'acme'"); got[0] != "(14)" {
		t.Errorf("retention_log has %s rows", got)
	}
	last, err := retention.Last(t.Context(), c)
	if err != nil || time.Since(last) > time.Hour {
		t.Errorf("the last run was %s, %v", last, err)
	}
	if !testing.Short() { // until ClickHouse has removed the parts takes a minute or two: make test-forget
		nothingOnDisk(t, c, "MARK", "others stays")
	}
}

// nothingOnDisk waits until no file of the engine has a text.
func nothingOnDisk(t *testing.T, c conn.Conn, gone, there string) {
	t.Helper()
	var dir string
	if err := c.QueryRow(t.Context(), "SELECT path FROM system.disks").Scan(&dir); err != nil {
		t.Fatal(err)
	}
	onDisk := func(text string) (found bool) {
		_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error { // parts come and go
			if err == nil && !d.IsDir() {
				content, err := os.ReadFile(path)
				found = found || err == nil && bytes.Contains(content, []byte(text))
			}
			return nil
		})
		return found
	}
	if !onDisk(there) {
		t.Fatalf("%q is not on disk: the search shows nothing", there)
	}
	deadline := time.Now().Add(5 * time.Minute)
	for onDisk(gone) {
		if time.Now().After(deadline) {
			t.Fatalf("%q is on disk still", gone)
		}
		for _, table := range []string{"messages", "message_texts"} { // an idle table looks for old parts every few minutes only
			exec(t, c, "OPTIMIZE TABLE "+table+" FINAL")
		}
		time.Sleep(200 * time.Millisecond)
	}
}

// An organization that says nothing more keeps everything again, which brings nothing back.
func TestRetentionThatEnds(t *testing.T) {
	t.Parallel()
	c := database(t)
	write := newSink(t, c)
	write(kept(t)...)
	if _, err := retention.Run(t.Context(), retention.Options{ClickHouse: c, Now: time.Now}, false); err != nil {
		t.Fatal(err)
	}
	later := record(t, schemas.OrgsSettings.Spec, "acme", schemas.OrgSettings{OrgID: "acme"})
	later.Offset = 100
	write(later)
	if got := rows(t, c, "SELECT count() FROM retention_policies FINAL"); got[0] != "(0)" {
		t.Errorf("%s policies", got)
	}
	if got := rows(t, c, "SELECT count() FROM conversations WHERE org_id = 'acme' AND author_name = 'old'"); got[0] != "(0)" {
		t.Error("a message that was deleted is back")
	}
}
