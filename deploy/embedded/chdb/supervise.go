package chdb

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"
)

// timing of the supervisor.
type timing struct {
	probeEvery   time.Duration
	probeTimeout time.Duration
	misses       int           // failed probes in a row that make a hang
	startWithin  time.Duration // from exec to the first answer; a large data directory takes a while to load
	backoff      time.Duration // before the second start; doubles up to maxBackoff
	maxBackoff   time.Duration
	stopWithin   time.Duration // from SIGTERM to SIGKILL
	patience     int           // starts in a row without an answer before Ready gives up
}

var defaultTiming = timing{
	probeEvery: 2 * time.Second, probeTimeout: 10 * time.Second, misses: 3, startWithin: 2 * time.Minute,
	backoff: 200 * time.Millisecond, maxBackoff: 10 * time.Second, stopWithin: grace + 5*time.Second, patience: 3,
}

// supervisor keeps one engine process alive.
type supervisor struct {
	ChildOptions
	timing
	child    *Child
	listener *os.File
	probe    *probe
}

func (s *supervisor) run(ctx context.Context) {
	// Linux sends Pdeathsig when the thread that started the child ends, so this goroutine keeps its thread.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	backoff, failures := s.backoff, 0
	for ctx.Err() == nil {
		answered, err := s.once(ctx)
		if ctx.Err() != nil {
			s.child.stopped = err
			s.child.down(errors.New("it was closed"), false)
			return
		}
		if failures++; answered {
			backoff, failures = s.backoff, 0
		}
		s.child.down(err, failures >= s.patience)
		s.Log.Error("the embedded ClickHouse ended and is started again", "error", err, "after", backoff)
		if !sleep(ctx, backoff) {
			return
		}
		backoff = min(2*backoff, s.maxBackoff)
	}
}

// once runs one process from its start to its end, and says whether it ever answered.
func (s *supervisor) once(ctx context.Context) (answered bool, err error) {
	cmd := exec.CommandContext(context.WithoutCancel(ctx), s.Command[0], s.Command[1:]...) // stopped in order, by stop
	cmd.Env = append(os.Environ(), envLibrary+"="+s.Library, envDataDir+"="+s.DataDir)
	cmd.ExtraFiles = []*os.File{s.listener}
	cmd.SysProcAttr = childAttributes()
	last := &tail{to: s.Stderr}
	cmd.Stdout, cmd.Stderr = last, last
	stdin, err := cmd.StdinPipe() // held open: its end tells the child that we are gone
	if err != nil {
		return false, fmt.Errorf("prepare the embedded ClickHouse's process: %w", err)
	}
	defer stdin.Close()
	if err := cmd.Start(); err != nil {
		return false, fmt.Errorf("start the embedded ClickHouse's process: %w", err)
	}
	s.child.setPID(cmd.Process.Pid)
	exited := make(chan error, 1)
	alive, died := context.WithCancel(ctx)
	go func() {
		exited <- cmd.Wait()
		died()
	}()
	answered, err = s.watch(alive, exited)
	switch {
	case err == nil:
		return answered, s.stop(cmd, exited)
	case errors.Is(err, errHung):
		_ = cmd.Process.Kill() // fails only when it has just ended
		<-exited
		return answered, err
	}
	return answered, fmt.Errorf("%w: %s", err, last)
}

var errHung = errors.New("the embedded ClickHouse does not answer")

// watch probes until the process ends (its error), hangs (errHung), or ctx ends (nil), which it also does when the process has ended: the
// port stays open, so a probe that connects just then would wait out its time for an answer.
func (s *supervisor) watch(ctx context.Context, exited chan error) (answered bool, err error) {
	started, missed := time.Now(), 0
	for {
		if s.probe.ok(ctx) {
			if missed = 0; !answered {
				s.Log.Info("the embedded ClickHouse answers", "addr", s.child.Addr(), "took", time.Since(started).Round(time.Millisecond))
			}
			answered = true
			s.child.up()
		} else if missed++; ctx.Err() == nil && (answered && missed >= s.misses || !answered && time.Since(started) > s.startWithin) {
			return answered, errHung
		}
		wait := s.probeEvery
		if !answered {
			wait = min(wait, 50*time.Millisecond)
		}
		select {
		case <-ctx.Done():
		case <-time.After(wait):
			continue
		}
		select {
		case err := <-exited:
			return answered, fmt.Errorf("the embedded ClickHouse's process ended: %w", exitReason(err))
		default:
			return answered, nil
		}
	}
}

func exitReason(err error) error {
	if err == nil {
		return errors.New("exit status 0")
	}
	return err
}

// stop ends the process in order, or by force after stopWithin.
func (s *supervisor) stop(cmd *exec.Cmd, exited chan error) error {
	_ = cmd.Process.Signal(syscall.SIGTERM) // fails only when it has just ended
	select {
	case <-exited:
		return nil
	case <-time.After(s.stopWithin):
		_ = cmd.Process.Kill()
		<-exited
		return fmt.Errorf("the embedded ClickHouse did not stop within %s and was killed", s.stopWithin)
	}
}

// tail passes the child's output on and keeps the end of it, where the reason of a failed start stands.
type tail struct {
	to interface{ Write([]byte) (int, error) }
	mu sync.Mutex
	b  bytes.Buffer
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.b.Write(p)
	t.b.Next(max(0, t.b.Len()-1000))
	return t.to.Write(p)
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.TrimSpace(t.b.String())
}
