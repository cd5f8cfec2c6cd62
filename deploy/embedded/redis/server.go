package redis

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/alicebob/miniredis/v2/server"

	"github.com/bigmind/backchannel/deploy/embedded/datadir"
)

// engine is the name that errors use.
const engine = "the embedded Redis"

// Options says how to run a Server. Addr, DataDir and Log are needed.
type Options struct {
	Addr     string   // "host:port"; port 0 takes a free one
	DataDir  string   // created if absent; one process at a time
	Persist  []string // prefixes of keys that outlive the process
	Password string   // of the default user; none by default
	Log      *slog.Logger
}

// Server is a running server.
type Server struct {
	mini    *miniredis.Miniredis
	srv     *server.Server
	ln      net.Listener
	claim   *datadir.Claim
	log     *slog.Logger
	persist []string

	// mu orders what is written to kept keys, and to the file, and lets no tick of the clock in between.
	mu   sync.Mutex
	file *appendFile
	run  script
	last atomic.Int64 // Unix nanoseconds up to which keys have aged

	peers struct {
		sync.Mutex
		by map[*server.Peer]*client
	}

	close  sync.Once
	closed error
	stop   chan struct{}
	done   sync.WaitGroup
}

// Start loads what was kept and serves until Close. It answers when Start returns: ctx is only for giving up before that.
//
// Errors are one sentence each, meant for the person at the terminal: the port is in use, the data directory cannot be
// written or belongs to a running process, the file is damaged.
func Start(ctx context.Context, o Options) (_ *Server, err error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("start %s: %w", engine, err)
	}
	claim, err := datadir.Take(o.DataDir, engine)
	if err != nil {
		return nil, err
	}
	s := &Server{mini: miniredis.NewMiniRedis(), claim: claim, log: o.Log, persist: o.Persist, stop: make(chan struct{})}
	s.peers.by = map[*server.Peer]*client{}
	s.last.Store(time.Now().UnixNano())
	defer func() {
		if err != nil {
			s.mini.Close()
			err = errors.Join(err, s.file.close(), claim.Release())
		}
	}()
	if s.file, err = s.load(claim.Path); err != nil {
		return nil, err
	}
	if s.ln, err = listen(ctx, o.Addr); err != nil {
		return nil, err
	}
	if o.Password != "" {
		s.mini.RequireAuth(o.Password)
	}
	if err := s.serve(); err != nil {
		return nil, errors.Join(err, s.ln.Close())
	}
	return s, nil
}

func listen(ctx context.Context, addr string) (net.Listener, error) {
	ln, err := new(net.ListenConfig).Listen(ctx, "tcp", addr)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("%s cannot listen on %s because another program does: stop that program, or choose another address", engine, addr)
	case err != nil:
		return nil, fmt.Errorf("%s cannot listen on %q: %w", engine, addr, err)
	}
	return ln, nil
}

// serve starts miniredis without a listener and hands it connections: with its own it would take commands before the hook is in
// its place.
func (s *Server) serve() error {
	first, err := s.mini.Dial()
	if err != nil {
		return fmt.Errorf("start %s: %w", engine, err)
	}
	s.srv = s.mini.Server()
	s.srv.SetPreHook(s.hook)
	if err := first.Close(); err != nil {
		return fmt.Errorf("start %s: %w", engine, err)
	}
	s.done.Go(func() {
		for {
			conn, err := s.ln.Accept()
			if errors.Is(err, net.ErrClosed) {
				return
			}
			if err != nil {
				s.log.Error("embedded Redis: cannot accept a connection", "error", err)
				if !s.wait(100 * time.Millisecond) { // out of descriptors, mostly: it passes
					return
				}
				continue
			}
			s.srv.ServeConn(conn)
		}
	})
	s.done.Go(s.age)
	return nil
}

// wait lets d pass and says whether the server still runs.
func (s *Server) wait(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-s.stop:
		return false
	}
}

// Addr is the "host:port" that the server listens on.
func (s *Server) Addr() string { return s.ln.Addr().String() }

// Close ends all connections, syncs the file and frees the directory. A second Close waits for the first and returns the same.
func (s *Server) Close() error {
	s.close.Do(func() {
		close(s.stop)
		err := s.ln.Close()
		s.done.Wait()
		s.mini.Close()
		s.closed = errors.Join(err, s.file.close(), s.claim.Release())
	})
	return s.closed
}
