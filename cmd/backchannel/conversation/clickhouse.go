// Package conversation reads an account's conversations from ClickHouse, in pages.
package conversation

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/bigmind/backchannel/ingest/conversation"
	"github.com/bigmind/backchannel/schemas"
)

const (
	// within bounds a question, for the request that waits for it.
	within = 20 * time.Second
	// most bounds the messages of a page, and so the query that names them.
	most = 1000
)

// ClickHouse reads the view account_conversations, which has one organization's account and nothing else.
type ClickHouse struct{ Conn driver.Conn }

// thread is one of the account, with the ts of its messages, the newest first.
type thread struct {
	team, channel, root string
	last                time.Time
	ts                  []string
	earlier             bool // there are more of them than a page has
}

// Read implements conversation.Reader: first which threads, from columns that are small; then the messages of those, by their keys.
func (c ClickHouse) Read(ctx context.Context, org schemas.OrgID, q conversation.Query) (conversation.Page, error) {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	of := fmt.Sprintf(" FROM account_conversations(org = %s, account = %s) WHERE ", schemas.SQLString(string(org)), schemas.SQLString(string(q.Account)))
	threads, more, err := c.threads(ctx, of, q)
	if err != nil {
		return conversation.Page{}, fmt.Errorf("find the account's threads: %w", err)
	}
	if len(threads) == 0 {
		return conversation.Page{}, nil
	}
	said, err := c.messages(ctx, of, threads)
	if err != nil {
		return conversation.Page{}, fmt.Errorf("read the account's messages: %w", err)
	}
	return pack(threads, said, q, more), nil
}

// threads finds those of a page, the one with the newest message first, until they have as many messages as a page may; more says that there are older ones.
func (c ClickHouse) threads(ctx context.Context, of string, q conversation.Query) (all []thread, more bool, err error) {
	having := "1"
	if b := q.Before; b != nil {
		last, than := fmt.Sprintf("fromUnixTimestamp64Micro(%d, 'UTC')", b.Last), ">"
		if b.Within != "" {
			than = ">="
		}
		having = fmt.Sprintf("last < %[1]s OR last = %[1]s AND (team_id, channel_id, root_ts) %[2]s (%[3]s, %[4]s, %[5]s)", last, than, schemas.SQLString(string(b.Team)), schemas.SQLString(string(b.Channel)), schemas.SQLString(string(b.Root)))
	}
	rows, err := c.Conn.Query(ctx, fmt.Sprintf(`SELECT team_id, channel_id, root_ts, max(ts_time) AS last, arrayReverseSort(groupArray(ts)) AS all%s
ts_time <= fromUnixTimestamp64Micro(%d, 'UTC')
GROUP BY team_id, channel_id, root_ts HAVING last >= fromUnixTimestamp64Micro(%d, 'UTC') AND (%s) ORDER BY last DESC, team_id, channel_id, root_ts LIMIT %d`,
		of, micros(q.Until), micros(q.Since), having, most+1))
	if err != nil {
		return nil, false, err
	}
	defer func() { _ = rows.Close() }() // Err tells what matters
	n := 0
	for rows.Next() {
		var t thread
		if err := rows.Scan(&t.team, &t.channel, &t.root, &t.last, &t.ts); err != nil {
			return nil, false, err
		}
		if b := q.Before; b != nil && b.Within != "" && t.team == string(b.Team) && t.channel == string(b.Channel) && t.root == string(b.Root) {
			t.ts = slices.DeleteFunc(t.ts, func(ts string) bool { return ts >= string(b.Within) })
		}
		if len(all) > 0 && n+len(t.ts) > most {
			return all, true, nil
		}
		if t.earlier = len(t.ts) > most; t.earlier {
			t.ts = t.ts[:most]
		}
		all, n = append(all, t), n+len(t.ts)
	}
	return all, false, rows.Err()
}

// id is a message in its place.
type id struct{ team, channel, ts string }

// messages reads what the threads hold, by its keys.
func (c ClickHouse) messages(ctx context.Context, of string, threads []thread) (map[id]found, error) {
	wanted := map[string][]string{}
	for _, t := range threads {
		channel := "team_id = " + schemas.SQLString(t.team) + " AND channel_id = " + schemas.SQLString(t.channel)
		for _, ts := range t.ts {
			wanted[channel] = append(wanted[channel], schemas.SQLString(ts))
		}
	}
	var keys []string
	for channel, ts := range wanted {
		keys = append(keys, channel+" AND ts IN ("+strings.Join(ts, ", ")+")")
	}
	rows, err := c.Conn.Query(ctx, `SELECT team_id, channel_id, channel_name, deal_id, deal_name, ts, ts_time, user_id, author_name, author_company, is_external, bot_id != '', text, file_names, edited_ts != ''`+
		of+"("+strings.Join(keys, " OR ")+")")
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }() // Err tells what matters
	all := map[id]found{}
	for rows.Next() {
		var f found
		var key id
		var external, app, edited uint8
		m := &f.Message
		if err := rows.Scan(&key.team, &key.channel, &f.channel, &f.deal, &f.dealName, &key.ts, &m.SaidAt, (*string)(&m.UserID), &m.Author, &m.Company, &external, &app, &m.Text, &m.Files, &edited); err != nil {
			return nil, err
		}
		m.TS, m.External, m.App, m.Edited = schemas.TS(key.ts), external == 1, app == 1, edited == 1
		m.Characters = characters(m)
		all[key] = f
	}
	return all, rows.Err()
}

// found is a message with what its channel has.
type found struct {
	conversation.Message
	channel, deal, dealName string
}

// micros is a time for ClickHouse. The zero time is the year 1, which DateTime64 does not have.
func micros(t time.Time) int64 { return max(t.UnixMicro(), 0) }
