package config

import (
	"fmt"
	"io"
	"net/url"
	"regexp"
	"strings"
	"text/tabwriter"
)

// Print writes what is in force and where each value came from. Secrets, and passwords within URLs, are redacted.
func (c *Config) Print(w io.Writer) error {
	out := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(out, "SETTING\tVALUE\tFROM\tVARIABLE")
	for _, s := range Settings {
		v := c.values[s.Name]
		fmt.Fprintf(out, "%s\t%s\t%s\t%s\n", s.Name, shown(s, v.Text), v.Source, s.Env())
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("print the configuration: %w", err)
	}
	return nil
}

// Shown is a setting as a person may see it.
func (c *Config) Shown(name string) string {
	s, _ := Lookup(name)
	return shown(s, c.String(name))
}

func shown(s Setting, text string) string {
	switch {
	case text == "":
		return "-"
	case s.Secret:
		return "(set, redacted)"
	}
	if !strings.Contains(text, "://") {
		return text
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme == "" || nested(text) {
		return "(a URL that does not parse, redacted)"
	}
	if _, has := u.User.Password(); has {
		u.User = url.UserPassword(u.User.Username(), redacted)
	}
	u.RawQuery = redactQuery(u.RawQuery)
	return u.String()
}

// nested says whether a URL has another one in it that has a user: where that begins, only whoever wrote it knows.
func nested(text string) bool {
	_, rest, _ := strings.Cut(text, "://")
	_, inner, is := strings.Cut(rest, "://")
	return is && strings.Contains(inner, "@")
}

const redacted = "REDACTED"

// redactQuery hides the values of parameters that are named like a secret, as in redis://…?sentinel_password=….
func redactQuery(raw string) string {
	query, err := url.ParseQuery(raw)
	if err != nil {
		return redacted
	}
	changed := false
	for name := range query {
		if secretName.MatchString(name) {
			query.Set(name, redacted)
			changed = true
		}
	}
	if !changed {
		return raw
	}
	return query.Encode()
}

var secretName = regexp.MustCompile(`(?i)pass|secret|token|key|credential`)
