package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/bigmind/backchannel/schemas"
)

func TestTokenSaysWhatIsMissing(t *testing.T) {
	for args, want := range map[string]string{
		"create": "--org and --role are missing", "create --org acme": "--org and --role are missing", "create --org acme --role root": "owner, admin or member",
		"create --org acme --role member": "--user is missing", "create --org acme --role owner --for -1h": "must not be negative", "revoke": "accepts 1 arg",
	} {
		out, err := execute(t, "", append([]string{"token"}, strings.Fields(args)...)...)
		if err == nil || !strings.Contains(err.Error(), want) || out != "" {
			t.Errorf("token %s: %q, %v, want %q", args, out, err, want)
		}
	}
}

func TestTokensAsATable(t *testing.T) {
	now := time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)
	all := []schemas.APIToken{
		{OrgID: "acme", TokenID: "one", Role: "owner", Name: "CRM", CreatedAt: now, Hash: "s3cret"}, {OrgID: "acme", TokenID: "two", Role: "member", UserID: "ada", CreatedAt: now, ExpiresAt: now},
		{OrgID: "acme", TokenID: "three", Role: "admin", CreatedAt: now, RevokedAt: now}, {OrgID: "acme", TokenID: "four", Role: "admin", CreatedAt: now, ExpiresAt: now.Add(time.Hour)},
	}
	var table, lines bytes.Buffer
	if err := printTokens(&table, all, false, now); err != nil {
		t.Fatal(err)
	}
	if err := printTokens(&lines, all, true, now); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"one    acme  owner   -     CRM   2026-03-04  good for ever", "expired at 2026-03-04", "revoked at 2026-03-04", "good until 2026-03-04T13:00:00Z"} {
		if !strings.Contains(table.String(), want) {
			t.Errorf("the table lacks %q:\n%s", want, table.String())
		}
	}
	if strings.Contains(table.String()+lines.String(), "s3cret") || strings.Count(lines.String(), "\n") != 4 {
		t.Errorf("%s", lines.String())
	}
}
