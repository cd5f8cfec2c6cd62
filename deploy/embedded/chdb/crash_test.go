package chdb

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// quick notices a death or a hang soon, on a machine that is not overloaded.
var quick = timing{probeEvery: 100 * time.Millisecond, probeTimeout: 2 * time.Second, misses: 2, startWithin: time.Minute,
	backoff: 10 * time.Millisecond, maxBackoff: 100 * time.Millisecond, stopWithin: time.Minute, patience: 1}

func (c *Child) engine() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.pid
}

// eventually polls until ok, or fails after a minute.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("never happened: " + what)
		}
	}
}

// Every row whose insert was answered with 200 is there after kill -9, three times, and no row is there twice.
func TestKill9LosesNoAcknowledgedRow(t *testing.T) {
	t.Parallel()
	child := startChild(t, childOptions(t, t.TempDir()), quick)
	ready(t, child)
	setUp(t, child, "CREATE TABLE t (writer UInt32, n UInt64) ENGINE = MergeTree ORDER BY (writer, n)")
	const writers = 4
	var mu sync.Mutex
	acknowledged := map[string]bool{}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	var running sync.WaitGroup
	for w := range writers {
		running.Go(func() {
			for n := uint64(1); ctx.Err() == nil; n++ {
				// One try a number: what was not answered may be there or not, and is not counted.
				resp, err := http.Post("http://"+child.Addr()+"/?query="+url.QueryEscape("INSERT INTO t FORMAT TSV"), "", strings.NewReader(fmt.Sprintf("%d\t%d\n", w, n)))
				if err != nil {
					continue
				}
				if resp.Body.Close(); resp.StatusCode == http.StatusOK {
					mu.Lock()
					acknowledged[fmt.Sprintf("%d\t%d", w, n)] = true
					mu.Unlock()
				}
			}
		})
	}
	total := func() int {
		mu.Lock()
		defer mu.Unlock()
		return len(acknowledged)
	}
	for range 3 {
		before, pid := total(), child.engine()
		eventually(t, "100 further inserts", func() bool { return total() > before+100 })
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		eventually(t, "another engine", func() bool { return child.engine() != pid })
		ready(t, child)
	}
	stop()
	running.Wait()
	_, rows, _ := post(t, child, nil, "SELECT writer, n FROM t")
	found := map[string]int{}
	for line := range strings.Lines(rows) {
		found[strings.TrimSuffix(line, "\n")]++
	}
	for row := range acknowledged {
		if found[row] != 1 {
			t.Errorf("the acknowledged row %q is there %d times", row, found[row])
		}
	}
	t.Logf("acknowledged %d rows, found %d", total(), len(found))
}

// A stopped engine holds its port open and is not dead: only an unanswered question shows it.
func TestHungEngineIsReplaced(t *testing.T) {
	t.Parallel()
	child := startChild(t, childOptions(t, t.TempDir()), quick)
	ready(t, child)
	setUp(t, child, "CREATE TABLE t (a UInt8) ENGINE = MergeTree ORDER BY a", "INSERT INTO t VALUES (1)")
	pid := child.engine()
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	// All of its threads stop a moment later; what they accept until then ends with them.
	question := newProbe("http://"+child.Addr(), 100*time.Millisecond)
	eventually(t, "silence", func() bool { return !question.ok(context.Background()) })
	// The port stays: a client that connects now waits for the next engine.
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Post("http://"+child.Addr()+"/", "", strings.NewReader("SELECT a FROM t"))
	if err != nil {
		t.Fatal(err)
	}
	if resp.Body.Close(); resp.StatusCode != http.StatusOK {
		t.Errorf("status %d", resp.StatusCode)
	}
	eventually(t, "another engine", func() bool { return child.engine() != pid })
	ready(t, child)
	if _, body, _ := post(t, child, nil, "SELECT a FROM t"); body != "1\n" {
		t.Error(body)
	}
}

// A fault ends the process at once, rather than hanging it in a signal handler of libchdb's.
func TestFaultEndsTheEngine(t *testing.T) {
	t.Parallel()
	o := childOptions(t, t.TempDir())
	o.Stderr = new(strings.Builder)
	patient := quick
	patient.probeTimeout, patient.misses = time.Minute, 100 // no hang is noticed in this test
	child := startChild(t, o, patient)
	ready(t, child)
	pid := child.engine()
	if err := syscall.Kill(pid, syscall.SIGSEGV); err != nil {
		t.Fatal(err)
	}
	eventually(t, "another engine", func() bool { return child.engine() != pid })
	ready(t, child)
}

func TestCloseIsClean(t *testing.T) {
	t.Parallel()
	o := childOptions(t, t.TempDir())
	child := startChild(t, o, quick)
	ready(t, child)
	setUp(t, child, "CREATE TABLE t (a UInt8) ENGINE = MergeTree ORDER BY a", "INSERT INTO t VALUES (1)")
	pid := child.engine()
	if err := child.Close(); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, 0); err == nil {
		t.Error("the engine's process is still there")
	}
	again := startChild(t, o, quick)
	ready(t, again)
	if _, body, _ := post(t, again, nil, "SELECT a FROM t"); body != "1\n" {
		t.Error(body)
	}
}

func TestStartFailuresSayWhy(t *testing.T) {
	t.Parallel()
	engineFor(t)
	notLibrary := t.TempDir() + "/libchdb.so"
	if err := os.WriteFile(notLibrary, []byte("no library"), 0o600); err != nil {
		t.Fatal(err)
	}
	foreign := t.TempDir() // in use by a process that is none of ours, as the engine sees it
	status, err := lockFile(context.Background(), foreign+"/status")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { status.Close() })
	for want, change := range map[string]func(*ChildOptions){
		"another process runs the embedded ClickHouse on " + shared.dir: func(o *ChildOptions) { o.DataDir = shared.dir },
		"Another server instance in same directory":                     func(o *ChildOptions) { o.DataDir = foreign },
		"load libchdb from " + notLibrary:                               func(o *ChildOptions) { o.Library = notLibrary },
		"no such file or directory":                                     func(o *ChildOptions) { o.Command = []string{"/nosuch/program"} },
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			o := childOptions(t, t.TempDir())
			o.Stderr = new(strings.Builder)
			change(&o)
			child := startChild(t, o, quick)
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			if err := child.Ready(ctx); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("want an error that says %q, got %v", want, err)
			}
			if err := child.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	o := childOptions(t, t.TempDir())
	o.Addr = engineFor(t).Addr()
	if _, err := Start(context.Background(), o); err == nil || !strings.Contains(err.Error(), "choose another address") {
		t.Errorf("a taken port: %v", err)
	}
}

// parentMode makes this test binary a program that starts an engine, says where, and then sits there.
const parentMode = "chdb-parent"

func parent() error {
	o := ChildOptions{Command: []string{os.Args[0], childMode}, Addr: "127.0.0.1:0", DataDir: os.Args[2], Library: os.Args[3]}
	child, err := Start(context.Background(), o)
	if err != nil {
		return err
	}
	if err := child.Ready(context.Background()); err != nil {
		return err
	}
	if err := json.NewEncoder(os.Stdout).Encode(child.engine()); err != nil {
		return err
	}
	select {}
}

func TestEngineDiesWithItsParent(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cmd := exec.Command(os.Args[0], parentMode, dir, libraryPath(t))
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	var pid int
	if err := json.Unmarshal([]byte(line), &pid); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // killed
	eventually(t, "the engine's end", func() bool { return syscall.Kill(pid, 0) != nil })
	ready(t, startChild(t, childOptions(t, dir), quick))
}

// The portable way: the end of standard input is the end of the parent.
func TestEngineEndsWithItsInput(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	file, err := ln.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	cmd := exec.Command(os.Args[0], childMode)
	cmd.Env = append(os.Environ(), envLibrary+"="+libraryPath(t), envDataDir+"="+t.TempDir())
	cmd.ExtraFiles = []*os.File{file}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	question := newProbe("http://"+ln.Addr().String(), time.Minute)
	eventually(t, "an answer", func() bool { return question.ok(context.Background()) })
	if err := stdin.Close(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("the engine did not end in order: %v", err)
	}
}
