package chdb

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/ext"
	"github.com/ClickHouse/clickhouse-go/v2/lib/chcol"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
)

var compressions = []clickhouse.CompressionMethod{clickhouse.CompressionNone, clickhouse.CompressionLZ4, clickhouse.CompressionZSTD,
	clickhouse.CompressionGZIP, clickhouse.CompressionDeflate, clickhouse.CompressionBrotli}

// row holds the column types that this product and its data teams use.
type row struct {
	ID       uint64             `ch:"id"`
	Text     string             `ch:"text"`
	At       time.Time          `ch:"at"`
	Flag     uint8              `ch:"flag"`
	Kind     string             `ch:"kind"`
	Tags     []string           `ch:"tags"`
	Labels   []string           `ch:"labels"`
	Maybe    *string            `ch:"maybe"`
	Fields   map[string]string  `ch:"fields"`
	Score    float64            `ch:"score"`
	Day      time.Time          `ch:"day"`
	Key      uuid.UUID          `ch:"key"`
	Signed   int32              `ch:"signed"`
	State    string             `ch:"state"`
	Nested   [][]uint16         `ch:"nested"`
	Point    map[string]float32 `ch:"point"`
	Fixed    string             `ch:"fixed"`
	Bool     bool               `ch:"bool"`
	LowMaybe *string            `ch:"low_maybe"`
}

const rowTable = `CREATE OR REPLACE TABLE types.t (
	id UInt64, text String, at DateTime64(6), flag UInt8, kind LowCardinality(String), tags Array(String),
	labels Array(LowCardinality(String)), maybe Nullable(String), fields Map(String, String), score Float64, day Date,
	key UUID, signed Int32, state Enum8('on' = 1, 'off' = 2), nested Array(Array(UInt16)), point Map(LowCardinality(String), Float32),
	fixed FixedString(4), bool Bool, low_maybe LowCardinality(Nullable(String))
) ENGINE = MergeTree ORDER BY id`

func rowsOf(n int) []row {
	maybe := "there\x00\t\n'\\"
	rows := make([]row, n)
	for i := range rows {
		rows[i] = row{ID: uint64(i), Text: "Grüße \x00\xff " + string(rune('a'+i%26)), At: time.UnixMicro(1700000000123456 + int64(i)).UTC(), Flag: uint8(i),
			Kind: []string{"a", "b", ""}[i%3], Tags: []string{"x", ""}[:i%3%2+i%2], Labels: []string{"l", "m"}[:i%3], Fields: map[string]string{"k": "v"},
			Score: float64(i) / 3, Day: time.Date(2026, 1, 1+i%28, 0, 0, 0, 0, time.UTC), Key: uuid.UUID{15: byte(i)}, Signed: int32(-i), State: "off",
			Nested: [][]uint16{{1, 2}, {}, {uint16(i)}}, Point: map[string]float32{"x": 1.5}, Fixed: "four", Bool: i%2 == 0}
		if i%2 == 0 {
			rows[i].Maybe, rows[i].LowMaybe = &maybe, &maybe
		}
	}
	return rows
}

func TestTypesThroughClient(t *testing.T) {
	child := engineFor(t)
	ctx := context.Background()
	for _, compression := range compressions {
		t.Run(compression.String(), func(t *testing.T) {
			conn := dial(t, child, compression)
			if err := conn.Ping(ctx); err != nil {
				t.Fatal(err)
			}
			mustExec(t, conn, "CREATE DATABASE IF NOT EXISTS types")
			mustExec(t, conn, rowTable)
			want := rowsOf(3000)
			batch, err := conn.PrepareBatch(ctx, "INSERT INTO types.t")
			if err != nil {
				t.Fatal(err)
			}
			for i := range want {
				if err := batch.AppendStruct(&want[i]); err != nil {
					t.Fatal(err)
				}
			}
			if err := batch.Send(); err != nil {
				t.Fatal(err)
			}
			var got []row
			if err := conn.Select(ctx, &got, "SELECT * FROM types.t ORDER BY id"); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
			mustExec(t, conn, "DROP TABLE types.t SYNC")
		})
	}
}

func TestColumnarBatch(t *testing.T) {
	conn := dial(t, engineFor(t), clickhouse.CompressionLZ4)
	ctx := context.Background()
	mustExec(t, conn, "CREATE DATABASE IF NOT EXISTS types")
	mustExec(t, conn, "CREATE OR REPLACE TABLE types.columns (id UInt64, text String, at DateTime64(6), kind LowCardinality(String)) ENGINE = MergeTree ORDER BY id")
	const n = 100_000
	ids, texts, ats, kinds := make([]uint64, n), make([]string, n), make([]time.Time, n), make([]string, n)
	for i := range n {
		ids[i], texts[i], ats[i], kinds[i] = uint64(i), "a message of some length", time.UnixMicro(int64(i)).UTC(), "message"
	}
	batch, err := conn.PrepareBatch(ctx, "INSERT INTO types.columns (id, text, at, kind)")
	if err != nil {
		t.Fatal(err)
	}
	for i, column := range []any{ids, texts, ats, kinds} {
		if err := batch.Column(i).Append(column); err != nil {
			t.Fatal(err)
		}
	}
	if err := batch.Send(); err != nil {
		t.Fatal(err)
	}
	var count, sum uint64
	if err := conn.QueryRow(ctx, "SELECT count(), sum(id) FROM types.columns WHERE kind = 'message'").Scan(&count, &sum); err != nil {
		t.Fatal(err)
	}
	if count != n || sum != n*(n-1)/2 {
		t.Errorf("%d rows with sum %d", count, sum)
	}
}

func TestJSONThroughClient(t *testing.T) {
	conn := dial(t, engineFor(t), clickhouse.CompressionNone)
	ctx := context.Background()
	mustExec(t, conn, "CREATE DATABASE IF NOT EXISTS types")
	mustExec(t, conn, "CREATE OR REPLACE TABLE types.json (id UInt8, doc JSON) ENGINE = MergeTree ORDER BY id")
	batch, err := conn.PrepareBatch(ctx, "INSERT INTO types.json")
	if err != nil {
		t.Fatal(err)
	}
	doc := chcol.NewJSON()
	doc.SetValueAtPath("a.b", int64(7))
	doc.SetValueAtPath("c", "text")
	if err := batch.Append(uint8(1), doc); err != nil {
		t.Fatal(err)
	}
	if err := batch.Send(); err != nil {
		t.Fatal(err)
	}
	var got chcol.JSON
	if err := conn.QueryRow(ctx, "SELECT doc FROM types.json").Scan(&got); err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(&got)
	if err != nil {
		t.Fatal(err)
	}
	if string(text) != `{"a":{"b":7},"c":"text"}` {
		t.Errorf("got %s", text)
	}
}

func TestTypedExceptions(t *testing.T) {
	for _, compression := range compressions {
		conn := dial(t, engineFor(t), compression)
		for query, code := range map[string]int32{
			"SELECT * FROM nosuch": 60, "SELEC 1": 62, "SELECT nosuch": 47, "SELECT nosuch()": 46, "SELECT * FROM nosuch.t": 81,
			"SELECT throwIf(1)": 395, "SELECT throwIf(number = 2900000) FROM numbers(3000000)": 395,
		} {
			rows, err := conn.Query(context.Background(), query)
			if err == nil {
				for rows.Next() {
				}
				err = rows.Err()
			}
			var exception *clickhouse.Exception
			if !errors.As(err, &exception) || exception.Code != code {
				t.Errorf("%s, %s: want code %d, got %v", compression, query, code, err)
			}
		}
		batch, err := conn.PrepareBatch(context.Background(), "INSERT INTO nosuch")
		var exception *clickhouse.Exception
		if !errors.As(err, &exception) || exception.Code != 60 {
			t.Errorf("%s: batch %v: %v", compression, batch, err)
		}
	}
}

func TestParameters(t *testing.T) {
	conn := dial(t, engineFor(t), clickhouse.CompressionNone)
	for _, text := range []string{"", "plain", "tab\tnewline\ncr\r", `back\slash`, `quotes ' " and backtick`, "nul\x00byte", "Grüße 👋", `\N`, "{a:String}", "'; DROP TABLE t; --"} {
		var got string
		err := conn.QueryRow(context.Background(), "SELECT {text:String}", clickhouse.Named("text", text)).Scan(&got)
		if err != nil || got != text {
			t.Errorf("sent %q, got %q: %v", text, got, err)
		}
	}
	var n uint64
	err := conn.QueryRow(context.Background(), "SELECT {n:UInt64} + length({list:Array(String)})", clickhouse.Named("n", uint64(40)), clickhouse.Named("list", []string{"a'", "b\\"})).Scan(&n)
	if err != nil || n != 42 {
		t.Errorf("%d %v", n, err)
	}
}

// The identity that the product's tables have: the highest version wins, and a tombstone hides the row.
func TestReplacingMergeTree(t *testing.T) {
	conn := dial(t, engineFor(t), clickhouse.CompressionNone)
	mustExec(t, conn, "CREATE DATABASE IF NOT EXISTS types")
	mustExec(t, conn, "CREATE OR REPLACE TABLE types.replacing (k String, v UInt64, text String, is_deleted UInt8) ENGINE = ReplacingMergeTree(v, is_deleted) ORDER BY k")
	mustExec(t, conn, "INSERT INTO types.replacing VALUES ('a', 2, 'new', 0), ('b', 1, 'old', 0)")
	mustExec(t, conn, "INSERT INTO types.replacing VALUES ('a', 1, 'old', 0), ('b', 2, '', 1), ('c', 1, 'only', 0)")
	var got []struct {
		K    string `ch:"k"`
		Text string `ch:"text"`
	}
	if err := conn.Select(context.Background(), &got, "SELECT k, text FROM types.replacing FINAL ORDER BY k"); err != nil {
		t.Fatal(err)
	}
	if len(got) != 2 || got[0].Text != "new" || got[1].K != "c" {
		t.Errorf("%+v", got)
	}
}

func TestDurabilityIsOn(t *testing.T) {
	conn := dial(t, engineFor(t), clickhouse.CompressionNone)
	var on uint64
	if err := conn.QueryRow(context.Background(), "SELECT count() FROM system.merge_tree_settings WHERE name IN ('fsync_after_insert', 'fsync_part_directory') AND value = '1'").Scan(&on); err != nil {
		t.Fatal(err)
	}
	if on != 2 {
		t.Errorf("%d of 2 settings are on", on)
	}
}

func TestExternalTable(t *testing.T) {
	table, err := ext.NewTable("authors", ext.Column("id", "UInt8"), ext.Column("name", "String"))
	if err != nil {
		t.Fatal(err)
	}
	for i, name := range []string{"Ada", "Grace"} {
		if err := table.Append(uint8(i), name); err != nil {
			t.Fatal(err)
		}
	}
	ctx := clickhouse.Context(context.Background(), clickhouse.WithExternalTable(table))
	for _, compression := range []clickhouse.CompressionMethod{clickhouse.CompressionNone, clickhouse.CompressionLZ4} {
		conn := dial(t, engineFor(t), compression)
		var name string
		if err := conn.QueryRow(ctx, "SELECT name FROM authors WHERE id = 1").Scan(&name); err != nil || name != "Grace" {
			t.Errorf("%s: %q %v", compression, name, err)
		}
	}
}
