//go:build bench

package bench

import (
	"cmp"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/deploy/apply"
	"github.com/bigmind/backchannel/deploy/realengines"
	"github.com/bigmind/backchannel/schemas"
	chsink "github.com/bigmind/backchannel/sinks/clickhouse"
)

// TestBenchContext asks the six common questions of BENCH_MESSAGES messages in two years, half of them of one organization, in 2,000 channels, with threads,
// edits and deletions; warm, each time of another account, channel, thread or word. Beside it: what a message takes on the disk, and the engine's CPU to take
// rows in and merge them, against a bare table of the same columns. It goes through ClickHouse's engine alone: no Kafka, no sink.
func TestBenchContext(t *testing.T) {
	n := setting("BENCH_MESSAGES", 5_000_000)
	addr := realengines.StartClickHouse(t).Addr()
	opts := &clickhouse.Options{Protocol: clickhouse.HTTP, Addr: []string{addr}, ReadTimeout: 10 * time.Minute, Auth: clickhouse.Auth{Database: "backchannel"}}
	if _, err := apply.ClickHouse(t.Context(), opts, false); err != nil {
		t.Fatal(err)
	}
	b := bench{t: t, url: "http://" + addr + "/?database=backchannel"}
	b.load(addr, n) // while the engine has nothing else to do
	started := time.Now()
	b.controls()
	for from := 0; from < n; from += loadRows {
		b.run(said(from, min(loadRows, n-from), n, version{}))
	}
	b.run(said(0, n, n, former))
	b.run(said(0, n, n, edits))
	b.run(said(0, n, n, deletions))
	fmt.Printf("\n%d messages, 3%% of them edited, 1%% deleted, in %s\n\n", n, time.Since(started).Round(time.Second))
	b.sizes(n)
	fmt.Printf("%-34s %8s %8s %9s %12s %9s %8s\n", "warm", "p50 ms", "p95 ms", "CPU ms", "rows read", "returned", "ratio")
	for _, q := range common {
		b.ask(q)
	}
}

const (
	loadRows  = 500_000
	sinkBatch = 50_000 // clickhouse-batch
	rooms     = 2000   // half of them of org-0, the others of fifty organizations
	// vocabulary is of common words; beside them are rare ones.
	vocabulary = `splitByChar(' ', 'the import did finish overnight yes million rows rejects we need sso before legal signs is that on your side or ours security team asks for report and pen test summary can move go live date marketing wants announcement first dashboard shows nothing known issue fixed rolling out this afternoon price quote please budget approved seats from january could you join steering committee thursday here checklist blocked firewall addresses contract renewal discount onboarding training webhook latency invoice champion procurement pilot rollout staging production incident postmortem roadmap feature request priority customer success')`
	of         = `if(c < 1000, 'org-0', concat('org-', toString(1 + intDiv(c - 1000, 20))))`
)

// version is what messages that fulfil a condition said, or that they were deleted, after some seconds.
type version struct {
	condition                 string
	after                     int
	prefix                    string
	edited, reworded, deleted bool
}

// An edit is inserted with what it replaces, as the sink does.
var (
	former    = version{condition: "h % 33 = 0", after: 3599, reworded: true}
	edits     = version{condition: "h % 33 = 0", after: 3600, prefix: "edited ", edited: true, reworded: true}
	deletions = version{condition: "h % 100 = 3", after: 7200, deleted: true}
)

// said inserts a version of messages from…from+count of n, in two years up to now.
func said(from, count, n int, v version) string {
	return "INSERT INTO messages (" + saidColumns + ")" + rowsOf(from, count, n, v) + "\nSETTINGS max_partitions_per_insert_block = 0"
}

const saidColumns = "org_id, team_id, channel_id, ts, ts_time, version, thread_ts, user_id, author_name, author_email, is_external, text, edited_ts, account_id, source, received_at, is_deleted, reworded"

// rowsOf selects them.
func rowsOf(from, count, n int, v version) string {
	edited := "''"
	if v.edited {
		edited = fmt.Sprintf("ts_of(micros(n) + %d * 1000000)", v.after)
	}
	return fmt.Sprintf(`
WITH %[1]s AS words, %[2]s AS org, toUnixTimestamp(today()) - 63072000 AS began, toInt64(63072000000000 / %[5]d) AS step,
    (x -> toInt64(began) * 1000000 + toInt64(x) * step) AS micros, (x -> concat(toString(intDiv(x, 1000000)), '.', leftPad(toString(x %% 1000000), 6, '0'))) AS ts_of
SELECT org, concat('T-', org), concat('C', toString(c)), ts_of(micros(n)), fromUnixTimestamp64Micro(micros(n), 'UTC'), toUInt64(micros(n)) + %[6]d * 1000000,
    if(k %% 5 > 0 AND h %% 10 < 6, ts_of(micros(n - (k %% 5) * %[7]d)), ''), concat('U', toString(h %% 40)), concat('Person ', toString(h %% 40)), concat('p', toString(h %% 40), '@example.com'), h %% 40 < 12,
    concat('%[8]s', arrayStringConcat(arrayMap(i -> words[1 + cityHash64(n, i) %% length(words)], range(6 + h %% 14)), ' '), if(h %% 1000 = 7, ' outage', ''), ' T-', toString(h %% 50000)),
    %[9]s, 'then', 'live', fromUnixTimestamp64Milli(intDiv(micros(n), 1000) + 300, 'UTC'), %[10]t, %[11]t
FROM (SELECT number AS n, n %% %[7]d AS c, intDiv(n, %[7]d) AS k, cityHash64(n, 1) AS h FROM numbers(%[3]d, %[4]d)) WHERE %[12]s`,
		vocabulary, of, from, count, n, v.after, rooms, v.prefix, edited, v.deleted, v.reworded, cmp.Or(v.condition, "1"))
}

type bench struct {
	t   *testing.T
	url string
}

// run answers a statement.
func (b bench) run(sql string) string {
	b.t.Helper()
	response, err := http.Post(b.url, "text/plain", strings.NewReader(sql))
	if err != nil {
		b.t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		b.t.Fatalf("%.300s: %d %.800s %v", sql, response.StatusCode, body, err)
	}
	return strings.TrimSuffix(string(body), "\n")
}

// selected is how many rows the engine has read from tables so far.
func (b bench) selected() int {
	b.t.Helper()
	n, err := strconv.Atoi(b.run("SELECT value FROM system.events WHERE event = 'SelectedRows'"))
	if err != nil {
		b.t.Fatal(err)
	}
	return n
}

func (b bench) controls() {
	channels := fmt.Sprintf("(SELECT number AS c, %s AS org FROM numbers(%d))", of, rooms)
	for _, sql := range []string{
		"INSERT INTO channel_associations (org_id, team_id, channel_id, account_id, version) SELECT org, concat('T-', org), concat('C', toString(c)), concat('a', toString(c % 200)), 1 FROM " + channels,
		"INSERT INTO slack_channels (org_id, team_id, channel_id, name, version) SELECT org, concat('T-', org), concat('C', toString(c)), concat('room-', toString(c)), 1 FROM " + channels,
		"INSERT INTO accounts (org_id, account_id, name, version) SELECT DISTINCT org, concat('a', toString(c % 200)), concat('Account ', toString(c % 200)), 1 FROM " + channels,
		"INSERT INTO slack_users (org_id, team_id, user_id, name, email, is_external, company_name, version) SELECT DISTINCT org, concat('T-', org), concat('U', toString(u)), concat('Person ', toString(u)), concat('p', toString(u), '@example.com'), u < 12, if(u < 12, 'Customer', ''), 1 FROM " + channels + " ARRAY JOIN range(40) AS u",
		"INSERT INTO directory_users (org_id, user_id, email, version) SELECT DISTINCT org, concat('u', toString(u)), concat('p', toString(u), '@example.com'), 1 FROM " + channels + " ARRAY JOIN range(12, 40) AS u",
	} {
		b.run(sql)
	}
}

// sizes says what a message takes on the disk, after merges, next to its JSON on the topic.
func (b bench) sizes(n int) {
	for _, table := range []string{"messages", "message_texts", "message_origins"} {
		b.run("OPTIMIZE TABLE " + table + " FINAL")
		size := b.run("SELECT sum(bytes_on_disk) FROM system.parts WHERE active AND database = 'backchannel' AND table = '" + table + "'")
		bytes, _ := strconv.ParseFloat(size, 64)
		fmt.Printf("%-34s %8.1f bytes a message on disk\n", table, bytes/float64(n))
	}
	size := b.run("SELECT avg(length(formatRowNoNewline('JSONEachRow', org_id, team_id, channel_id, ts, version, thread_ts, user_id, author_name, author_email, is_external, text, edited_ts, account_id, source, received_at))) FROM (SELECT * FROM messages LIMIT 10000)")
	fmt.Printf("%-34s %8s bytes a message; as Slack's event %d\n\n", "the same as JSON", size[:min(5, len(size))], len(envelope(0)))
}

// load is the engine's CPU to take in rows and to merge them, in the sink's batches and in the order in which they were said: with indexes, origins, and what edits
// replaced; and the messages alone into a bare table. Both are in a database of their own, which has nothing else to merge.
func (b bench) load(addr string, n int) {
	const batches = 20
	opts := &clickhouse.Options{Protocol: clickhouse.HTTP, Addr: []string{addr}, ReadTimeout: 10 * time.Minute, Auth: clickhouse.Auth{Database: "load"}}
	if _, err := apply.ClickHouse(b.t.Context(), opts, false); err != nil {
		b.t.Fatal(err)
	}
	b.url = "http://" + addr + "/?database=load"
	const said = batches * sinkBatch * 94 / 100 // beside them 3% are edits, and 3% what those replaced
	b.run("CREATE TABLE same ENGINE = Memory AS SELECT * EXCEPT (inserted_at) FROM messages WHERE 0")
	for _, v := range []version{{}, former, edits} {
		b.run("INSERT INTO same (" + saidColumns + ")" + rowsOf(n-said, said, n, v))
	}
	const asBare = "SELECT * EXCEPT (reworded), now64(3) AS inserted_at FROM batch WHERE NOT (reworded = 1 AND edited_ts = '')"
	type side struct {
		insert             string
		tables             []string
		inserting, merging time.Duration
	}
	bare := &side{insert: "INSERT INTO bare " + asBare, tables: []string{"bare"}}
	ours := &side{insert: "INSERT INTO messages (* EXCEPT (inserted_at)) SELECT * FROM batch", tables: []string{"messages", "message_texts", "message_origins"}}
	b.run("SYSTEM STOP MERGES")
	for i := range batches {
		b.run(fmt.Sprintf("CREATE OR REPLACE TABLE batch ENGINE = Memory AS SELECT * FROM same ORDER BY version LIMIT %d, %d", i*sinkBatch, sinkBatch))
		if i == 0 {
			b.run("CREATE TABLE bare ENGINE = MergeTree PARTITION BY toYYYYMM(ts_time) ORDER BY (org_id, team_id, channel_id, ts) AS " + asBare + " AND 0")
		}
		for _, s := range []*side{bare, ours} {
			before := engineCPU(b.t)
			b.run(s.insert + " SETTINGS max_partitions_per_insert_block = 0, optimize_on_insert = 0, exclude_materialize_skip_indexes_on_insert = 'words, ids'") // as the sink inserts
			s.inserting += engineCPU(b.t) - before
		}
	}
	for _, s := range []*side{bare, ours} {
		before := engineCPU(b.t)
		for _, table := range s.tables {
			b.run("SYSTEM START MERGES " + table)
			b.run("OPTIMIZE TABLE " + table + " FINAL")
		}
		s.merging = engineCPU(b.t) - before
	}
	b.run("SYSTEM START MERGES")
	first, again := b.polled(opts), b.polled(opts)
	b.run("DROP DATABASE load")
	fmt.Printf("%-34s %8s %8s %8s\n", "CPU-s per million rows", "ours", "bare", "ratio")
	for _, row := range []struct {
		name       string
		ours, bare time.Duration
	}{
		{"inserts", ours.inserting, bare.inserting},
		{"inserts, and one merge of all", ours.inserting + ours.merging, bare.inserting + bare.merging},
	} {
		const millions = batches * sinkBatch / 1e6
		fmt.Printf("%-34s %8.2f %8.2f %8.2f\n", row.name, row.ours.Seconds()/millions, row.bare.Seconds()/millions, row.ours.Seconds()/row.bare.Seconds())
	}
	fmt.Printf("%-34s %8.2f\n%-34s %8.2f\n\n", "history, polled", first.Seconds()*1e6/sinkBatch, "history, polled again", again.Seconds()*1e6/sinkBatch)
}

// polled is the engine's CPU to take in, by the sink, a batch of history of fifty channels, 3% of it edited: what each edit replaces is looked for.
func (b bench) polled(opts *clickhouse.Options) time.Duration {
	b.t.Helper()
	conn, err := clickhouse.Open(opts)
	if err != nil {
		b.t.Fatal(err)
	}
	defer conn.Close()
	batch := make([]*kgo.Record, sinkBatch)
	for i := range batch {
		const channels, began = 50, 1_700_000_000_000_000
		m := schemas.ContextMessage{
			OrgID: "org-0", TeamID: "T-org-0", ChannelID: schemas.ChannelID(fmt.Sprintf("C%d", i%channels)), TS: schemas.TSOf(uint64(began + i*20_000_000)), Version: uint64(time.Now().UnixMicro()),
			UserID: "U1", AuthorName: "Person 1", Text: "the import did finish overnight, and the price quote is on its way to legal", AccountID: "a1", Source: "history", ReceivedAt: time.Now(),
		}
		if i%33 == 0 {
			m.EditedTS = schemas.TSOf(uint64(began + i*20_000_000 + 60_000_000))
		}
		batch[i] = &kgo.Record{Topic: schemas.ContextMessages.Name, Value: m.AppendJSON(nil)}
	}
	sink := chsink.Definition(conn, sinkBatch, time.Second).Sink
	before := engineCPU(b.t)
	if result, err := sink.Write(b.t.Context(), batch); err != nil || len(result.Rejected) > 0 {
		b.t.Fatal(result, err)
	}
	return engineCPU(b.t) - before
}

type commonQuestion struct {
	name string
	sql  func(b bench, i int) string
}

// common are the questions that are asked most.
var common = []commonQuestion{
	{"an account's timeline", func(_ bench, i int) string {
		return fmt.Sprintf("SELECT ts_time, channel_name, author_name, text FROM account_conversations(org = 'org-0', account = 'a%d') WHERE ts_time >= now() - INTERVAL 30 DAY ORDER BY ts_time DESC LIMIT 100", i*7%200)
	}},
	{"a thread", func(b bench, i int) string {
		channel := fmt.Sprintf("C%d", i*37%1000)
		root := b.run(fmt.Sprintf("SELECT thread_ts FROM messages WHERE org_id = 'org-0' AND team_id = 'T-org-0' AND channel_id = '%s' AND thread_ts != '' LIMIT 1", channel))
		return fmt.Sprintf("SELECT ts_time, author_name, text FROM thread_conversations(org = 'org-0', team = 'T-org-0', channel = '%s', root = '%s') ORDER BY ts_time", channel, root)
	}},
	{"words in an account", func(_ bench, i int) string {
		return fmt.Sprintf("SELECT ts_time, text FROM account_search(org = 'org-0', account = 'a%d', words = 'outage') ORDER BY ts_time DESC LIMIT 50", i*11%200)
	}},
	{"words in an organization", func(_ bench, i int) string {
		return fmt.Sprintf("SELECT ts_time, account_name, text FROM org_search(org = 'org-0', words = 'renewal %d') ORDER BY ts_time DESC LIMIT 50", i*613%50000)
	}},
	{"an account's activity by week", func(_ bench, i int) string {
		return fmt.Sprintf("SELECT toMonday(ts_time) AS week, count(), uniqExact(user_id) FROM account_conversations(org = 'org-0', account = 'a%d') WHERE ts_time >= now() - INTERVAL 90 DAY GROUP BY week ORDER BY week", i*13%200)
	}},
	{"customers who wait", func(_ bench, i int) string {
		return fmt.Sprintf("SELECT account_name, ts_time, text FROM recent_customer_messages(org = 'org-0', since = now64(3) - INTERVAL %d HOUR) WHERE answered_at IS NULL ORDER BY ts_time LIMIT 100", 48+i%24)
	}},
}

// ask asks a question thirty times, after it was asked five times.
func (b bench) ask(q commonQuestion) {
	const warm, times = 5, 30
	var queries []string
	for i := range warm + times {
		queries = append(queries, q.sql(b, i))
	}
	for _, query := range queries[:warm] {
		b.run(query)
	}
	var took []time.Duration
	returned, read, cpu := 0, b.selected(), engineCPU(b.t)
	for _, query := range queries[warm:] {
		started := time.Now()
		answer := b.run(query)
		took = append(took, time.Since(started))
		if answer != "" {
			returned += 1 + strings.Count(answer, "\n")
		}
	}
	cpu, read = engineCPU(b.t)-cpu, b.selected()-read
	slices.Sort(took)
	p95 := took[times*95/100]
	fmt.Printf("%-34s %8.1f %8.1f %9.1f %12d %9d %8.0f\n", q.name, millis(took[times/2]), millis(p95), millis(cpu)/times, read/times, returned/times, float64(read)/float64(max(returned, 1)))
}

func millis(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// engineCPU is the CPU time of the engine, a child process of this one.
func engineCPU(t *testing.T) time.Duration {
	t.Helper()
	const ticks = 100 // sysconf(_SC_CLK_TCK), on every Linux that Go runs on
	children, err := os.ReadDir("/proc")
	if err != nil {
		t.Fatal(err)
	}
	var sum time.Duration
	for _, c := range children {
		stat, err := os.ReadFile("/proc/" + c.Name() + "/stat")
		if err != nil {
			continue
		}
		fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:])) // from the state on
		if fields[1] != strconv.Itoa(os.Getpid()) {
			continue
		}
		user, _ := strconv.ParseInt(fields[11], 10, 64)
		system, _ := strconv.ParseInt(fields[12], 10, 64)
		sum += time.Duration(user+system) * time.Second / ticks
	}
	return sum
}
