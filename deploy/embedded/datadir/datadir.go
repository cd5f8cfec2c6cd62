// Package datadir claims a directory for one embedded engine of one process.
package datadir

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

const lockName = "backchannel.lock"

// errHeld says that another process, or another engine of this one, has the directory.
var errHeld = errors.New("held by another process")

// Claim is a directory that nobody else uses until Release, or until the process ends, however it ends.
type Claim struct {
	Path string // absolute
	lock *os.File
}

// Take creates dir if need be and claims it for engine, a name for people such as "the embedded Kafka".
// It fails at once, with a sentence that says how to right it, when the directory cannot be written or is claimed.
func Take(dir, engine string) (*Claim, error) {
	if dir == "" {
		return nil, fmt.Errorf("%s needs a data directory", engine)
	}
	path, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("resolve the data directory of %s: %w", engine, err)
	}
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, unusable(engine, path, err)
	}
	lock, err := os.OpenFile(filepath.Join(path, lockName), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, unusable(engine, path, err)
	}
	switch err := lockFile(lock); {
	case errors.Is(err, errHeld):
		return nil, errors.Join(fmt.Errorf("%s is already running on %s: stop that process, or choose another data directory", engine, path),
			lock.Close())
	case err != nil:
		return nil, errors.Join(fmt.Errorf("lock the data directory %s of %s: %w", path, engine, err), lock.Close())
	}
	return &Claim{Path: path, lock: lock}, nil
}

// Release lets others claim the directory. The lock file stays: removing it would race with the next claim.
func (c *Claim) Release() error {
	// Closing alone would leave the lock with a child that is being started just now, until it has become another program.
	if err := errors.Join(unlockFile(c.lock), c.lock.Close()); err != nil {
		return fmt.Errorf("release the data directory %s: %w", c.Path, err)
	}
	return nil
}

// unusable names the directory and the bare reason: the path in err is often a file that nobody chose.
func unusable(engine, path string, err error) error {
	if pathErr, ok := errors.AsType[*fs.PathError](err); ok {
		err = pathErr.Err
	}
	return fmt.Errorf("%s cannot write to its data directory %s (%w): choose a directory that this user may write to", engine, path, err)
}
