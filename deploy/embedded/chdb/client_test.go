package chdb

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
)

func TestHello(t *testing.T) {
	for _, m := range []clickhouse.CompressionMethod{clickhouse.CompressionNone, clickhouse.CompressionLZ4, clickhouse.CompressionZSTD, clickhouse.CompressionGZIP, clickhouse.CompressionBrotli} {
		conn := dial(t, shared.child, m)
		ctx := context.Background()
		if err := conn.Ping(ctx); err != nil {
			t.Fatal(m, err)
		}
		mustExec(t, conn, "CREATE DATABASE IF NOT EXISTS x")
		mustExec(t, conn, "DROP TABLE IF EXISTS x.t SYNC")
		mustExec(t, conn, "CREATE TABLE x.t (a UInt64, b String) ENGINE=MergeTree ORDER BY a")
		begin := time.Now()
		batch, err := conn.PrepareBatch(ctx, "INSERT INTO x.t")
		if err != nil {
			t.Fatal(err)
		}
		for i := range 100000 {
			batch.Append(uint64(i), "row number and text")
		}
		t.Log("append", time.Since(begin))
		begin = time.Now()
		if err := batch.Send(); err != nil {
			t.Fatal(m, err)
		}
		t.Log("send", time.Since(begin))
		begin = time.Now()
		rows, err := conn.Query(ctx, "SELECT * FROM x.t ORDER BY a")
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for rows.Next() {
			var a uint64
			var b string
			if err := rows.Scan(&a, &b); err != nil {
				t.Fatal(err)
			}
			n++
		}
		if err := rows.Err(); err != nil || n != 100000 {
			t.Fatal(err, n)
		}
		t.Log("select", time.Since(begin))
		begin = time.Now()
		for range 100 {
			var one uint8
			if err := conn.QueryRow(ctx, "SELECT 1").Scan(&one); err != nil {
				t.Fatal(err)
			}
		}
		t.Log("small", time.Since(begin)/100)
		_, err = conn.Query(ctx, "SELECT * FROM nosuch")
		var ex *clickhouse.Exception
		if !errors.As(err, &ex) || ex.Code != 60 {
			t.Fatal(m, err)
		}
	}
}
