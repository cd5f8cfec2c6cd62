//go:build unix

package chdb

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// errLocked says that another process held the lock until the context ended.
var errLocked = errors.New("locked by another process")

// lockFile takes an exclusive lock on path, waiting while another process has it. The lock goes with the file's closing or the
// process's end, however that comes.
func lockFile(ctx context.Context, path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the lock file: %w", err)
	}
	for {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		switch {
		case err == nil:
			return f, nil
		case errors.Is(err, unix.EINTR):
			continue
		case !errors.Is(err, unix.EWOULDBLOCK):
			return nil, errors.Join(fmt.Errorf("lock %s: %w", path, err), f.Close())
		case !sleep(ctx, 50*time.Millisecond):
			return nil, errors.Join(errLocked, f.Close())
		}
	}
}
