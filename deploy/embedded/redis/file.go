package redis

import (
	"errors"
	"fmt"
	"os"
	"sync"
)

const (
	fileName   = "coordination.aof"
	fileRights = 0o600
)

// appendFile is written whole frames. When a write falls short, the rest waits in pending and goes first next time, so the file never
// has a frame in part with another behind it. All but sync and close are called with Server.mu held.
type appendFile struct {
	f       *os.File
	pending []byte

	mu    sync.Mutex // between a write and a sync
	dirty bool
}

func openAppend(path string) (*appendFile, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, fileRights)
	if err != nil {
		return nil, fmt.Errorf("open %s's file: %w", engine, err)
	}
	return &appendFile{f: f}, nil
}

// append returns nil when b is in the operating system's hands.
func (a *appendFile) append(b []byte) error {
	a.pending = append(a.pending, b...)
	return a.ready()
}

// ready writes what an earlier append could not.
func (a *appendFile) ready() error {
	if len(a.pending) == 0 {
		return nil
	}
	n, err := a.f.Write(a.pending)
	a.pending = a.pending[n:]
	a.mark(n > 0)
	if err != nil {
		return fmt.Errorf("append to %s: %w", a.f.Name(), err)
	}
	return nil
}

// clear empties the file.
func (a *appendFile) clear() error {
	if err := a.f.Truncate(0); err != nil {
		return fmt.Errorf("empty %s: %w", a.f.Name(), err)
	}
	a.pending = nil
	a.mark(true)
	return nil
}

func (a *appendFile) mark(dirty bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.dirty = a.dirty || dirty
}

// sync puts on disk what was appended since the last time.
func (a *appendFile) sync() error {
	a.mu.Lock()
	dirty := a.dirty
	a.dirty = false
	a.mu.Unlock()
	if !dirty {
		return nil
	}
	if err := a.f.Sync(); err != nil {
		a.mark(true)
		return fmt.Errorf("sync %s: %w", a.f.Name(), err)
	}
	return nil
}

// close may be called on nil, for a server that failed to start.
func (a *appendFile) close() error {
	if a == nil {
		return nil
	}
	err := errors.Join(a.ready(), a.sync())
	if err := errors.Join(err, a.f.Close()); err != nil {
		return fmt.Errorf("close %s's file: %w", engine, err)
	}
	return nil
}
