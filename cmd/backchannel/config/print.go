package config

import (
	"fmt"
	"io"
	"net/url"
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

func shown(s Setting, text string) string {
	switch {
	case text == "":
		return "-"
	case s.Secret:
		return "(set, redacted)"
	}
	if u, err := url.Parse(text); err == nil && u.Host != "" {
		if _, has := u.User.Password(); has {
			u.User = url.UserPassword(u.User.Username(), "REDACTED")
		}
		query := u.Query()
		for _, name := range []string{"password", "sentinel_password"} {
			if query.Has(name) {
				query.Set(name, "REDACTED")
				u.RawQuery = query.Encode()
			}
		}
		return u.String()
	}
	return text
}
