package deliverylog

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/bigmind/backchannel/deploy/apply/applytest"
	"github.com/bigmind/backchannel/ingest/deliverylog"
	"github.com/bigmind/backchannel/schemas"
)

// manyDeliveries is how many one organization has in the benchmark, over 180 days, so that a page of the default 7 days looks among its share of them.
const manyDeliveries = 1_000_000

// BenchmarkLog asks what the pages of the delivery log ask, of an organization with a million deliveries for 20,000 people. One of a hundred was written
// twice. Without BENCH_CONSOLE it is left out.
func BenchmarkLog(b *testing.B) {
	if os.Getenv("BENCH_CONSOLE") == "" {
		b.Skip("set BENCH_CONSOLE=1, or make bench")
	}
	log, now := manyRows(b), time.Now().UTC()
	var last *deliverylog.Cursor
	for _, page := range []struct {
		name  string
		query deliverylog.Query
	}{
		{"7 days", deliverylog.Query{From: now.AddDate(0, 0, -7)}},
		{"7 days, the next page", deliverylog.Query{From: now.AddDate(0, 0, -7)}},
		{"a year", deliverylog.Query{From: now.AddDate(-1, 0, 0)}},
		{"a year, failed", deliverylog.Query{From: now.AddDate(-1, 0, 0), Status: schemas.Failed}},
		{"a year, a type", deliverylog.Query{From: now.AddDate(-1, 0, 0), Type: "coaching.insight", Channel: schemas.BySlack}},
		{"a year, a person", deliverylog.Query{From: now.AddDate(-1, 0, 0), Recipients: []string{"u0000077", "u0000077@acme.example"}}},
		{"a year, 200 people", deliverylog.Query{From: now.AddDate(-1, 0, 0), Recipients: people(200)}},
		{"a year, a request", deliverylog.Query{From: now.AddDate(-1, 0, 0), Request: "r000000777"}},
		{"a year, nothing", deliverylog.Query{From: now.AddDate(-1, 0, 0), Recipients: []string{"nobody"}}},
	} {
		b.Run(page.name, func(b *testing.B) {
			page.query.Limit = 51
			if page.name == "7 days, the next page" {
				page.query.After = last
			}
			var took []time.Duration
			for b.Loop() {
				began := time.Now()
				found, err := log.Find(b.Context(), "acme", page.query)
				if err != nil {
					b.Fatal(err)
				}
				took = append(took, time.Since(began))
				if want := page.name != "a year, nothing"; want != (len(found) > 0) {
					b.Fatalf("%d entries", len(found))
				}
				if page.name == "7 days" {
					cursor := found[49].Cursor()
					last = &cursor
				}
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "ms-median")
			b.ReportMetric(float64(took[len(took)-1].Microseconds())/1000, "ms-slowest")
			b.ReportMetric(float64(took[0].Microseconds())/1000, "ms-fastest")
		})
	}
}

func people(n int) (ids []string) {
	for i := range n {
		ids = append(ids, fmt.Sprintf("u%07d", i))
	}
	return ids
}

// manyRows fills the log in 20 inserts, as time goes on, so that ClickHouse merges as it does at work.
func manyRows(b *testing.B) ClickHouse {
	b.Helper()
	conn := applytest.Database(b, engineAddr, "deliverylog_bench")
	const inserts = 20
	per := strconv.Itoa(manyDeliveries / inserts)
	for i := range inserts {
		err := conn.Exec(b.Context(), `INSERT INTO notification_log (org_id, request_id, recipient, channel, delivery_id, type, status, reason, rule, choice, considered, attempts, team_id, channel_id, ts, requested_at, routed_at, at, version)
SELECT 'acme', 'r' || leftPad(toString(n), 9, '0'), 'u' || leftPad(toString(cityHash64(n) % 20000), 7, '0'), if(n % 3 = 0, 'email', 'slack'), hex(MD5(toString(n))),
	['alert.important', 'coaching.insight', 'meeting_analysis.ready', 'meeting_digest.daily', 'pipeline.daily_todos'][n % 5 + 1], multiIf(n % 97 = 0, 'failed', n % 11 = 0, 'suppressed', 'delivered'),
	multiIf(n % 97 = 0, 'account_inactive', n % 11 = 0, 'type_off', ''), 'org_type', 'both', ['org_type=both', 'type_default=message'], 1, 'T1', 'D' || toString(n), toString(n),
	ended - 3, ended - 2, ended, toUnixTimestamp64Milli(ended)
FROM (SELECT number + `+strconv.Itoa(i)+` * `+per+` AS n, now64(3, 'UTC') - toIntervalMillisecond(intDiv(180 * 86400000 * (`+strconv.Itoa(manyDeliveries)+` - n), `+strconv.Itoa(manyDeliveries)+`)) AS ended FROM numbers(`+per+`))
ARRAY JOIN if(n % 100 = 1, [0, 1], [0]) AS again`)
		if err != nil {
			b.Fatal(err)
		}
	}
	var n uint64
	if err := conn.QueryRow(b.Context(), "SELECT count() FROM notification_log").Scan(&n); err != nil || n < manyDeliveries {
		b.Fatalf("%d rows, %v", n, err)
	}
	return ClickHouse{Conn: conn}
}
