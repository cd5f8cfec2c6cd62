package chdb

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

// Programs ask by an address or a name of the machine; pages of other sites do not get through, whatever name they have for it.
func TestPagesAreRefused(t *testing.T) {
	for name, tt := range map[string]struct {
		host, header, value string
		refused             bool
	}{
		"an address":                     {host: "127.0.0.1:8123"},
		"an address of IPv6":             {host: "[::1]:8123"},
		"localhost":                      {host: "localhost:8123"},
		"a container's name":             {host: "backchannel:8123"},
		"another's name that leads here": {host: "evil.example:8123", refused: true},
		"without a port":                 {host: "evil.example", refused: true},
		"another site's page":            {host: "127.0.0.1:8123", header: "Origin", value: "https://evil.example", refused: true},
		"as browsers say":                {host: "127.0.0.1:8123", header: "Sec-Fetch-Site", value: "cross-site", refused: true},
		"a sandboxed page":               {host: "127.0.0.1:8123", header: "Origin", value: "null", refused: true},
	} {
		r := httptest.NewRequest(http.MethodPost, "/", nil)
		r.Host = tt.host
		if tt.header != "" {
			r.Header.Set(tt.header, tt.value)
		}
		if err := guard(r); (err != nil) != tt.refused {
			t.Errorf("%s: %v, want refused %t", name, err, tt.refused)
		}
	}
}
