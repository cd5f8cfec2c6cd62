package apply

import (
	"strings"
	"testing"

	"github.com/ClickHouse/clickhouse-go/v2"

	"github.com/bigmind/backchannel/schemas"
)

// parsed has the engine's parser read a statement.
func parsed(t *testing.T, conn clickhouse.Conn, statement string) {
	t.Helper()
	var formatted string
	if err := conn.QueryRow(t.Context(), "SELECT formatQuery({q:String})", clickhouse.Named("q", statement)).Scan(&formatted); err != nil {
		t.Errorf("ClickHouse's parser refuses\n%s\n%v", statement, err)
	}
}

// The embedded engine manages no access and is no cluster: what would be run there is read by its parser. What grants cover is what the database has.
func TestStatementsForServersAndClustersAreParsed(t *testing.T) {
	opts := options()
	tables(t, opts, false)
	conn, err := clickhouse.Open(opts)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	parse := func(s string) { parsed(t, conn, s) }
	orgs := []schemas.OrgID{"acme", "glo'bex`\\"}
	for _, cluster := range []string{"", "main"} {
		all, err := grants("backchannel", cluster, orgs)
		if err != nil || len(all) == 0 {
			t.Fatalf("%d statements, %v", len(all), err)
		}
		for _, s := range all {
			parse(s)
			if (cluster != "") != strings.Contains(s, " ON CLUSTER `main`") {
				t.Errorf("cluster %q: %s", cluster, s)
			}
		}
	}
	steps, err := schemas.Migrations()
	if err != nil {
		t.Fatal(err)
	}
	run := form("main")
	for _, step := range steps {
		for _, s := range step.Statements {
			for _, s := range run(s) {
				parse(s)
			}
		}
	}
	statements := strings.Join(func() []string { all, _ := grants(opts.Auth.Database, "", orgs); return all }(), "\n")
	rows, err := conn.Query(t.Context(), "SELECT name, engine FROM system.tables WHERE database = currentDatabase() UNION ALL SELECT name, 'Dictionary' FROM system.dictionaries WHERE database = currentDatabase()")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var name, engine string
		if err := rows.Scan(&name, &engine); err != nil {
			t.Fatal(err)
		}
		granted := strings.Contains(statements, "GRANT SELECT ON `"+opts.Auth.Database+"`.`"+name+"` TO")
		if want := engine != "MaterializedView" && name != "schema_migrations"; granted != want {
			t.Errorf("%s (%s): granted %t, want %t: see schemas/grants.go", name, engine, granted, want)
		}
	}
}

// The embedded engine says that it cannot.
func TestGrantsWithoutAccessManagement(t *testing.T) {
	opts := options()
	tables(t, opts, false)
	exec(t, opts, "INSERT INTO accounts (org_id, account_id) VALUES ('acme', 'a1')")
	would, err := Grants(t.Context(), opts, "", true)
	if err != nil || len(would.Changes) == 0 || !strings.Contains(would.Changes[0], "backchannel_acme") {
		t.Errorf("check says %+v, %v", would, err)
	}
	if _, err := Grants(t.Context(), opts, "", false); err == nil || !strings.Contains(err.Error(), "no access management") {
		t.Errorf("the embedded engine granted: %v", err)
	}
}
