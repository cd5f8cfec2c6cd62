package chdb

import (
	"errors"
	"net"
	"net/http"
	"os"
	"strings"
)

// guard refuses what a page in somebody's browser sends: whoever asks the engine needs no password, and reads and writes files as the process does (file, url). A page
// of another site is told by Sec-Fetch-Site or Origin, and one that has its own name lead to this address (DNS rebinding) by the name.
func guard(r *http.Request) error {
	if err := http.NewCrossOriginProtection().Check(r); err != nil {
		return errors.New("a page of another site may not ask this engine")
	}
	host := r.Host
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.ToLower(strings.Trim(host, "[]"))
	own, _ := os.Hostname() // without one there is one name less
	if net.ParseIP(host) != nil || !strings.Contains(host, ".") || strings.HasSuffix(host, ".localhost") || host == strings.ToLower(own) {
		return nil
	}
	return errors.New("this engine is asked by an address, localhost or the machine's own name, and not as " + host)
}
