package main

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/bigmind/backchannel/schemas"
)

// deliveriesTimeout bounds the question to ClickHouse: the rest of the status does without.
const deliveriesTimeout = 30 * time.Second

// deliveries is, by channel, what polling found of which no event came, since the channel's sync began.
type deliveries map[schemas.Key]struct{ found, gaps uint64 }

// deliveriesOf asks ClickHouse of these channels: only there it is known what came by events.
func deliveriesOf(ctx context.Context, a *app, channels []schemas.SyncCheckpoint) (deliveries, error) {
	conn, err := clickhouseConn(a.config)
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close() }() // nothing is pending on it
	ctx, cancel := context.WithTimeout(ctx, deliveriesTimeout)
	defer cancel()
	query, args := "SELECT team_id, channel_id, found, gaps FROM sync_deliveries", []any{}
	if len(channels) == 1 { // then ClickHouse need not read the others' messages
		c := channels[0]
		query, args = query+" WHERE org_id = ? AND team_id = ? AND channel_id = ?", []any{string(c.OrgID), string(c.TeamID), string(c.ChannelID)}
	}
	rows, err := conn.Query(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("read sync_deliveries: %w", err)
	}
	defer func() { _ = rows.Close() }() // Err tells what matters
	all := deliveries{}
	for rows.Next() {
		var team, channel string
		var found, gaps uint64
		if err := rows.Scan(&team, &channel, &found, &gaps); err != nil {
			return nil, fmt.Errorf("read sync_deliveries: %w", err)
		}
		all[schemas.TeamChannelKey(schemas.TeamID(team), schemas.ChannelID(channel))] = struct{ found, gaps uint64 }{found, gaps}
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read sync_deliveries: %w", err)
	}
	return all, nil
}

// of is what to show of a channel: a dash when ClickHouse could not be asked.
func (d deliveries) of(c schemas.SyncCheckpoint) string {
	if d == nil {
		return "-"
	}
	n := d[schemas.TeamChannelKey(c.TeamID, c.ChannelID)]
	if n.found == 0 {
		return "0"
	}
	return strconv.FormatUint(n.found, 10) + " in " + plural(n.gaps, "gap")
}

func plural(n uint64, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return strconv.FormatUint(n, 10) + " " + what + "s"
}
