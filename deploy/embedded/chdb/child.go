package chdb

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"
)

// DefaultAddr is where the embedded ClickHouse listens unless told otherwise: the port of ClickHouse's HTTP interface.
const DefaultAddr = "127.0.0.1:8123"

// ChildOptions say how to run the engine as a child process.
type ChildOptions struct {
	// Command is an argv that starts this program's own binary in such a way that it calls RunChild.
	Command []string
	// Addr to listen on, DefaultAddr if empty. Port 0 takes a free one; see Child.Addr.
	Addr string
	// DataDir and Library are as in Options.
	DataDir, Library string
	// Log takes one record for each change of the child's state; nil means slog.Default.
	Log *slog.Logger
	// Stderr takes what the child writes to standard error; nil means os.Stderr.
	Stderr io.Writer
}

// Child is an engine in a child process, restarted whenever it dies or hangs. The port stays open in between:
// this process holds it, and clients that connect meanwhile wait for the next engine.
type Child struct {
	addr   net.Addr
	cancel context.CancelFunc
	done   chan struct{} // closed when the supervisor has ended and no child is left

	stopped error // why the last engine could not be stopped in order; to be read after done

	mu      sync.Mutex
	healthy chan struct{} // closed while the engine answers; replaced when it stops to
	failed  chan struct{} // closed once it failed patience times in a row; replaced when it answers
	reason  error         // of the last end of an engine
	pid     int           // of the engine that runs now
}

// Start listens and begins to run the engine; it does not wait for it (see Ready).
// The child lives until Close, until ctx ends, or until this process dies, however it dies.
func Start(ctx context.Context, o ChildOptions) (*Child, error) {
	if o.Addr == "" {
		o.Addr = DefaultAddr
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Stderr == nil {
		o.Stderr = os.Stderr
	}
	return start(ctx, o, defaultTiming)
}

func start(ctx context.Context, o ChildOptions, t timing) (*Child, error) {
	if len(o.Command) == 0 {
		return nil, errors.New("start the embedded ClickHouse: no command to run it with")
	}
	ln, err := new(net.ListenConfig).Listen(ctx, "tcp", o.Addr)
	if err != nil {
		return nil, fmt.Errorf("listen for the embedded ClickHouse on %s (is another ClickHouse running? choose another address): %w", o.Addr, err)
	}
	file, err := ln.(*net.TCPListener).File() //nolint:forcetypeassert // "tcp" makes no other
	if err != nil {
		return nil, errors.Join(fmt.Errorf("hand the listener on to the embedded ClickHouse: %w", err), ln.Close())
	}
	ctx, cancel := context.WithCancel(ctx)
	c := &Child{addr: ln.Addr(), cancel: cancel, done: make(chan struct{}), healthy: make(chan struct{}), failed: make(chan struct{})}
	s := &supervisor{ChildOptions: o, timing: t, child: c, listener: file, probe: newProbe("http://"+c.Addr(), t.probeTimeout)}
	go func() {
		defer close(c.done)
		s.run(ctx)
		// Close errors of a listener say nothing that a caller could act on.
		_, _ = file.Close(), ln.Close()
	}()
	return c, nil
}

// Addr is host:port of the HTTP interface.
func (c *Child) Addr() string { return c.addr.String() }

// Ready returns nil as soon as the engine answers a query. It returns an error that says why the engine last ended
// when it could not be started several times in a row (it is tried further), or when ctx ends first.
func (c *Child) Ready(ctx context.Context) error {
	c.mu.Lock()
	healthy, failed := c.healthy, c.failed
	c.mu.Unlock()
	select {
	case <-healthy:
		return nil
	case <-failed:
	case <-ctx.Done():
	case <-c.done:
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return fmt.Errorf("the embedded ClickHouse is not ready: %w", errors.Join(ctx.Err(), c.reason))
}

// Close stops the engine cleanly, or by force when that takes too long (then it returns an error), and gives the port back.
// It may be called more than once.
func (c *Child) Close() error {
	c.cancel()
	<-c.done
	return c.stopped
}

// up and down record whether the engine answers.
func (c *Child) up() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !closed(c.healthy) {
		close(c.healthy)
	}
	if closed(c.failed) {
		c.failed = make(chan struct{})
	}
}

func (c *Child) down(reason error, givenUp bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reason = reason
	if closed(c.healthy) {
		c.healthy = make(chan struct{})
	}
	if givenUp && !closed(c.failed) {
		close(c.failed)
	}
}

func (c *Child) setPID(pid int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pid = pid
}

func closed(ch chan struct{}) bool {
	select {
	case <-ch:
		return true
	default:
		return false
	}
}

// What a child is told by its parent.
const (
	envLibrary = "BACKCHANNEL_CHDB_CHILD_LIBRARY"
	envDataDir = "BACKCHANNEL_CHDB_CHILD_DATA"
	listenerFD = 3 // the first of exec.Cmd's ExtraFiles
)

// RunChild is the other end of Start: the process that Start's Command runs calls it, and ends when it returns.
// It serves until it gets SIGTERM, or until its standard input ends, which is when its parent does.
func RunChild(ctx context.Context, log *slog.Logger) error {
	if os.Getenv(envLibrary) == "" {
		return errors.New("this command is for the program's own use: it runs the embedded ClickHouse as a child process")
	}
	file := os.NewFile(listenerFD, "listener")
	ln, err := net.FileListener(file)
	if err != nil {
		return fmt.Errorf("take over the listener: %w", err)
	}
	if err := file.Close(); err != nil {
		return fmt.Errorf("take over the listener: %w", err)
	}
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin) // nothing is ever written; it ends with the parent
		cancel()
		time.Sleep(2 * grace)
		os.Exit(1) // the engine did not let itself be closed, and nobody is left to kill it
	}()
	return Serve(ctx, ln, Options{Library: os.Getenv(envLibrary), DataDir: os.Getenv(envDataDir), Log: log})
}
