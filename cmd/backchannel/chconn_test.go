package main

import (
	"errors"
	"strings"
	"syscall"
	"testing"
)

// Where nobody listens the words are of where and why, and hold neither a query nor a password.
func TestClickHouseAway(t *testing.T) {
	for _, scheme := range []string{"http", "clickhouse"} {
		conn, err := clickhouseConn(settings(t, map[string]string{"clickhouse-url": scheme + "://ann:geheim@127.0.0.1:1/backchannel"}))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close() }()
		_, queried := conn.Query(t.Context(), "SELECT 1")
		for _, err := range []error{conn.Exec(t.Context(), "SELECT 1"), queried, conn.QueryRow(t.Context(), "SELECT 1").Scan(new(uint8))} {
			if err == nil || !strings.HasPrefix(err.Error(), "ClickHouse does not answer at "+scheme+"://ann:REDACTED@127.0.0.1:1/backchannel: ") || !errors.Is(err, syscall.ECONNREFUSED) {
				t.Errorf("%s: %v", scheme, err)
			}
			for _, plumbing := range []string{"sendQuery", "hello", "client_protocol", "geheim"} {
				if err != nil && strings.Contains(err.Error(), plumbing) {
					t.Errorf("%s: %v has %s", scheme, err, plumbing)
				}
			}
		}
	}
}
