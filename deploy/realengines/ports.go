//go:build unix

package realengines

import (
	"net"
	"strings"
	"testing"
)

// FreeAddrs returns n loopback addresses, host:port, on which nobody listens. They are found all at once, so that they differ.
func FreeAddrs(tb testing.TB, n int) []string {
	tb.Helper()
	addrs := make([]string, n)
	for i := range addrs {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			tb.Fatalf("find a free port: %v", err)
		}
		defer ln.Close() //nolint:revive // all are held until all are found
		addrs[i] = ln.Addr().String()
	}
	return addrs
}

func port(addr string) string { return addr[strings.LastIndexByte(addr, ':')+1:] }
