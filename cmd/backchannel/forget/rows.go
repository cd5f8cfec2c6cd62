package forget

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/bigmind/backchannel/schemas"
)

// ofChannels are the tables whose channel_id is a synced channel, and not a direct message.
var ofChannels = []string{"messages", "message_texts", "message_origins", "channel_associations", "sync_coverage"}

// conditions say which rows of which table go: in the order in which they are deleted.
func (k *known) conditions() ([]condition, error) {
	org := "org_id = " + schemas.SQLString(string(k.Org))
	if k.All {
		tables, err := schemas.Tables()
		if err != nil {
			return nil, err
		}
		var all []condition
		for _, t := range tables {
			if t.Kind == schemas.IsTable && t.Has("org_id", nil) {
				all = append(all, condition{t.Name, org})
			}
		}
		return living(all)
	}
	var all []condition
	for _, c := range k.Names.Channels {
		of := org + " AND channel_id = " + schemas.SQLString(c.Channel)
		if c.Team != "" {
			of += " AND team_id = " + schemas.SQLString(c.Team)
		}
		for _, table := range ofChannels {
			all = append(all, condition{table, of})
		}
	}
	if k.Account != "" {
		of := org + " AND account_id = " + schemas.SQLString(string(k.Account))
		all = append(all, condition{"accounts", of}, condition{"deals", of}, condition{"channel_associations", of})
	}
	leads := func(c condition) int { // to an account's channels: it goes last
		if c.table == "channel_associations" {
			return 1
		}
		return 0
	}
	slices.SortStableFunc(all, func(a, b condition) int { return cmp.Compare(leads(a), leads(b)) })
	if k.User != "" {
		slack, named := in("user_id", k.Names.SlackUsers), in("recipient", slices.Concat(k.Names.Users, k.Names.Emails))
		all = append(all,
			condition{"messages", org + " AND (" + slack + " OR " + in("author_email", k.Names.Emails) + ")"},
			condition{"message_texts", org + " AND " + slack},
			condition{"slack_users", org + " AND (" + slack + " OR " + in("email", k.Names.Emails) + ")"},
			condition{"directory_users", org + " AND (" + in("user_id", k.Names.Users) + " OR " + in("email", k.Names.Emails) + ")"},
			condition{"notification_outcomes", org + " AND " + named},
			condition{"notification_log", org + " AND (" + named + " OR " + in("named", slices.Concat(k.Names.Users, k.Names.Emails)) + ")"},
		)
	}
	return living(all)
}

// learnRows finds the channels of which the account's was the last association, also such that are linked to nothing now: their messages are still there.
func (k *known) learnRows(ctx context.Context, conn driver.Conn) error {
	if k.Account == "" {
		return nil
	}
	rows, err := conn.Query(ctx, `SELECT team_id, channel_id FROM channel_associations WHERE org_id = ? AND account_id != ''
GROUP BY team_id, channel_id HAVING argMax(account_id, version) = ?`, string(k.Org), string(k.Account))
	if err != nil {
		return fmt.Errorf("read channel_associations: %w", err)
	}
	defer func() { _ = rows.Close() }() // Err tells what matters
	for rows.Next() {
		var c channelID
		if err := rows.Scan(&c.Team, &c.Channel); err != nil {
			return fmt.Errorf("read channel_associations: %w", err)
		}
		if !k.isOf(c.Team, c.Channel) {
			k.Names.Channels = append(k.Names.Channels, c)
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("read channel_associations: %w", err)
	}
	return nil
}

// condition is which rows of a table go.
type condition struct{ table, where string }

// living leaves out tombstones: they hold ids only, and keep what is older from coming back.
func living(all []condition) ([]condition, error) {
	tables, err := schemas.Tables()
	if err != nil {
		return nil, err
	}
	for i, c := range all {
		of := slices.IndexFunc(tables, func(t schemas.Table) bool { return t.Name == c.table })
		switch {
		case of < 0:
			return nil, fmt.Errorf("there is no table %s", c.table)
		case tables[of].Has("is_deleted", nil):
			all[i].where += " AND is_deleted = 0"
		case c.table == "channel_associations":
			all[i].where += " AND account_id != ''"
		}
	}
	return all, nil
}

// check counts what is left.
func (c condition) check() string { return "SELECT count() FROM " + c.table + " WHERE " + c.where }

func in(column string, values []string) string {
	words := make([]string, 0, len(values))
	for _, v := range values {
		words = append(words, schemas.SQLString(v))
	}
	return column + " IN (" + strings.Join(words, ", ") + ")"
}

func count(ctx context.Context, conn driver.Conn, sql string) (n uint64, err error) {
	if err := conn.QueryRow(ctx, sql).Scan(&n); err != nil {
		return 0, fmt.Errorf("count rows: %w", err)
	}
	return n, nil
}

// marker stands in place of a person's message: without content, above every version that may come.
const marker = `INSERT INTO messages (org_id, team_id, channel_id, ts, ts_time, version, is_deleted)
SELECT DISTINCT org_id, team_id, channel_id, ts, ts_time, 18446744073709551615, 1 FROM messages WHERE %s SETTINGS max_partitions_per_insert_block = 0`

// remove deletes the rows, on one server or on all nodes of a cluster, and waits until it is done.
func (k *known) remove(ctx context.Context, conn driver.Conn, cluster string, c condition) error {
	if k.User != "" && c.table == "messages" {
		if err := conn.Exec(ctx, fmt.Sprintf(marker, c.where)); err != nil {
			return fmt.Errorf("mark the person's messages: %w", err)
		}
	}
	statements := []string{"ALTER TABLE " + c.table + " DELETE WHERE " + c.where}
	if cluster != "" {
		nodes := schemas.Cluster{Name: cluster}
		statements = nodes.Statements(statements[0])
	}
	for _, s := range statements {
		if err := conn.Exec(ctx, s+" SETTINGS mutations_sync = 2"); err != nil {
			return fmt.Errorf("delete from %s: %w", c.table, err)
		}
	}
	return nil
}
