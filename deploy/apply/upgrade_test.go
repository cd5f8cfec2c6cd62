package apply

import (
	"fmt"
	"testing"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/google/go-cmp/cmp"

	"github.com/bigmind/backchannel/schemas"
)

// before makes a database as the first n migrations leave it, as an earlier version of the binary did.
func before(t *testing.T, n int) *clickhouse.Options {
	t.Helper()
	opts := options()
	server := *opts
	server.Auth.Database = "default"
	exec(t, &server, "CREATE DATABASE "+opts.Auth.Database)
	exec(t, opts, schemas.MigrationsTable)
	steps, err := schemas.Migrations()
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range steps[:n] {
		for _, s := range step.Statements {
			exec(t, opts, s)
		}
		exec(t, opts, fmt.Sprintf("INSERT INTO schema_migrations (name, checksum) VALUES ('%s', '%s')", step.Name, step.Checksum))
	}
	return opts
}

func query(t *testing.T, opts *clickhouse.Options, sql string) (answer string) {
	t.Helper()
	conn, err := clickhouse.Open(opts)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.QueryRow(t.Context(), "SELECT toString(groupArray(tuple(*))) FROM ("+sql+")").Scan(&answer); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return answer
}

// From every earlier version, with data in place, apply comes to the same tables and the same answers.
func TestUpgradesKeepWhatIsThere(t *testing.T) {
	steps, err := schemas.Migrations()
	if err != nil {
		t.Fatal(err)
	}
	const oldest = 4 // as of 0004 there is everything that the rows below need
	for n := oldest; n <= len(steps); n++ {
		t.Run("after "+steps[n-1].Name, func(t *testing.T) {
			t.Parallel()
			opts := before(t, n)
			for _, row := range []string{ // each by itself: ClickHouse keeps one version of those that come together
				"'1700000000.000100', '2023-11-14 22:13:20.000100', 1, 0, 'first', ''", "'1700000000.000100', '2023-11-14 22:13:20.000100', 2, 0, 'second', '1700000009.000000'",
				"'1700000001.000100', '2023-11-14 22:13:21.000100', 1, 0, 'gone', ''", "'1700000001.000100', '2023-11-14 22:13:21.000100', 2, 1, '', ''",
			} {
				exec(t, opts, "INSERT INTO messages (org_id, team_id, channel_id, ts, ts_time, version, is_deleted, text, edited_ts) VALUES ('acme', 'T1', 'C1', "+row+")")
			}
			exec(t, opts, "INSERT INTO channel_associations VALUES ('acme', 'T1', 'C1', 'a1', '', 'U1', 'slack', '2023-11-14 00:00:00', 1)")
			exec(t, opts, "INSERT INTO accounts (org_id, account_id, name, version, is_deleted) VALUES ('acme', 'a1', 'Acme', 1, 0)")
			for range 2 { // the second changes nothing
				tables(t, opts, false)
				if got, want := query(t, opts, "SELECT text, account_name FROM conversations"), "[('second','Acme')]"; got != want {
					t.Errorf("conversations are %s, want %s", got, want)
				}
				if got, want := query(t, opts, "SELECT number, text, is_current FROM message_versions ORDER BY number"), "[(1,'first',0),(2,'second',1)]"; got != want {
					t.Errorf("versions are %s, want %s", got, want)
				}
				if got, want := query(t, opts, "SELECT count() FROM conversations WHERE hasAllTokens(text, 'SECOND')"), "[(1)]"; got != want {
					t.Errorf("the word was found %s times, want %s", got, want)
				}
			}
			if r := tables(t, opts, true); len(r.Changes)+len(r.Problems) > 0 {
				t.Errorf("after it check says %+v", r)
			}
		})
	}
}

// What ClickHouse says of its columns is what the data dictionary says.
func TestClickHouseExplainsItself(t *testing.T) {
	opts := options()
	tables(t, opts, false)
	all, err := schemas.Tables()
	if err != nil {
		t.Fatal(err)
	}
	want, comments := map[string][]schemas.Column{}, map[string]string{}
	for _, table := range all {
		comments[table.Name] = table.Comment
		if table.Kind != schemas.IsFeed && len(table.Params) == 0 { // ClickHouse lists no columns of a view with parameters
			want[table.Name] = table.Columns
		}
	}
	conn, err := clickhouse.Open(opts)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	rows, err := conn.Query(t.Context(), "SELECT table, name, type, comment FROM system.columns WHERE database = currentDatabase() AND table NOT LIKE '%\\_feed' ORDER BY table, position")
	if err != nil {
		t.Fatal(err)
	}
	got := map[string][]schemas.Column{}
	for rows.Next() {
		var table string
		var c schemas.Column
		if err := rows.Scan(&table, &c.Name, &c.Type, &c.Comment); err != nil {
			t.Fatal(err)
		}
		got[table] = append(got[table], c)
	}
	if err := rows.Close(); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("columns (-declared +in ClickHouse):\n%s", diff)
	}
	said := map[string]string{}
	if rows, err = conn.Query(t.Context(), "SELECT name, comment FROM system.tables WHERE database = currentDatabase()"); err != nil {
		t.Fatal(err)
	}
	for rows.Next() {
		var name, comment string
		if err := rows.Scan(&name, &comment); err != nil {
			t.Fatal(err)
		}
		said[name] = comment
	}
	if err := rows.Close(); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(comments, said); diff != "" {
		t.Errorf("comments (-declared +in ClickHouse):\n%s", diff)
	}
}
