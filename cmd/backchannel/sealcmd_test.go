package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bigmind/backchannel/schemas"
)

func TestSealRoundTrip(t *testing.T) {
	keys, err := execute(t, "", "seal", "--new-key-set")
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := execute(t, "  xoxb-1-2-three \n", "seal", "--team", "T1", "--token-keys", keys)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(sealed, "xoxb") {
		t.Fatalf("the token is printed: %s", sealed)
	}
	tokens, err := sealer(settings(t, map[string]string{"token-keys": keys}))
	if err != nil {
		t.Fatal(err)
	}
	if token, err := tokens.Open(schemas.TeamID("T1"), strings.TrimSpace(sealed)); err != nil || token != "xoxb-1-2-three" {
		t.Errorf("opened %q, %v", token, err)
	}
	if _, err := tokens.Open(schemas.TeamID("T2"), strings.TrimSpace(sealed)); err == nil {
		t.Error("a token sealed for one team opens for another")
	}
}

func TestSealRefusals(t *testing.T) {
	tests := []struct {
		stdin string
		args  []string
		want  string
	}{
		{"xoxb-1\n", nil, "--team is missing"},
		{"xoxb-1\n", []string{"--team", "T1"}, "BACKCHANNEL_TOKEN_KEYS_FILE"},
		{"\n", []string{"--team", "T1", "--embedded", "--data", t.TempDir()}, "no token on standard input"},
		{"xoxb-1\n", []string{"--team", "T1", "--token-keys", "hunter2"}, ""},
	}
	for _, tt := range tests {
		_, err := execute(t, tt.stdin, append([]string{"seal"}, tt.args...)...)
		if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "xoxb") {
			t.Errorf("seal %v: %v, want %q", tt.args, err, tt.want)
		}
	}
}

// The embedded mode makes its keys once; a second start must open what the first sealed.
func TestEmbeddedKeysAreKept(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	var made []string
	for range 2 {
		c := settings(t, map[string]string{"embedded": "true", "data": dir})
		if err := embeddedKeys(c); err != nil {
			t.Fatal(err)
		}
		made = append(made, c.String("token-keys"))
	}
	if made[0] == "" || made[0] != made[1] {
		t.Error("the key set changed between two starts")
	}
	info, err := os.Stat(filepath.Join(dir, "token-keys.json"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the key set's file: %v, %v, want it readable by its owner alone", info, err)
	}
}
