package realengines

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// startWithin is how long an engine may take until it answers, on a machine with other things to do.
const startWithin = 90 * time.Second

// Process is an engine's process. It can be killed, paused and started again with the same ports and data.
type Process struct {
	tb      testing.TB
	name    string
	argv    []string
	env     []string
	log     string
	ready   func() error
	cmd     *exec.Cmd
	exited  chan struct{}
	stopped bool
}

// start runs argv until the test ends, and waits until ready returns nil.
func start(tb testing.TB, name string, env, argv []string, ready func() error) *Process {
	tb.Helper()
	p := &Process{tb: tb, name: name, argv: argv, env: env, log: filepath.Join(tb.TempDir(), name+".log"), ready: ready}
	tb.Cleanup(p.Stop)
	p.Start()
	return p
}

// Start starts a process that was killed or stopped, and waits until it answers.
func (p *Process) Start() {
	p.tb.Helper()
	p.Launch()
	p.Await()
}

// Launch starts the process without waiting for it.
func (p *Process) Launch() {
	p.tb.Helper()
	out, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		p.tb.Fatalf("open the log of %s: %v", p.name, err)
	}
	defer out.Close()
	p.cmd = exec.Command(p.argv[0], p.argv[1:]...)
	p.cmd.Stdout, p.cmd.Stderr = out, out
	p.cmd.Env = append(os.Environ(), p.env...)
	p.cmd.SysProcAttr = attributes()
	if err := p.cmd.Start(); err != nil {
		p.tb.Fatalf("start %s: %v", p.name, err)
	}
	p.stopped = false
	p.exited = make(chan struct{})
	go func(cmd *exec.Cmd, exited chan struct{}) {
		_ = cmd.Wait() // how it ended shows in its log
		close(exited)
	}(p.cmd, p.exited)
}

// Await waits until the process answers.
func (p *Process) Await() {
	p.tb.Helper()
	var err error
	for deadline := time.Now().Add(startWithin); time.Now().Before(deadline); {
		if err = p.ready(); err == nil {
			return
		}
		select {
		case <-p.exited:
			p.tb.Fatalf("%s ended before it answered:\n%s", p.name, p.tail())
		case <-time.After(50 * time.Millisecond):
		}
	}
	p.tb.Fatalf("%s does not answer: %v\n%s", p.name, err, p.tail())
}

// Kill ends the process at once (SIGKILL).
func (p *Process) Kill() { p.end(syscall.SIGKILL) }

// Pause stops the process from running (SIGSTOP) until Resume.
func (p *Process) Pause() { p.signal(syscall.SIGSTOP) }

// Resume lets a paused process run on (SIGCONT).
func (p *Process) Resume() { p.signal(syscall.SIGCONT) }

// Stop ends the process in order (SIGTERM), and by force when it takes longer than ten seconds. Stopping twice does nothing.
func (p *Process) Stop() { p.end(syscall.SIGTERM) }

func (p *Process) signal(s syscall.Signal) {
	if err := p.cmd.Process.Signal(s); err != nil {
		p.tb.Errorf("send %s to %s: %v", s, p.name, err)
	}
}

func (p *Process) end(s syscall.Signal) {
	if p.stopped || p.cmd == nil {
		return
	}
	p.stopped = true
	_ = p.cmd.Process.Signal(s) // fails only when it has just ended
	select {
	case <-p.exited:
	case <-time.After(10 * time.Second):
		_ = p.cmd.Process.Kill()
		<-p.exited
	}
}

// Exited is closed when the process that Start or Launch last made has ended.
func (p *Process) Exited() <-chan struct{} { return p.exited }

// ExitCode is that of a process that has exited; -1 when a signal ended it.
func (p *Process) ExitCode() int { return p.cmd.ProcessState.ExitCode() }

// Log is what the process has said so far, over all of its starts.
func (p *Process) Log() []byte {
	said, err := os.ReadFile(p.log)
	if err != nil {
		p.tb.Errorf("read the log of %s: %v", p.name, err)
	}
	return said
}

// tail is the end of the process's log.
func (p *Process) tail() []byte {
	const enough = 4096
	said := bytes.TrimSpace(p.Log())
	return said[max(0, len(said)-enough):]
}

// freePorts finds ports that nobody listens on. They are all held until the last is found, so they differ.
func freePorts(tb testing.TB, n int) []string {
	tb.Helper()
	ports := make([]string, n)
	for i := range ports {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			tb.Fatalf("find a free port: %v", err)
		}
		defer ln.Close()
		ports[i] = strconv.Itoa(ln.Addr().(*net.TCPAddr).Port) //nolint:forcetypeassert // "tcp" makes no other
	}
	return ports
}

// needs finds a command, or fails with what to install.
func needs(tb testing.TB, command, pkg string) string {
	tb.Helper()
	path, err := exec.LookPath(command)
	if err != nil {
		tb.Fatalf("%s is not installed: install it (on Debian: the package %s)", command, pkg)
	}
	return path
}

// dial says whether somebody listens.
func dial(addr string) error {
	conn, err := net.DialTimeout("tcp", addr, time.Second)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	return conn.Close()
}
