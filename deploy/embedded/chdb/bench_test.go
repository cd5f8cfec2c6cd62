package chdb

import (
	"context"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
)

// BenchmarkInsert sends 100,000 rows through clickhouse-go, from filled columns to the acknowledgement (fsynced).
func BenchmarkInsert(b *testing.B) {
	for _, compression := range []clickhouse.CompressionMethod{clickhouse.CompressionNone, clickhouse.CompressionLZ4} {
		b.Run(compression.String(), func(b *testing.B) {
			conn := dial(b, engineFor(b), compression)
			ctx := context.Background()
			mustExec(b, conn, "CREATE DATABASE IF NOT EXISTS bench")
			mustExec(b, conn, "CREATE OR REPLACE TABLE bench.t (id UInt64, at DateTime64(6), channel LowCardinality(String), text String) ENGINE = MergeTree ORDER BY id")
			const n = 100_000
			ids, ats, channels, texts := make([]uint64, n), make([]time.Time, n), make([]string, n), make([]string, n)
			for i := range n {
				ids[i], ats[i], channels[i], texts[i] = uint64(i), time.UnixMicro(int64(i)), "C0123456789", "A message of an ordinary length, as people write it in a channel of a customer."
			}
			for b.Loop() {
				batch, err := conn.PrepareBatch(ctx, "INSERT INTO bench.t")
				if err != nil {
					b.Fatal(err)
				}
				for i, column := range []any{ids, ats, channels, texts} {
					if err := batch.Column(i).Append(column); err != nil {
						b.Fatal(err)
					}
				}
				if err := batch.Send(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(n*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}

func BenchmarkSmallQuery(b *testing.B) {
	conn := dial(b, engineFor(b), clickhouse.CompressionNone)
	for b.Loop() {
		var one uint8
		if err := conn.QueryRow(context.Background(), "SELECT 1").Scan(&one); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkRead reads 100,000 rows of four columns.
func BenchmarkRead(b *testing.B) {
	conn := dial(b, engineFor(b), clickhouse.CompressionNone)
	const query = "SELECT number, toDateTime64(number, 6), toLowCardinality('C0123456789'), repeat('text ', 16) FROM numbers(100000)"
	for b.Loop() {
		rows, err := conn.Query(context.Background(), query)
		if err != nil {
			b.Fatal(err)
		}
		n := 0
		for rows.Next() {
			n++
		}
		if err := rows.Err(); err != nil || n != 100_000 {
			b.Fatal(n, err)
		}
	}
}
