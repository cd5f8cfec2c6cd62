package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bigmind/backchannel/cmd/backchannel/forget"
)

// Somebody who looks for what is not there has misspelt it. A second run of what was forgotten is no error.
func TestForgetTellsWhatWasFound(t *testing.T) {
	something := forget.Receipt{Keys: map[string]int{"slack.users": 1}}
	for name, tt := range map[string]struct {
		receipt   forget.Receipt
		yes       bool
		says, err string
	}{
		"looked, nothing":    {forget.Receipt{}, false, "", "is it spelt right"},
		"looked":             {something, false, "nothing was forgotten yet", ""},
		"forgotten, nothing": {forget.Receipt{Rows: []forget.Rows{{Table: "messages"}}}, true, "unless it was forgotten before", ""},
		"forgotten":          {something, true, "", ""},
	} {
		var out bytes.Buffer
		err := tellFound(tt.receipt, tt.yes, &out)
		if (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) || (out.Len() == 0) != (tt.says == "") || !strings.Contains(out.String(), tt.says) {
			t.Errorf("%s: %q, %v", name, out.String(), err)
		}
	}
}

func TestForgetRefusals(t *testing.T) {
	other := filepath.Join(t.TempDir(), "receipt.json")
	if err := os.WriteFile(other, []byte(`{"rows":[]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for want, args := range map[string][]string{
		"--org is missing":     {"--user", "U1"},
		"say what to forget":   {"--org", "acme"},
		"no receipt":           {"--check", other},
		"read the receipt":     {"--check", other + ".not"},
		"one of --user, --cha": {"--org", "acme", "--user", "U1", "--all"},
	} {
		if out, err := execute(t, "", append([]string{"forget"}, args...)...); err == nil || out != "" || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %q, %v, want %q", args, out, err, want)
		}
	}
}
