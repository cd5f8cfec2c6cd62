package schemas

import (
	"fmt"
	"slices"
	"strings"
)

// notGranted are the tables that no organization's analysts read, with the reason.
var notGranted = map[string]string{
	"schema_migrations": "it is about the database, not about an organization",
}

// Granted says whether analysts of an organization may read a table. Feeds are none to read.
func Granted(t Table) bool { return t.Kind != IsFeed && notGranted[t.Name] == "" }

// RoleOf is the role of an organization's analysts.
func RoleOf(org OrgID) string { return "backchannel_" + string(org) }

// othersPolicy lets those who have none of the roles read on. No role is called so (RoleOf), as the role of an organization "others" was called like the policy before.
const othersPolicy, formerOthersPolicy = "backchannel others", "backchannel_others"

// Grants are the statements that make a role for each organization, which reads every table and view of a database, and there the rows of its organization
// alone: row policies stand on tables, and hold through the views, which read as whoever asks (ClickHouse's default, SQL SECURITY INVOKER). Who has none of
// the roles reads what it read before. Running them again changes nothing; so they are run again when an organization or a table is added.
func Grants(database string, orgs []OrgID, tables []Table) ([]string, error) {
	var all, roles []string
	for _, org := range orgs {
		roles = append(roles, SQLName(RoleOf(org)))
		all = append(all,
			"CREATE ROLE IF NOT EXISTS "+SQLName(RoleOf(org)),
			"ALTER ROLE "+SQLName(RoleOf(org))+" SETTINGS final = 1 CONST, readonly = 2", // exact answers, also of tables
		)
	}
	if len(orgs) == 0 {
		return nil, nil
	}
	for _, t := range tables {
		if !Granted(t) {
			continue
		}
		if !t.Has("org_id", tables) {
			return nil, fmt.Errorf("%s has no org_id: nothing says whose rows it has", t.Name)
		}
		on := SQLName(database) + "." + SQLName(t.Name)
		if t.Kind == IsTable {
			all = append(all, fmt.Sprintf("CREATE ROW POLICY OR REPLACE %s ON %s FOR SELECT USING 1 TO ALL EXCEPT %s", SQLName(othersPolicy), on, strings.Join(roles, ", ")),
				"DROP ROW POLICY IF EXISTS "+SQLName(formerOthersPolicy)+" ON "+on)
			for _, org := range orgs {
				all = append(all, fmt.Sprintf("CREATE ROW POLICY OR REPLACE %s ON %s FOR SELECT USING org_id = %s TO %s", SQLName(RoleOf(org)), on, SQLString(string(org)), SQLName(RoleOf(org))))
			}
		}
		all = append(all, fmt.Sprintf("GRANT SELECT ON %s TO %s", on, strings.Join(roles, ", ")))
	}
	return slices.Clip(all), nil
}
