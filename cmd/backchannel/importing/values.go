package importing

import (
	"net/mail"
	"net/url"
	"strings"
	"unicode"
)

// isEmail says whether text is an address and nothing else: no name, no angle brackets.
func isEmail(text string) bool {
	a, err := mail.ParseAddress(text)
	if err != nil || a.Address != text {
		return false
	}
	_, domain, _ := strings.Cut(text, "@")
	return strings.Contains(domain, ".")
}

// domainOf is the domain that a CRM's field names: acme.example, or an address such as https://www.acme.example/.
func domainOf(text string) (domain string, ok bool) {
	domain = strings.ToLower(strings.TrimSpace(text))
	if strings.Contains(domain, "://") {
		u, err := url.Parse(domain)
		if err != nil {
			return text, false
		}
		domain = u.Hostname()
	}
	domain = strings.TrimPrefix(strings.TrimSuffix(domain, "/"), "www.")
	labels := strings.Split(domain, ".")
	if len(labels) < 2 || len(domain) > 253 {
		return text, false
	}
	for _, label := range labels {
		if !isLabel(label) {
			return text, false
		}
	}
	return domain, true
}

// isLabel takes letters of any script: domains are written as people read them, too.
func isLabel(label string) bool {
	if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
		return false
	}
	return !strings.ContainsFunc(label, func(r rune) bool {
		return r != '-' && !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r)
	})
}

// truth reads a flag as spreadsheets write it.
func truth(text string) (value, ok bool) {
	switch strings.ToLower(text) {
	case "true", "yes", "1":
		return true, true
	case "false", "no", "0":
		return false, true
	}
	return false, false
}
