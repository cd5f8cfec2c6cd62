package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/spf13/cobra"
)

// accounts is a ClickHouse that knows which organization has which account, and no message.
type accounts struct {
	driver.Conn
	of map[string][]string
}

func (c accounts) QueryRow(_ context.Context, _ string, args ...any) driver.Row {
	var orgs []string
	for _, org := range c.of[args[0].(string)] {
		if args[1] == org || args[2] == "" {
			orgs = append(orgs, org)
		}
	}
	return orgsRow{orgs: orgs}
}

type orgsRow struct {
	driver.Row
	orgs []string
}

func (r orgsRow) Scan(dest ...any) error {
	*dest[0].(*[]string) = r.orgs
	return nil
}

func TestFindOrg(t *testing.T) {
	conn := accounts{of: map[string][]string{"acc-acme": {"org-a"}, "acc-both": {"org-a", "org-b"}}}
	for name, tt := range map[string]struct{ account, org, want, wrong string }{
		"the only one":       {"acc-acme", "", "org-a", ""},
		"named":              {"acc-both", "org-b", "org-b", ""},
		"of several":         {"acc-both", "", "", "name one with --org"},
		"nobody's":           {"acc-none", "", "", "there is no account acc-none"},
		"another one's":      {"acc-acme", "org-x", "", "org-x has no account acc-acme"},
		"nobody's, although": {"acc-none", "org-a", "", "org-a has no account acc-none"},
	} {
		f := exportFlags{account: tt.account, org: tt.org}
		err := f.findOrg(t.Context(), conn)
		if tt.wrong == "" && (err != nil || f.org != tt.want) || tt.wrong != "" && (err == nil || !strings.Contains(err.Error(), tt.wrong)) {
			t.Errorf("%s: %q, %v", name, f.org, err)
		}
	}
}

// A misspelt organization leaves the file of the right one as it is.
func TestExportLeavesTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "acc-acme.jsonl")
	if err := os.WriteFile(path, []byte("good"), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := &cobra.Command{}
	cmd.SetContext(t.Context())
	f := exportFlags{account: "acc-acme", org: "org-x", since: "1970-01-01", format: "json", out: path}
	err := f.export(cmd, accounts{of: map[string][]string{"acc-acme": {"org-a"}}})
	left, readErr := os.ReadFile(path)
	if err == nil || string(left) != "good" {
		t.Errorf("%v; the file says %q, %v", err, left, readErr)
	}
}

// What is said at the end is what is in the file.
func TestExportSummary(t *testing.T) {
	for _, tt := range []struct {
		flags   exportFlags
		written uint64
		want    string
	}{
		{exportFlags{account: "acc-acme", since: forever}, 190, "190 messages of acc-acme: a.jsonl"},
		{exportFlags{account: "acc-acme", since: "2026-11-26T08:30:00Z"}, 1, "1 message of acc-acme since 2026-11-26T08:30:00Z: a.jsonl"},
		{exportFlags{account: "acc-acme", since: "2026-11-26", out: "-"}, 2, "2 messages of acc-acme since 2026-11-26: standard output"},
		{exportFlags{account: "acc-acme", since: "2026-11-26"}, 0, "no message of acc-acme since 2026-11-26: nothing was said in its channels, or nothing is kept; a.jsonl is empty"},
	} {
		if got := tt.flags.summary(tt.written, "a.jsonl"); got != tt.want {
			t.Errorf("%q, want %q", got, tt.want)
		}
	}
}

func TestExportIntoAFolder(t *testing.T) {
	cmd := &cobra.Command{}
	cmd.SetContext(t.Context())
	f := exportFlags{account: "acc-acme", since: forever, format: "json", out: t.TempDir()}
	err := f.export(cmd, accounts{of: map[string][]string{"acc-acme": {"org-a"}}})
	if err == nil || !strings.Contains(err.Error(), f.out+" is a folder") {
		t.Errorf("%v", err)
	}
}
