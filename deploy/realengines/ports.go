//go:build unix

package realengines

import (
	"math/rand/v2"
	"net"
	"strconv"
	"strings"
	"testing"
)

// FreeAddrs returns n loopback addresses, host:port, on which nobody listens. They are found all at once, so that they differ.
//
// They lie below the range from which Linux (32768 on) and macOS (49152 on) take ports for outgoing connections: with port
// 0, a client's connection may be given the port between our looking and the engine's listening, or while it is restarted.
func FreeAddrs(tb testing.TB, n int) []string {
	tb.Helper()
	const lowest, highest = 20000, 32000
	addrs := make([]string, 0, n)
	for tries := 0; len(addrs) < n; tries++ {
		ln, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(lowest+rand.IntN(highest-lowest)))
		if err != nil {
			if tries > 1000 {
				tb.Fatalf("find a free port: %v", err)
			}
			continue
		}
		defer ln.Close()
		addrs = append(addrs, ln.Addr().String())
	}
	return addrs
}

func port(addr string) string { return addr[strings.LastIndexByte(addr, ':')+1:] }
