//go:build unix

package realengines

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"
)

// Process is a program that a test started. It is killed at the latest when the test ends.
type Process struct {
	tb     testing.TB
	name   string
	log    string // file with what it wrote
	pid    int
	exited chan struct{}
	code   int // valid once exited; -1: by a signal
}

// Start runs argv in dir with env added to this process's own. What it writes goes to a file in dir, whose end is shown
// when something fails. The program is killed when the test ends.
func Start(tb testing.TB, name, dir string, env []string, argv ...string) *Process {
	tb.Helper()
	path, err := exec.LookPath(argv[0])
	if err != nil {
		tb.Fatalf("%s cannot be started: %v; install it (Debian: %s)", name, err, debian(argv[0]))
	}
	out, err := os.CreateTemp(dir, name+"-*.log")
	if err != nil {
		tb.Fatalf("make a log file for %s: %v", name, err)
	}
	cmd := exec.Command(path, argv[1:]...)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr, cmd.SysProcAttr = dir, append(os.Environ(), env...), out, out, attributes()
	p := &Process{tb: tb, name: name, log: out.Name(), exited: make(chan struct{})}
	started := make(chan error, 1)
	go p.run(cmd, out, started)
	if err := <-started; err != nil {
		tb.Fatalf("start %s: %v", name, err)
	}
	tb.Cleanup(p.Kill)
	return p
}

// run starts the program and waits for its end on one thread: Linux sends Pdeathsig when the thread that started the
// child ends, so this goroutine keeps its own.
func (p *Process) run(cmd *exec.Cmd, out *os.File, started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer out.Close()
	if err := cmd.Start(); err != nil {
		started <- err
		return
	}
	p.pid = cmd.Process.Pid
	started <- nil
	_ = cmd.Wait() // the exit code tells
	p.code = cmd.ProcessState.ExitCode()
	close(p.exited)
}

func debian(program string) string {
	switch filepath.Base(program) {
	case "java":
		return "default-jre-headless"
	case "mvn":
		return "maven"
	}
	return program
}

// PID is the process's id.
func (p *Process) PID() int { return p.pid }

// Kill ends the process and its children at once, as kill -9 does, and waits until it is gone.
func (p *Process) Kill() {
	select {
	case <-p.exited:
		return
	default:
	}
	_ = syscall.Kill(-p.pid, syscall.SIGKILL) // it may be gone already
	<-p.exited
}

// Terminate asks the process to end (SIGTERM).
func (p *Process) Terminate() {
	p.tb.Helper()
	if err := syscall.Kill(p.pid, syscall.SIGTERM); err != nil {
		p.tb.Fatalf("terminate %s: %v", p.name, err)
	}
}

// Pause stops the process and its children where they are (SIGSTOP), as a machine that hangs does.
func (p *Process) Pause() { p.signal(syscall.SIGSTOP) }

// Resume lets a paused process go on (SIGCONT).
func (p *Process) Resume() { p.signal(syscall.SIGCONT) }

func (p *Process) signal(s syscall.Signal) {
	p.tb.Helper()
	if err := syscall.Kill(-p.pid, s); err != nil {
		p.tb.Fatalf("send %s to %s: %v", s, p.name, err)
	}
}

// Wait returns the exit code, -1 when a signal ended it, and fails the test when it does not end within the time. It then
// shows what a Go program's goroutines wait for (SIGQUIT).
func (p *Process) Wait(within time.Duration) int {
	p.tb.Helper()
	select {
	case <-p.exited:
		return p.code
	case <-time.After(within):
	}
	tail := p.Tail()
	p.tb.Fatalf("%s did not end within %s; it wrote:\n%s\n%s", p.name, within, tail, p.Goroutines())
	return 0
}

// Goroutines ends a Go program (SIGQUIT) and returns what its goroutines waited for.
func (p *Process) Goroutines() string {
	_ = syscall.Kill(p.pid, syscall.SIGQUIT) // it may have ended just now
	select {
	case <-p.exited:
	case <-time.After(10 * time.Second):
	}
	all, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	_, goroutines, _ := bytes.Cut(all, []byte("SIGQUIT: quit"))
	return string(goroutines)
}

// Tail is the end of what the process wrote.
func (p *Process) Tail() string {
	all, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	const lines = 40
	parts := bytes.Split(bytes.TrimSpace(all), []byte("\n"))
	return string(bytes.Join(parts[max(0, len(parts)-lines):], []byte("\n")))
}

// Await polls until ready returns nil. It fails the test when that takes too long, or when the process ends before.
func (p *Process) Await(within time.Duration, ready func() error) {
	p.tb.Helper()
	deadline, poll := time.After(within), time.NewTicker(50*time.Millisecond)
	defer poll.Stop()
	for {
		err := ready()
		if err == nil {
			return
		}
		select {
		case <-poll.C:
			continue
		case <-p.exited:
			err = errors.Join(fmt.Errorf("it ended with exit code %d", p.code), err)
		case <-deadline:
			err = fmt.Errorf("not within %s: %w", within, err)
		}
		p.tb.Fatalf("%s is not ready: %v; it wrote:\n%s", p.name, err, p.Tail())
	}
}

// Ended reports whether the process is gone.
func (p *Process) Ended() bool {
	select {
	case <-p.exited:
		return true
	default:
		return false
	}
}
