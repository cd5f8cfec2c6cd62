package apply

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/google/go-cmp/cmp"

	"github.com/bigmind/backchannel/deploy/embedded/chdb/chdbtest"
	"github.com/bigmind/backchannel/schemas"
)

// engineAddr is one engine for all tests; each test has a database of its own.
var engineAddr string

func TestMain(m *testing.M) {
	chdbtest.Main(m, func(_ context.Context, addr string) error {
		engineAddr = addr
		return nil
	})
}

var databases atomic.Int64

func options() *clickhouse.Options {
	return &clickhouse.Options{
		Protocol: clickhouse.HTTP, Addr: []string{engineAddr}, ReadTimeout: time.Minute,
		Auth: clickhouse.Auth{Database: fmt.Sprintf("apply_%d", databases.Add(1)), Username: "default"},
	}
}

func tables(t *testing.T, opts *clickhouse.Options, check bool) Report {
	t.Helper()
	report, err := ClickHouse(t.Context(), opts, check)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func exec(t *testing.T, opts *clickhouse.Options, statement string) {
	t.Helper()
	conn, err := clickhouse.Open(opts)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.Exec(t.Context(), statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

func TestMigrationsApplyOnceAndCheckChangesNothing(t *testing.T) {
	opts := options()
	steps, err := schemas.Migrations()
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"database " + opts.Auth.Database + ": create"}
	for _, s := range steps {
		want = append(want, "migration "+s.Name+": apply")
	}
	for _, check := range []bool{true, true, false} {
		if diff := cmp.Diff(Report{Changes: want}, tables(t, opts, check)); diff != "" {
			t.Errorf("check %t (-want +got):\n%s", check, diff)
		}
	}
	for _, check := range []bool{true, false} {
		if diff := cmp.Diff(Report{}, tables(t, opts, check)); diff != "" {
			t.Errorf("again, check %t (-want +got):\n%s", check, diff)
		}
	}
}

func TestTableDrift(t *testing.T) {
	tests := []struct{ name, statement, problem string }{
		{"a column is gone", "ALTER TABLE messages DROP COLUMN author_name", "no column author_name String"},
		{"a column too many", "ALTER TABLE messages ADD COLUMN sentiment Float32", "column sentiment that is not declared"},
		{"another type", "ALTER TABLE messages MODIFY COLUMN author_email LowCardinality(String)", "author_email as LowCardinality(String), declared is String"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			opts := options()
			tables(t, opts, false)
			exec(t, opts, tt.statement)
			for _, check := range []bool{true, false, true} { // applying does not mend what only a person can
				matches(t, "messages", tables(t, opts, check), "", tt.problem)
			}
		})
	}
}

// What is gone is made again as it was, with what later migrations made of it and of its neighbours.
func TestWhatIsGoneIsMadeAgain(t *testing.T) {
	for name, drop := range map[string]string{"conversations": "DROP VIEW", "current_associations": "DROP VIEW", "message_origins_feed": "DROP VIEW", "slack_channels": "DROP TABLE", "messages": "DROP TABLE"} {
		t.Run(name, func(t *testing.T) {
			opts := options()
			tables(t, opts, false)
			exec(t, opts, drop+" "+name)
			gone := func(r Report) bool {
				return len(r.Problems) == 0 && slices.ContainsFunc(r.Changes, func(c string) bool { return strings.Contains(c, "since ["+name+"] is gone") })
			}
			if r := tables(t, opts, true); !gone(r) {
				t.Errorf("check says %+v, want that %s is gone", r, name)
			}
			if r := tables(t, opts, false); !gone(r) {
				t.Errorf("apply says %+v, want that %s is made again", r, name)
			}
			exec(t, opts, "SELECT account_gone FROM conversations")
			exec(t, opts, "SELECT external_team_ids FROM slack_channels")
			exec(t, opts, "INSERT INTO messages (org_id, ts, ts_time, source) VALUES ('fed', '1.000000', 1, 'live')")
			exec(t, opts, "SELECT throwIf(count() != 1) FROM message_origins WHERE org_id = 'fed' AND live = 1")
			if r := tables(t, opts, true); len(r.Changes)+len(r.Problems) > 0 {
				t.Errorf("after it check says %+v", r)
			}
		})
	}
}

func TestAMigrationThatChangedIsAProblem(t *testing.T) {
	opts := options()
	tables(t, opts, false)
	steps, err := schemas.Migrations()
	if err != nil {
		t.Fatal(err)
	}
	exec(t, opts, "INSERT INTO schema_migrations (name, checksum, applied_at) VALUES ('"+steps[0].Name+"', 'another', now64(3) + 1)")
	if r := tables(t, opts, true); len(r.Changes) > 0 || len(r.Problems) != 1 || !strings.Contains(r.Problems[0], "never changes") {
		t.Errorf("check says %+v, want the problem that %s was another", r, steps[0].Name)
	}
}

// A database that was made when a table had another physical form keeps it: ClickHouse cannot change that of a table that is there.
func TestADatabaseOfAFormerFormIsRight(t *testing.T) {
	opts := options()
	tables(t, opts, false)
	steps, err := schemas.Migrations()
	if err != nil {
		t.Fatal(err)
	}
	if steps[0].Former == "" || steps[0].Former == steps[0].Checksum {
		t.Fatalf("%s has no former form", steps[0].Name)
	}
	exec(t, opts, "INSERT INTO schema_migrations (name, checksum, applied_at) VALUES ('"+steps[0].Name+"', '"+steps[0].Former+"', now64(3) + 1)")
	if r := tables(t, opts, true); len(r.Changes)+len(r.Problems) > 0 {
		t.Errorf("check says %+v", r)
	}
}
