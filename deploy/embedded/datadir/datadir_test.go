package datadir

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestTakeClaimsUntilReleased(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	claim, err := Take(dir, "the engine")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Take(dir, "the engine"); err == nil || !strings.Contains(err.Error(), "the engine is already running on "+dir) {
		t.Errorf("second claim: %v", err)
	}
	if err := claim.Release(); err != nil {
		t.Fatal(err)
	}
	again, err := Take(dir, "the engine")
	if err != nil {
		t.Fatalf("claim after release: %v", err)
	}
	if err := again.Release(); err != nil {
		t.Error(err)
	}
}

func TestTakeSaysWhatIsWrong(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct{ dir, want string }{
		"none":        {"", "needs a data directory"},
		"a file":      {file, "cannot write to its data directory " + file},
		"below /proc": {"/proc/backchannel", "cannot write to its data directory /proc/backchannel"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := Take(test.dir, "the engine"); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}
