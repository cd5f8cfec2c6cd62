package content

import (
	"net/netip"
	"net/url"
	"regexp"
	"strings"

	"golang.org/x/net/idna"
	"golang.org/x/text/unicode/norm"
)

// Target is where a link leads: an address that a browser reads as we do.
type Target struct {
	URL  string // in ASCII, without what Slack or HTML would read as their own
	Host string // in ASCII: letters of other alphabets show as xn--…, since they can look like ours
}

// ParseTarget takes http, https and mail addresses, and nothing that hides where it leads: no user name before the host, no
// script or data.
func ParseTarget(address string) (Target, bool) {
	address = strings.TrimSpace(address)
	if address == "" || Clean(address) != address || strings.ContainsAny(address, "\\\n\t") {
		return Target{}, false
	}
	u, err := url.Parse(address)
	if err != nil || u.User != nil {
		return Target{}, false
	}
	switch strings.ToLower(u.Scheme) {
	case "http", "https":
	case "mailto":
		return mailTarget(u)
	default:
		return Target{}, false
	}
	host, err := asciiHost(u.Hostname())
	if err != nil || host == "" || u.Opaque != "" {
		return Target{}, false
	}
	if port := u.Port(); port != "" {
		u.Host = bracketed(host) + ":" + port
	} else {
		u.Host = bracketed(host)
	}
	return Target{URL: escapeURL(u.String()), Host: host}, true
}

// mailTarget takes an address alone: subjects, bodies and further recipients would be somebody else's words in our name.
func mailTarget(u *url.URL) (Target, bool) {
	name, domain, ok := strings.Cut(u.Opaque, "@")
	host, err := asciiHost(domain)
	if !ok || err != nil || host == "" || u.RawQuery != "" || !mailName.MatchString(name) {
		return Target{}, false
	}
	return Target{URL: "mailto:" + name + "@" + host, Host: host}, true
}

var mailName = regexp.MustCompile(`^[A-Za-z0-9._+-]+$`)

func bracketed(host string) string {
	if strings.Contains(host, ":") {
		return "[" + host + "]"
	}
	return host
}

func asciiHost(host string) (string, error) {
	if addr, err := netip.ParseAddr(host); err == nil {
		return addr.WithZone("").String(), nil
	}
	return idna.Lookup.ToASCII(strings.TrimSuffix(host, "."))
}

// escapeURL takes away what ends a URL in mrkdwn or in an attribute, and everything that is not ASCII.
func escapeURL(s string) string {
	var b strings.Builder
	for i := range len(s) {
		switch c := s[i]; {
		case c <= ' ' || c >= 0x7f || strings.IndexByte("<>|\"'`{}^", c) >= 0:
			const hex = "0123456789ABCDEF"
			b.Write([]byte{'%', hex[c>>4], hex[c&15]})
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// address finds what a person takes for an address: with a scheme, with 'www.', or a name with dots in it.
var address = regexp.MustCompile(`(?i)(?:[a-z][a-z0-9+.-]*:/{0,3})?(?:[^\s/@:]+@)?((?:[\p{L}\p{N}\p{M}_-]+\.)+[\p{L}\p{M}]{2,}|\d{1,3}(?:\.\d{1,3}){3})(?::\d+)?(?:[/?#]\S*)?`)

// dots look like the one between the parts of a host.
var dots = strings.NewReplacer("。", ".", "｡", ".", "．", ".", "․", ".", "·", ".", "‧", ".", "∙", ".", "⋅", ".", "・", ".")

// Misleads reports whether a link's text names another host than the one it leads to.
func (t Target) Misleads(text string) bool {
	text = norm.NFKC.String(dots.Replace(Line(text)))
	if strings.HasPrefix(strings.ToLower(text), "mailto:") {
		text = text[len("mailto:"):]
	}
	for _, found := range address.FindAllStringSubmatch(text, -1) {
		host, err := asciiHost(found[1])
		if err != nil || !sameHost(host, t.Host) {
			return true
		}
		if strings.Contains(strings.TrimSuffix(found[0], found[1]), "@") && !strings.HasPrefix(t.URL, "mailto:") {
			return true // a mail address that opens a page
		}
	}
	return false
}

func sameHost(a, b string) bool {
	return strings.TrimPrefix(strings.ToLower(a), "www.") == strings.TrimPrefix(strings.ToLower(b), "www.")
}

// Button is what a button says and where it leads: what it is for, but not that it leads elsewhere. False for an address that the schema
// refuses, which does not come as far as here.
func Button(label, address string) (says string, target Target, ok bool) {
	if target, ok = ParseTarget(address); !ok {
		return "", target, false
	}
	if says = Line(label); says == "" {
		says = "Open in Bigmind"
	}
	if target.Misleads(says) {
		says = "Open " + target.Host
	}
	return says, target, true
}
