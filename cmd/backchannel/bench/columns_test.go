//go:build bench

package bench

import (
	"context"
	"fmt"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// rows are the columns of schemas' table messages, as many as the sink writes, with the values that enrich gives the
// benchmark's events.
type rows struct{ columns []any }

const insertQuery = `INSERT INTO messages (org_id, team_id, channel_id, ts, ts_time, version, is_deleted, thread_ts, subtype, user_id, bot_id,
author_name, author_email, author_team_id, is_external, text, file_names, edited_ts, account_id, deal_id, source, received_at)`

func memoryColumns(n int) *rows {
	strs := make([][]string, 15)
	for i := range strs {
		strs[i] = make([]string, n)
	}
	times, received := make([]time.Time, n), make([]time.Time, n)
	version, zero := make([]uint64, n), make([]uint8, n)
	files := make([][]string, n)
	for i := range n {
		ts := fmt.Sprintf("%d.%06d", 1790000000+i/1000, i%1000*1000)
		for c, v := range []string{"org-1", string(teamID(i)), string(channelID(i)), ts, "", "", string(userID(i)), "", "Ada Okafor", "ada.okafor@northwind.example", "", text(i), "", "acc-1", "deal-1"} {
			strs[c][i] = v
		}
		times[i] = time.Unix(1790000000+int64(i/1000), int64(i%1000)*1_000_000).UTC()
		received[i] = time.Unix(1790000000, 0).UTC()
		version[i] = uint64(times[i].UnixMicro())
	}
	live := make([]string, n)
	for i := range live {
		live[i] = "live"
	}
	return &rows{columns: []any{
		strs[0], strs[1], strs[2], strs[3], times, version, zero, strs[4], strs[5], strs[6], strs[7], strs[8], strs[9], strs[10], zero,
		strs[11], files, strs[12], strs[13], strs[14], live, received,
	}}
}

func (r *rows) insert(ctx context.Context, conn driver.Conn) error {
	batch, err := conn.PrepareBatch(ctx, insertQuery)
	if err != nil {
		return err
	}
	for i, c := range r.columns {
		if err := batch.Column(i).Append(c); err != nil {
			return fmt.Errorf("column %d: %w", i, err)
		}
	}
	return batch.Send()
}
