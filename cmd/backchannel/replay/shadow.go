package replay

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/schemas"
)

// exchanged are the tables that Switch changes places of: messages, and what feeds keep of it.
var exchanged = []string{"messages", "message_texts", "message_origins"}

// wide lets an insert have rows of any number of months.
var wide = clickhouse.WithSettings(clickhouse.Settings{"max_partitions_per_insert_block": 0})

// seed copies what was received before a time; it empties the shadow first, since a copy that broke off is not to be counted twice. The feeds of the shadow fill the other
// tables; former wordings and which messages an event brought are nowhere else.
func (r *Replayer) seed(ctx context.Context, from time.Time) (rows uint64, err error) {
	ctx = clickhouse.Context(ctx, wide, clickhouse.WithParameters(clickhouse.Parameters{"from": from.UTC().Format("2006-01-02 15:04:05.000")}))
	const before = " WHERE received_at < {from:DateTime64(3, 'UTC')}"
	var statements []string
	for _, t := range exchanged {
		statements = append(statements, "TRUNCATE TABLE "+name(r.Into, t))
	}
	state := name(r.Into, "replay_state")
	statements = append(statements,
		"INSERT INTO "+name(r.Into, "messages")+" SELECT * FROM "+name(r.Of, "messages")+before,
		"INSERT INTO "+name(r.Into, "message_texts")+" SELECT * FROM "+name(r.Of, "message_texts")+before,
		"INSERT INTO "+name(r.Into, "message_origins")+" SELECT o.* FROM "+name(r.Of, "message_origins")+" AS o WHERE (org_id, team_id, channel_id, ts_time) IN (SELECT org_id, team_id, channel_id, ts_time FROM "+name(r.Of, "messages")+before+")",
		"CREATE TABLE IF NOT EXISTS "+state+" (from_time DateTime64(3, 'UTC'), ended_at DateTime64(3, 'UTC')) ENGINE = MergeTree ORDER BY ended_at COMMENT 'From when on the shadow was replayed, and until when.'",
		"TRUNCATE TABLE "+state, "INSERT INTO "+state+" SELECT {from:DateTime64(3, 'UTC')}, 0")
	for _, s := range statements {
		if err := r.Shadow.Exec(ctx, s); err != nil {
			return 0, fmt.Errorf("prepare the shadow: %w", err)
		}
	}
	if err := r.Shadow.QueryRow(ctx, "SELECT count() FROM "+name(r.Into, "messages")).Scan(&rows); err != nil {
		return 0, fmt.Errorf("count the shadow's rows: %w", err)
	}
	fmt.Fprintf(r.Progress, "%d rows from before %s are copied\n", rows, from.UTC().Format(time.RFC3339))
	return rows, nil
}

// note says until when the shadow was replayed.
func (r *Replayer) note(ctx context.Context, ended time.Time) error {
	state := name(r.Into, "replay_state")
	ctx = clickhouse.Context(ctx, clickhouse.WithParameters(clickhouse.Parameters{"ended": ended.UTC().Format("2006-01-02 15:04:05.000")}))
	if err := r.Shadow.Exec(ctx, "INSERT INTO "+state+" SELECT max(from_time), {ended:DateTime64(3, 'UTC')} FROM "+state); err != nil {
		return fmt.Errorf("note until when the shadow is: %w", err)
	}
	return nil
}

// errNoShadow is told where there is none that was finished.
var errNoShadow = errors.New("there is no shadow that was replayed to its end: 'backchannel replay --topic T --from TIME --into shadow' makes one")

// ended is until when the shadow was replayed, and from when on.
func (r *Replayer) ended(ctx context.Context) (from, until time.Time, err error) {
	var n uint64
	err = r.Live.QueryRow(ctx, "SELECT count() FROM system.tables WHERE database = ? AND name = 'replay_state'", r.Into).Scan(&n)
	if err == nil && n == 0 {
		return from, until, errNoShadow
	}
	if err == nil {
		err = r.Live.QueryRow(ctx, "SELECT count(), max(from_time), max(ended_at) FROM "+name(r.Into, "replay_state")).Scan(&n, &from, &until)
	}
	if err != nil {
		return from, until, fmt.Errorf("ask until when the shadow is: %w", err)
	}
	if until.Unix() <= 0 {
		return from, until, errNoShadow
	}
	return from, until, nil
}

// behind is how far the live sink may lag when tables change places: so much is read again when they do so once more.
const behind = time.Hour

// Switch makes the shadow's tables the live ones, and the live ones the shadow's, each in an instant. What came since the last run is replayed before, and what came up to
// the instant after it, straight into the tables that are live now: what the live sink had put into the others is on the topics. Again, it undoes that, in the same way.
func (r *Replayer) Switch(ctx context.Context) (c Counts, err error) {
	if _, _, err := r.ended(ctx); err != nil {
		return c, err
	}
	client, admin, err := r.client()
	if err != nil {
		return c, err
	}
	defer client.Close()
	at, err := r.committed(ctx, admin)
	if err != nil {
		return c, err
	}
	if err := r.read(ctx, client, at, r.Write, &c); err != nil {
		return c, err
	}
	for _, t := range exchanged {
		if err := r.Live.Exec(ctx, "EXCHANGE TABLES "+name(r.Of, t)+" AND "+name(r.Into, t)); err != nil {
			return c, fmt.Errorf("change places of %s: %w", t, err)
		}
	}
	switched := r.Now()
	if err := r.read(ctx, client, at, r.WriteLive, &c); err != nil {
		return c, fmt.Errorf("the tables have changed places, and what came meanwhile is not in them yet: %w", err)
	}
	return c, r.rewind(ctx, admin, at, switched.Add(-behind))
}

// rewind notes that the tables which are the shadow's now may lack what came since a time: the live sink may not have been there yet.
func (r *Replayer) rewind(ctx context.Context, admin *kadm.Client, at map[string]map[int32]int64, since time.Time) error {
	offsets, err := admin.ListOffsetsAfterMilli(ctx, since.UnixMilli(), slices.Collect(maps.Keys(at))...)
	if err == nil {
		err = offsets.Error()
	}
	if err != nil {
		return fmt.Errorf("find what came in the last hour: %w", err)
	}
	offsets.Each(func(o kadm.ListedOffset) { put(at, o.Topic, o.Partition, o.Offset) })
	return r.commit(ctx, admin, at)
}

// Drop removes the shadow, and how far it was.
func (r *Replayer) Drop(ctx context.Context) error {
	client, err := kgo.NewClient(r.Kafka...)
	if err != nil {
		return fmt.Errorf("make the Kafka client: %w", err)
	}
	defer client.Close()
	answer, err := kadm.NewClient(client).DeleteGroup(ctx, r.Group)
	if err == nil {
		err = answer.Err
	}
	if err != nil && !errors.Is(err, kerr.GroupIDNotFound) {
		return fmt.Errorf("forget how far the replay was: %w", err)
	}
	if err := r.Live.Exec(ctx, "DROP DATABASE IF EXISTS "+schemas.SQLName(r.Into)); err != nil {
		return fmt.Errorf("drop the shadow: %w", err)
	}
	return nil
}

func name(database, table string) string {
	return schemas.SQLName(database) + "." + schemas.SQLName(table)
}
