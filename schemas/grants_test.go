package schemas

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Whatever table or view is added is granted, and only its organization's rows; or somebody wrote down why not.
func TestGrantsCoverEverything(t *testing.T) {
	tables, err := Tables()
	if err != nil {
		t.Fatal(err)
	}
	orgs := []OrgID{"acme", "glo'bex`"}
	all, err := Grants("backchannel", orgs, tables)
	if err != nil {
		t.Fatal(err)
	}
	has := func(want string) bool { return slices.Contains(all, want) }
	roles := "`backchannel_acme`, `backchannel_glo'bex\\``"
	for _, table := range tables {
		on := "`backchannel`.`" + table.Name + "`"
		if Granted(table) != has("GRANT SELECT ON "+on+" TO "+roles) {
			t.Errorf("%s: granted %t, said to be %t", table.Name, !Granted(table), Granted(table))
		}
		if table.Kind != IsTable || !Granted(table) {
			continue
		}
		for _, want := range []string{
			"CREATE ROW POLICY OR REPLACE `backchannel_acme` ON " + on + " FOR SELECT USING org_id = 'acme' TO `backchannel_acme`",
			"CREATE ROW POLICY OR REPLACE `backchannel_glo'bex\\`` ON " + on + " FOR SELECT USING org_id = 'glo\\'bex`' TO `backchannel_glo'bex\\``",
			"CREATE ROW POLICY OR REPLACE `backchannel others` ON " + on + " FOR SELECT USING 1 TO ALL EXCEPT " + roles,
		} {
			if !has(want) {
				t.Errorf("missing: %s", want)
			}
		}
	}
	if of, err := Grants("backchannel", []OrgID{"others"}, tables); err != nil || slices.Index(of, "DROP ROW POLICY IF EXISTS `backchannel_others` ON `backchannel`.`messages`") > slices.IndexFunc(of, func(s string) bool {
		return strings.HasPrefix(s, "CREATE ROW POLICY OR REPLACE `backchannel_others` ON `backchannel`.`messages`")
	}) {
		t.Errorf("an organization called others loses its policy, %v:\n%s", err, strings.Join(of, "\n"))
	}
	for excluded := range notGranted {
		if !slices.ContainsFunc(tables, func(table Table) bool { return table.Name == excluded }) {
			t.Errorf("%s is left out of the grants, and is not there", excluded)
		}
	}
	if _, err := Grants("backchannel", orgs, append(tables, Table{Name: "new", Kind: IsTable, Columns: []Column{{Name: "text"}}})); err == nil || !strings.Contains(err.Error(), "new has no org_id") {
		t.Errorf("a table without org_id: %v", err)
	}
}

// requeried is a feed that is given another query.
var requeried = regexp.MustCompile(`^ALTER TABLE (\w+) .*MODIFY QUERY`)

// On a cluster every statement says where, every table is replicated, and nothing but an insert is run on one node.
func TestClusterStatements(t *testing.T) {
	steps, err := Migrations()
	if err != nil {
		t.Fatal(err)
	}
	c := Cluster{Name: "main"}
	made := map[string]string{}
	for _, step := range steps {
		for _, s := range step.Statements {
			for _, run := range c.Statements(s) {
				if !strings.HasPrefix(run, "INSERT ") && !strings.Contains(run, " ON CLUSTER `main`") {
					t.Errorf("%s: on one node only: %.80s", step.Name, run)
				}
				if m := engine.FindString(run); m != "" && !strings.Contains(m, "Replicated") {
					t.Errorf("%s: not replicated: %s", step.Name, m)
				}
				if object := ObjectName(run); object != "" {
					made[object] = run
				}
				if m := requeried.FindStringSubmatch(run); m != nil {
					made[m[1]+" as it is now"] = run
				}
			}
		}
	}
	for object, want := range map[string]string{
		"messages_local":                  "ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/messages_local', '{replica}', version, is_deleted)",
		"messages":                        "Distributed(`main`, currentDatabase(), messages_local, cityHash64(org_id))",
		"accounts":                        "ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/all/{database}/accounts', '{shard}-{replica}', version, is_deleted)",
		"message_texts_feed":              "TO message_texts_local AS",
		"message_origins_feed":            "FROM messages_local\n",
		"message_texts_feed as it is now": "FROM messages_local\nWHERE is_deleted = 0 AND reworded = 1",
		"conversations_local":             "FROM messages_local AS m FINAL\nINNER JOIN current_associations AS a",
		"conversations":                   "Distributed(`main`, currentDatabase(), conversations_local)",
		"threads_local":                   "FROM conversations_local\n",
		"org_threads":                     "SELECT * FROM threads WHERE org_id = {org:String}",
		"current_associations":            "FROM channel_associations\n",
	} {
		if !strings.Contains(made[object], want) {
			t.Errorf("%s is made by\n%s\nwithout: %s", object, made[object], want)
		}
	}
}
