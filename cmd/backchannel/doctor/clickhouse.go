package doctor

import (
	"context"
	"fmt"
	"time"

	"github.com/bigmind/backchannel/deploy/apply"
	"github.com/bigmind/backchannel/ingest"
	"github.com/bigmind/backchannel/schemas"
)

// clickhouse asks whether ClickHouse answers, whether its tables are as declared, and when something was last inserted.
func (d *Doctor) clickhouse(ctx context.Context) {
	ctx, cancel := d.bounded(ctx)
	defer cancel()
	// Asked for its database too, which need not exist: that is for apply to tell.
	report, err := apply.ClickHouse(ctx, d.ClickHouse, true)
	if err != nil {
		d.fail("clickhouse", "reachable", "", fmt.Sprintf("ClickHouse does not answer at %s: %s.", d.ClickHouseAt, reason(ingest.WithoutURL(err))), "Start ClickHouse, or mend clickhouse-url and clickhouse-password.")
		return
	}
	d.pass("clickhouse", "reachable", "ClickHouse answers.")
	if d.up.clickhouse = d.declared("clickhouse", "schema", report); !d.up.clickhouse {
		return // what is asked below may not be there
	}
	steps, err := schemas.Migrations()
	if err == nil && len(steps) > 0 {
		d.pass("clickhouse", "schema", "The tables are as declared: migration "+steps[len(steps)-1].Name+".")
	}
	var rows uint64
	var last time.Time
	if err := d.ch.QueryRow(ctx, "SELECT count(), max(inserted_at) FROM messages").Scan(&rows, &last); err != nil {
		d.unknown("clickhouse", "insert", "When the last message was inserted could not be read: "+reason(err)+".", "Ask again.")
		return
	}
	if rows == 0 {
		d.pass("clickhouse", "insert", "No message was inserted yet.")
		return
	}
	d.pass("clickhouse", "insert", fmt.Sprintf("The last message was inserted at %s.", last.UTC().Format(time.RFC3339)))
}
