package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// chConn is ClickHouse with words of our own for when it does not answer: those of the driver are its plumbing, with the whole query in the URL.
type chConn struct {
	driver.Conn
	at string // as a person may see it
}

// away is an error that says where nobody answered, when that is what it means; what was in the way stays in its chain.
func (c chConn) away(ctx context.Context, err error) error {
	if err == nil || errors.Is(ctx.Err(), context.Canceled) { // then it was not asked to the end
		return err
	}
	var cause error
	if u, is := errors.AsType[*url.Error](err); is {
		cause = u.Err
	} else if dial, is := errors.AsType[*net.OpError](err); is && dial.Op == "dial" {
		cause = dial
	}
	if cause == nil {
		return err
	}
	return fmt.Errorf("ClickHouse does not answer at %s: %w", c.at, cause)
}

func (c chConn) Query(ctx context.Context, query string, args ...any) (driver.Rows, error) {
	rows, err := c.Conn.Query(ctx, query, args...)
	return rows, c.away(ctx, err)
}

func (c chConn) Select(ctx context.Context, dest any, query string, args ...any) error {
	return c.away(ctx, c.Conn.Select(ctx, dest, query, args...))
}

func (c chConn) Exec(ctx context.Context, query string, args ...any) error {
	return c.away(ctx, c.Conn.Exec(ctx, query, args...))
}

func (c chConn) Ping(ctx context.Context) error { return c.away(ctx, c.Conn.Ping(ctx)) }

func (c chConn) PrepareBatch(ctx context.Context, query string, opts ...driver.PrepareBatchOption) (driver.Batch, error) {
	batch, err := c.Conn.PrepareBatch(ctx, query, opts...)
	return batch, c.away(ctx, err)
}

func (c chConn) QueryRow(ctx context.Context, query string, args ...any) driver.Row {
	return chRow{c.Conn.QueryRow(ctx, query, args...), func(err error) error { return c.away(ctx, err) }}
}

type chRow struct {
	driver.Row
	away func(error) error
}

func (r chRow) Err() error                { return r.away(r.Row.Err()) }
func (r chRow) Scan(dest ...any) error    { return r.away(r.Row.Scan(dest...)) }
func (r chRow) ScanStruct(dest any) error { return r.away(r.Row.ScanStruct(dest)) }
