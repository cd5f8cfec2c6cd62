package apply

import (
	"context"
	"errors"
	"fmt"
	"regexp"

	"github.com/ClickHouse/clickhouse-go/v2"

	"github.com/bigmind/backchannel/schemas"
)

// accessDenied is ClickHouse's code (src/Common/ErrorCodes.cpp).
const accessDenied = 497

// everyOrg finds the organizations that there are.
const everyOrg = `SELECT DISTINCT org_id FROM (SELECT org_id FROM channel_associations UNION ALL SELECT org_id FROM accounts UNION ALL SELECT org_id FROM directory_users
UNION ALL SELECT org_id FROM slack_users) WHERE org_id != '' ORDER BY org_id`

// statementHead is that of a statement of grants before which ON CLUSTER stands: CREATE ROW POLICY p ON CLUSTER c ON t, GRANT ON CLUSTER c.
var statementHead = regexp.MustCompile("^(GRANT|CREATE ROLE IF NOT EXISTS `(?:[^`\\\\]|\\\\.)*`|ALTER ROLE `(?:[^`\\\\]|\\\\.)*`|(?:CREATE ROW POLICY OR REPLACE|DROP ROW POLICY IF EXISTS) `(?:[^`\\\\]|\\\\.)*`)")

// Grants gives each organization that ClickHouse knows of a role that reads its own rows alone. The report lists the statements.
func Grants(ctx context.Context, opts *clickhouse.Options, cluster string, check bool) (Report, error) {
	var report Report
	conn, err := clickhouse.Open(opts)
	if err != nil {
		return report, fmt.Errorf("open ClickHouse: %w", err)
	}
	defer func() { _ = conn.Close() }() // nothing is pending on it
	var orgs []schemas.OrgID
	rows, err := conn.Query(ctx, everyOrg)
	if err != nil {
		return report, fmt.Errorf("list organizations: %w", err)
	}
	defer func() { _ = rows.Close() }() // Err tells what matters
	for rows.Next() {
		var org string
		if err := rows.Scan(&org); err != nil {
			return report, fmt.Errorf("list organizations: %w", err)
		}
		orgs = append(orgs, schemas.OrgID(org))
	}
	if err := rows.Err(); err != nil {
		return report, fmt.Errorf("list organizations: %w", err)
	}
	statements, err := grants(opts.Auth.Database, cluster, orgs)
	if err != nil {
		return report, err
	}
	for _, s := range statements {
		report.changed("%s", s)
		if check {
			continue
		}
		err := conn.Exec(ctx, s)
		if e, ok := errors.AsType[*clickhouse.Exception](err); ok && e.Code == accessDenied {
			return report, fmt.Errorf("this user may not manage access in ClickHouse, or it is the embedded engine, which has no access management: %w", err)
		}
		if err != nil {
			return report, fmt.Errorf("%s: %w", s, err)
		}
	}
	return report, nil
}

// grants are the statements, for one server or for all nodes of a cluster: each node keeps roles of its own, and a table is also what stands behind
// its Distributed one.
func grants(database, cluster string, orgs []schemas.OrgID) ([]string, error) {
	tables, err := schemas.Tables()
	if err != nil {
		return nil, err
	}
	if cluster != "" {
		if tables, err = schemas.ClusterTables(cluster); err != nil {
			return nil, err
		}
	}
	statements, err := schemas.Grants(database, orgs, tables)
	if err != nil || cluster == "" {
		return statements, err
	}
	for i, s := range statements {
		statements[i] = statementHead.ReplaceAllString(s, "${1} ON CLUSTER `"+cluster+"`")
	}
	return statements, nil
}
