package chdb

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// Options of an engine.
type Options struct {
	// Library is the path of libchdb, as Ensure returns it.
	Library string
	// DataDir holds the databases; it is created if absent. One process at a time may use it.
	DataDir string
	// Log takes the front's own messages; nil means slog.Default. Texts of queries are never logged.
	Log *slog.Logger
}

// grace is how long running statements may take to end after the context did.
const grace = 10 * time.Second

// Serve runs the engine in this process and answers ClickHouse's HTTP interface on ln, until ctx ends: then it takes no
// further request, stops running queries, closes the engine cleanly and returns nil. It closes ln.
//
// A process can do this once: the engine cannot be started a second time. A fault inside the engine
// takes the process with it, which is why Start runs Serve in a child process.
func Serve(ctx context.Context, ln net.Listener, o Options) error {
	log := o.Log
	if log == nil {
		log = slog.Default()
	}
	e, err := openEngine(ctx, o.Library, o.DataDir)
	if err != nil {
		return errors.Join(err, ln.Close())
	}
	f, err := newFront(e, log)
	if err != nil {
		return errors.Join(err, ln.Close(), e.close())
	}
	server := &http.Server{Handler: f, ReadHeaderTimeout: time.Minute, IdleTimeout: 10 * time.Minute,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn)}
	served := make(chan error, 1)
	go func() { served <- server.Serve(ln) }()
	select {
	case err = <-served:
		err = fmt.Errorf("serve ClickHouse's HTTP interface: %w", err)
	case <-ctx.Done():
	}
	return errors.Join(err, f.close(server))
}

// close lets running requests end, stops those that do not, and shuts the engine down.
func (f *front) close(server *http.Server) error {
	ctx, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	err := server.Shutdown(ctx)
	if err != nil {
		f.killAll()
		err = errors.Join(fmt.Errorf("running queries did not end within %s: %w", grace, err), server.Close())
	}
	f.sessions.close()
	return errors.Join(err, f.engine.close())
}
