//go:build faults

package e2e

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// edit takes a guard out of a source file; the checkout stays as it is, the build sees the other text (go build -overlay).
type edit struct{ file, old, new string }

// guards are what the fault suite must miss when it is gone. Each names what the suite then says.
var guards = []struct {
	name, faults string
	edits        []edit
	complaint    string
}{
	{
		"offset-order", "sinks-killed", []edit{{
			"sinks/runner.go", "	var result Result\n	if len(batch) > 0 {\n",
			"	if err := r.untilDone(ctx, func() error { return r.commit(ctx) }); err != nil {\n		return err\n	}\n	var result Result\n	if len(batch) > 0 {\n",
		}}, "not within", // rows or outcomes never come
	},
	{
		"ledger", "answers-lost", []edit{
			{"sinks/slack/deliver.go", "err != nil || !ours {", "err != nil {\n		_ = ours"},
			{"sinks/slack/lookup.go", "j.entry, err1 = ledger.Parse(cmds[i].entry.Val())", "_, err1 = ledger.Parse(cmds[i].entry.Val())"},
		}, "does not say that it was ambiguous",
	},
	{
		"version", "reordered", []edit{{"processors/enrich/decide.go", "	if !c.deleted {\n		drop = conversation", "	c.version = said\n	if !c.deleted {\n		drop = conversation"}},
		"wrong, extra or twice",
	},
	{
		"tenant", "reordered", []edit{{"processors/enrich/decide.go", "assoc.current.OrgID != install.OrgID:", "assoc.current.OrgID == \"\":"}},
		"of a channel that is not its own",
	},
}

// unitGuards are what a unit test must miss when it is gone: what comes between two instants that no kill of a process hits reliably.
var unitGuards = []struct {
	name, pkg, test string
	edits           []edit
	complaint       string
}{
	{
		"one-transaction", "./processors/release", "TestADeliveryAndItsTombstoneAreOneTransaction", []edit{{
			"processors/tick.go", "	committed, err := r.produce(ctx, sess, records, func()",
			"	last := slices.IndexFunc(records, func(rec *kgo.Record) bool { return r.def.reads(rec.Topic) })\n" +
				"	if _, err := r.produce(ctx, sess, records[:last], nil); err != nil {\n		return err\n	}\n	records = records[last:]\n" +
				"	committed, err := r.produce(ctx, sess, records, func()",
		}}, "a transaction wrote",
	},
}

// TestUnitGuards runs a unit test without its guard.
func TestUnitGuards(t *testing.T) {
	root, err := filepath.Abs("../../..")
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range unitGuards {
		t.Run(g.name, func(t *testing.T) {
			suite := exec.CommandContext(t.Context(), "go", "test", "-count", "1", "-overlay", withEdits(t, root, g.edits), "-run", "^"+g.test+"$", g.pkg)
			suite.Dir = root
			out, err := suite.CombinedOutput()
			if err == nil || !strings.Contains(string(out), g.complaint) {
				t.Fatalf("without the guard: %v, and it did not say %q:\n%s", err, g.complaint, out)
			}
		})
	}
}

// TestGuards runs the fault suite with one guard gone at a time: unless it then fails, it proves nothing.
func TestGuards(t *testing.T) {
	root, err := filepath.Abs("../../..")
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range guards {
		t.Run(g.name, func(t *testing.T) {
			overlay := withEdits(t, root, g.edits)
			suite := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^TestFaults$", "-test.v", "-test.timeout", "10m")
			suite.Env = append(os.Environ(), "FAULTS=12", "FAULTS_SEED=1", "FAULTS_ONLY="+g.faults, "FAULTS_OVERLAY="+overlay)
			out, err := suite.CombinedOutput()
			switch {
			case err == nil:
				t.Fatalf("the suite passed without the guard:\n%s", out)
			case !strings.Contains(string(out), g.complaint):
				t.Fatalf("the suite failed, but it did not say %q:\n%s", g.complaint, out)
			}
		})
	}
}

// withEdits writes the edited files and the overlay that puts them in place of the real ones.
func withEdits(t *testing.T, root string, edits []edit) string {
	t.Helper()
	replace := map[string]string{}
	for _, e := range edits {
		file := filepath.Join(root, filepath.FromSlash(e.file))
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Count(string(source), e.old) != 1 {
			t.Fatalf("%s does not hold this once, so the guard is no longer where this test looks:\n%s", e.file, e.old)
		}
		edited := filepath.Join(t.TempDir(), filepath.Base(file)+".edited")
		replace[file] = edited
		if err := os.WriteFile(edited, []byte(strings.Replace(string(source), e.old, e.new, 1)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	overlay := filepath.Join(t.TempDir(), "overlay.json")
	content, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(overlay, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return overlay
}
