package schemas

import (
	"net/url"
	"testing"
)

// What looks like a URL at a glance is one, with a host and nobody's name.
func FuzzPlainURL(f *testing.F) {
	for _, s := range []string{"https://a.example/x?y=1&z=~", "https://a.example", "https:///x", "https://a@b.example/", "https://a.example:443/", "http://a.example/", "https://a.example/%zz", "https://-./", "https://[::1]/"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if !plainURL(s) {
			return
		}
		if u, err := url.Parse(s); err != nil || u.Hostname() == "" || u.User != nil || u.Scheme != "https" {
			t.Errorf("%q: %+v, %v", s, u, err)
		}
	})
}
