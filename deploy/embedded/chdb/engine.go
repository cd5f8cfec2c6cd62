package chdb

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// engine is the one ClickHouse of this process, on one data directory.
type engine struct {
	lib  *library
	base []string // arguments of every connection
	lock *os.File

	// anchor is open from first to last: closing the last connection would shut the engine down,
	// and the engine is meant to start once per process.
	anchor *conn
	open   sync.WaitGroup // connections besides the anchor
}

// config makes inserts durable: a part is on disk, and so is its directory entry, before the INSERT is answered.
// (Both default to 0 in ClickHouse. They are merge-tree settings, which the engine takes from a file only.)
// It also leaves half of the machine's memory to the other engines and tiers beside it.
const config = `<clickhouse>
  <merge_tree>
    <fsync_after_insert>1</fsync_after_insert>
    <fsync_part_directory>1</fsync_part_directory>
  </merge_tree>
  <max_server_memory_usage_to_ram_ratio>0.5</max_server_memory_usage_to_ram_ratio>
</clickhouse>
`

// handover is how long a starting engine waits for a dying predecessor to let go of the directory.
const handover = 10 * time.Second

// openEngine loads libchdb and starts it on dir, which is created if absent.
func openEngine(ctx context.Context, libPath, dir string) (*engine, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("resolve the data directory: %w", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("create the data directory: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, handover)
	defer cancel()
	lock, err := lockFile(ctx, filepath.Join(dir, "backchannel.lock"))
	if errors.Is(err, errLocked) {
		return nil, fmt.Errorf("another process runs the embedded ClickHouse on %s: stop it, or choose another data directory", dir)
	}
	if err != nil {
		return nil, fmt.Errorf("lock the data directory: %w", err)
	}
	e := &engine{lock: lock}
	if err := e.start(ctx, libPath, dir); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return e, nil
}

func (e *engine) start(ctx context.Context, libPath, dir string) (err error) {
	if e.lib, err = openLibrary(libPath); err != nil {
		return err
	}
	file := filepath.Join(dir, "config.xml")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		return fmt.Errorf("write the engine's configuration: %w", err)
	}
	// Go's runtime must keep its own handlers: with libchdb's, a nil dereference in Go hangs the process.
	e.lib.setSignals(0)
	// An insert is answered when its part is written. Asynchronous inserts, the default of ClickHouse 26,
	// would promise the same after gathering; a client that wants that says async_insert=1.
	e.base = []string{"--path=" + dir, "--config-file=" + file, "--async_insert=0"}
	for {
		if e.anchor = e.lib.open(e.base); e.anchor != nil {
			return nil
		}
		// The engine said why on standard error: code 76 if a process outside our lock (another
		// chDB program) has the directory, which may be about to end like a predecessor of ours.
		if !sleep(ctx, time.Second) {
			return fmt.Errorf("the embedded ClickHouse cannot open %s; the engine's own message is on standard error "+
				"(code 76 means that another process has it open)", dir)
		}
	}
}

// connect opens a session whose statements show up in system.processes with log_comment tag.
func (e *engine) connect(tag string, args ...string) (*session, error) {
	c := e.lib.open(append(append([]string{}, e.base...), append(args, "--log_comment="+tag)...))
	if c == nil {
		return nil, refuse(codeUnknownException, "the embedded engine opens no further session")
	}
	e.open.Add(1)
	return &session{conn: c, engine: e}, nil
}

// close waits for the sessions, then stops the engine.
func (e *engine) close() error {
	e.open.Wait()
	e.anchor.close()
	return e.lock.Close()
}

// session is a conn that the engine counts.
type session struct {
	*conn
	engine *engine
}

func (s *session) close() {
	s.conn.close()
	s.engine.open.Done()
}

// sleep waits for d and says whether ctx is still alive.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
