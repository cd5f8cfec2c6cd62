package retention

import (
	"context"
	"fmt"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/bigmind/backchannel/schemas"
)

// Options are where to delete.
type Options struct {
	ClickHouse driver.Conn
	Cluster    string // of ClickHouse; empty: one server
	Now        func() time.Time
}

// Policy says why rows go.
type Policy string

// The policies. Deleted is everybody's.
const (
	Messages    Policy = "messages"    // said too long ago
	Versions    Policy = "versions"    // replaced too long ago
	Dissociated Policy = "dissociated" // of channels that were dissociated too long ago
	Deleted     Policy = "deleted"     // deleted in Slack
)

// Policies are all of them.
var Policies = []Policy{Messages, Versions, Dissociated, Deleted}

// Purged is what went of a table, or would go.
type Purged struct {
	Org      schemas.OrgID `json:"org,omitempty"` // empty: of any
	Policy   Policy        `json:"policy"`
	Table    string        `json:"table"`
	KeptFrom time.Time     `json:"kept_from,omitzero"`
	Rows     uint64        `json:"rows"`
}

// ofMessages are the tables that have what was said, or when.
var ofMessages = []string{"messages", "message_texts", "message_origins"}

// Run deletes what is not kept, or with dry counts it. It can be run again at any time, also after it broke off.
func Run(ctx context.Context, o Options, dry bool) ([]Purged, error) {
	doomed, err := find(ctx, o)
	if err != nil {
		return nil, err
	}
	var all []Purged
	for _, d := range doomed {
		if err := o.ClickHouse.QueryRow(ctx, "SELECT count() FROM "+d.Table+" WHERE "+d.where).Scan(&d.Rows); err != nil {
			return all, fmt.Errorf("count the rows of %s that are not kept: %w", d.Table, err)
		}
		if d.Rows == 0 {
			continue
		}
		if !dry {
			if err := o.remove(ctx, d); err != nil {
				return all, err
			}
		}
		all = append(all, d.Purged)
	}
	if dry {
		return all, nil
	}
	if err := o.settle(ctx); err != nil {
		return all, err
	}
	return all, o.note(ctx, Purged{Policy: ended, Table: ""})
}

// ended marks the end of a run in retention_log.
const ended Policy = "run"

// remove deletes rows, waits until it is done, and writes it down.
func (o Options) remove(ctx context.Context, d doom) error {
	statements := []string{"ALTER TABLE " + d.Table + " DELETE WHERE " + d.where}
	if o.Cluster != "" {
		nodes := schemas.Cluster{Name: o.Cluster}
		statements = nodes.Statements("ALTER TABLE " + d.Table + " DELETE WHERE " + d.onNode)
	}
	for _, s := range statements {
		if err := o.ClickHouse.Exec(ctx, s+" SETTINGS mutations_sync = 2, allow_nondeterministic_mutations = 1"); err != nil {
			return fmt.Errorf("delete from %s what is not kept: %w", d.Table, err)
		}
	}
	return o.note(ctx, d.Purged)
}

// settle merges the months of messages in which something was superseded: what an edit replaced and what a tombstone deleted goes from the disk. A month that
// is one merged part already is left alone.
func (o Options) settle(ctx context.Context) error {
	parts, table, on := "system.parts", "messages", ""
	if o.Cluster != "" {
		cluster := schemas.SQLName(o.Cluster)
		parts, table, on = "clusterAllReplicas("+cluster+", system.parts)", "messages_local", " ON CLUSTER "+cluster
	}
	var months []string
	if err := o.ClickHouse.QueryRow(ctx, "SELECT arraySort(groupUniqArray(partition_id)) FROM "+parts+" WHERE active AND database = currentDatabase() AND table = ?", table).Scan(&months); err != nil {
		return fmt.Errorf("list the months of messages: %w", err)
	}
	for _, month := range months {
		if err := o.ClickHouse.Exec(ctx, fmt.Sprintf("OPTIMIZE TABLE %s%s PARTITION ID %s FINAL SETTINGS optimize_skip_merged_partitions = 1", table, on, schemas.SQLString(month))); err != nil {
			return fmt.Errorf("merge the messages of month %s: %w", month, err)
		}
	}
	return nil
}

// note writes a row of retention_log.
func (o Options) note(ctx context.Context, p Purged) error {
	from := p.KeptFrom
	if from.IsZero() {
		from = time.Unix(0, 0)
	}
	err := o.ClickHouse.Exec(ctx, "INSERT INTO retention_log (org_id, policy, table_name, kept_from, rows, at) SELECT ?, ?, ?, fromUnixTimestamp64Milli(?, 'UTC'), ?, fromUnixTimestamp64Milli(?, 'UTC')",
		string(p.Org), string(p.Policy), p.Table, from.UnixMilli(), p.Rows, o.Now().UnixMilli())
	if err != nil {
		return fmt.Errorf("write retention_log: %w", err)
	}
	return nil
}

// Last is when the last run ended; zero: none has.
func Last(ctx context.Context, conn driver.Conn) (time.Time, error) {
	var at time.Time
	if err := conn.QueryRow(ctx, "SELECT max(at) FROM retention_log WHERE org_id = '' AND policy = ?", string(ended)).Scan(&at); err != nil {
		return at, fmt.Errorf("read retention_log: %w", err)
	}
	if at.Unix() <= 0 {
		return time.Time{}, nil
	}
	return at, nil
}
