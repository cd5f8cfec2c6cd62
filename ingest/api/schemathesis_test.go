//go:build sdks

package api

import (
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/bigmind/backchannel/ingest/deliverylog"
	"github.com/bigmind/backchannel/schemas"
)

// Schemathesis makes requests up from the document, right ones and wrong ones, and compares each answer with it: no server error, no status, header
// or body that the document does not have, nothing wrong taken, and nothing answered without a token.
func TestSchemathesis(t *testing.T) {
	program := os.Getenv("SCHEMATHESIS")
	if program == "" {
		t.Fatal("SCHEMATHESIS does not name the program: run 'make test-api'")
	}
	w := newWorld(t)
	w.log = []deliverylog.Entry{{RequestID: "r1", Recipient: "meg", Type: "alert.important", Status: schemas.Delivered, At: w.now}}
	server := httptest.NewServer(w.api)
	defer server.Close()
	settings, err := filepath.Abs("schemathesis.toml")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), program, "--config-file", settings, "run", server.URL+Prefix+"/openapi.json", "--header", "Authorization: Bearer "+w.tokens["owner"],
		"--seed", "1", "--max-examples", "15", "--phases", "coverage,fuzzing", "--checks", "all", "--no-color")
	cmd.Dir = t.TempDir()
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
