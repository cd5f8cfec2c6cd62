package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/bigmind/backchannel/deploy/realengines"
)

// scratch is a folder of this run, for the binary under test.
var scratch string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	var err error
	if scratch, err = os.MkdirTemp("", "backchannel-e2e-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(scratch)
	return realengines.Main(m)
}

// FAULTS_OVERLAY, when TestGuards sets it, names files to build with in place of the checkout's.
var buildOnce = sync.OnceValues(func() (string, error) {
	path := filepath.Join(scratch, "backchannel")
	out, err := exec.Command("go", "build", "-overlay", os.Getenv("FAULTS_OVERLAY"), "-o", path, "github.com/bigmind/backchannel/cmd/backchannel").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build the binary: %w\n%s", err, out)
	}
	return path, nil
})

// binary is the program under test, built at first use.
func binary(t *testing.T) string {
	t.Helper()
	path, err := buildOnce()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// eventually polls until f returns nil, and fails the test with f's last error when it does not in time.
func eventually(t *testing.T, within time.Duration, f func() error) {
	t.Helper()
	deadline, poll := time.After(within), time.NewTicker(50*time.Millisecond)
	defer poll.Stop()
	for {
		err := f()
		if err == nil {
			return
		}
		select {
		case <-poll.C:
		case <-deadline:
			t.Fatalf("not within %s: %v", within, err)
		}
	}
}

// number is what an environment variable says, or otherwise.
func number(t *testing.T, name string, otherwise uint64) uint64 {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("%s must be a number", name)
	}
	return n
}
