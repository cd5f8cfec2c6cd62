package deliverylog

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/bigmind/backchannel/deploy/apply/applytest"
	"github.com/bigmind/backchannel/deploy/embedded/chdb/chdbtest"
	"github.com/bigmind/backchannel/ingest/deliverylog"
	"github.com/bigmind/backchannel/schemas"
)

var engineAddr string

func TestMain(m *testing.M) {
	chdbtest.Main(m, func(_ context.Context, addr string) error {
		engineAddr = addr
		return nil
	})
}

var at = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

// filled has requests r0 to r9 of acme, the newest first, a minute apart but for the last three, which ended at once; and one of globex.
func filled(t *testing.T) ClickHouse {
	t.Helper()
	conn := applytest.Database(t, engineAddr, "deliverylog")
	var rows []string
	row := func(org, request, recipient, status, reason string, when time.Time) {
		rows = append(rows, fmt.Sprintf("('%s', '%s', '%s', 'slack', 'alert.important', '%s', '%s', ['org_type=off', 'type_default=both'], 1, %d, %d)", org, request, recipient, status, reason, when.UnixMilli(), when.UnixMilli()))
	}
	for i := range 10 {
		when := at.Add(-time.Duration(min(i, 7)) * time.Minute)
		row("acme", fmt.Sprintf("r%d", i), []string{"ada", "ben@acme.example"}[i%2], []string{"delivered", "suppressed"}[i%2], []string{"", "type_off"}[i%2], when)
	}
	row("globex", "r0", "ada", "delivered", "", at)
	if err := conn.Exec(t.Context(), "INSERT INTO notification_log (org_id, request_id, recipient, channel, type, status, reason, considered, mandatory, at, version) "+
		"SELECT c1, c2, c3, c4, c5, c6, c7, c8, c9, fromUnixTimestamp64Milli(c10, 'UTC'), c11 FROM values('c1 String, c2 String, c3 String, c4 String, c5 String, c6 String, c7 String, c8 Array(String), c9 UInt8, c10 Int64, c11 UInt64', "+strings.Join(rows, ", ")+")"); err != nil {
		t.Fatal(err)
	}
	return ClickHouse{Conn: conn}
}

func TestFind(t *testing.T) {
	log := filled(t)
	find := func(q deliverylog.Query) []deliverylog.Entry {
		t.Helper()
		if q.Limit == 0 {
			q.Limit = 100
		}
		found, err := log.Find(t.Context(), "acme", q)
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	names := func(all []deliverylog.Entry) string {
		var ids []string
		for _, e := range all {
			ids = append(ids, string(e.RequestID))
		}
		return strings.Join(ids, " ")
	}
	for name, tt := range map[string]struct {
		query deliverylog.Query
		want  string
	}{
		"all":          {deliverylog.Query{}, "r0 r1 r2 r3 r4 r5 r6 r7 r8 r9"},
		"a person's":   {deliverylog.Query{Recipients: []string{"ada", "nobody"}}, "r0 r2 r4 r6 r8"},
		"by email":     {deliverylog.Query{Recipients: []string{"ben@acme.example"}}, "r1 r3 r5 r7 r9"},
		"one":          {deliverylog.Query{Request: "r3"}, "r3"},
		"by status":    {deliverylog.Query{Status: schemas.Suppressed, Reason: schemas.TypeOff}, "r1 r3 r5 r7 r9"},
		"by type":      {deliverylog.Query{Type: "none"}, ""},
		"by channel":   {deliverylog.Query{Channel: schemas.ByEmail}, ""},
		"within times": {deliverylog.Query{From: at.Add(-5 * time.Minute), To: at.Add(-2 * time.Minute)}, "r3 r4 r5"},
		"quoted":       {deliverylog.Query{Recipients: []string{`a' OR 1=1 --\`}, Request: `'\`}, ""},
	} {
		if got := names(find(tt.query)); got != tt.want {
			t.Errorf("%s: %s, want %s", name, got, tt.want)
		}
	}
	var all []string
	var after *deliverylog.Cursor
	for range 10 { // pages of three, also across what ended in the same moment
		page := find(deliverylog.Query{Limit: 3, After: after})
		if len(page) == 0 {
			break
		}
		all = append(all, names(page))
		next, err := deliverylog.ParseCursor(page[len(page)-1].Cursor().String())
		if err != nil {
			t.Fatal(err)
		}
		after = next
	}
	if got := strings.Join(all, "|"); got != "r0 r1 r2|r3 r4 r5|r6 r7 r8|r9" {
		t.Errorf("in pages: %s", got)
	}
	e := find(deliverylog.Query{Request: "r1"})[0]
	if !e.At.Equal(at.Add(-time.Minute)) || e.Means == "" || e.Next == "" || !e.Mandatory || e.Fallback || strings.Join(e.Considered, " ") != "org_type=off type_default=both" || !e.RoutedAt.IsZero() {
		t.Errorf("%+v", e)
	}
}

// Each row is found once, in pages, as its last version has it: also of hundreds that ended in one moment, and of which as many former versions fit.
func TestFormerVersions(t *testing.T) {
	log := filled(t)
	for _, insert := range []struct {
		status string
		when   time.Time
	}{{"failed", at.Add(-time.Second)}, {"delivered", at}} {
		if err := log.Conn.Exec(t.Context(), `INSERT INTO notification_log (org_id, request_id, recipient, channel, type, status, at, version)
SELECT 'initech', 'r' || toString(number), 'ada', 'slack', 'alert.important', ?, fromUnixTimestamp64Milli(?, 'UTC'), ? FROM numbers(300)`, insert.status, insert.when.UnixMilli(), uint64(insert.when.UnixMilli())); err != nil {
			t.Fatal(err)
		}
	}
	find := func(q deliverylog.Query) []deliverylog.Entry {
		t.Helper()
		found, err := log.Find(t.Context(), "initech", q)
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	if found := find(deliverylog.Query{Status: schemas.Failed, Limit: 10}); len(found) > 0 {
		t.Errorf("%d that have failed once", len(found))
	}
	seen := map[schemas.RequestID]bool{}
	var after *deliverylog.Cursor
	for page := find(deliverylog.Query{Limit: 40}); len(page) > 0; page = find(deliverylog.Query{Limit: 40, After: after}) {
		for _, e := range page {
			if seen[e.RequestID] || e.Status != schemas.Delivered {
				t.Fatalf("%s again, or as it was: %s", e.RequestID, e.Status)
			}
			seen[e.RequestID] = true
		}
		cursor := page[len(page)-1].Cursor()
		after = &cursor
	}
	if len(seen) != 300 {
		t.Errorf("%d rows, want 300", len(seen))
	}
}

// So it is when very many of them fit: their keys are more than ClickHouse takes in a query by itself.
func TestVeryManyFormerVersions(t *testing.T) {
	log := filled(t)
	for version, status := range []string{"failed", "delivered"} {
		if err := log.Conn.Exec(t.Context(), `INSERT INTO notification_log (org_id, request_id, recipient, channel, type, status, at, version)
SELECT 'umbrella', 'request-of-the-umbrella-company-' || toString(number), 'ada', 'slack', 'alert.important', ?, fromUnixTimestamp64Milli(?, 'UTC'), ? FROM numbers(11000)`, status, at.UnixMilli(), uint64(version)); err != nil {
			t.Fatal(err)
		}
	}
	found, err := log.Find(t.Context(), "umbrella", deliverylog.Query{Status: schemas.Failed, Limit: 10})
	if err != nil || len(found) > 0 {
		t.Errorf("%d that have failed once, %v", len(found), err)
	}
}
