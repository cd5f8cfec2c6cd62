package chdb

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// EnvLibrary names a libchdb to use as it is, instead of the one that Ensure fetches.
const EnvLibrary = "BACKCHANNEL_CHDB_LIBRARY"

// EnsureOptions say where libchdb comes from.
type EnsureOptions struct {
	// Library is a file to use as it is; if empty, EnvLibrary is looked at.
	Library string
	// CacheDir is where libraries are kept; os.UserCacheDir()/backchannel/chdb if empty.
	CacheDir string
	// Progress is called, from one goroutine at a time, while something is fetched; it may be nil.
	Progress func(Progress)
}

// Progress of a fetch.
type Progress struct {
	// Stage is "wait" (another process is fetching), "download" or "unpack".
	Stage string
	// Done and Total are bytes of this stage; Total is 0 when it is not known.
	Done, Total int64
}

// Ensure returns the path of libchdb Version, and fetches it by npm (about 180 MB to download, 570 MB on disk) unless it is
// there already. The download is checked against the hash pinned in this package; a library that is there against what was
// recorded when it was unpacked. Several callers and processes may do this at once. Errors are sentences for
// the person at the terminal, and end in what to do instead.
func Ensure(ctx context.Context, o EnsureOptions) (libPath string, err error) {
	if named := first(o.Library, os.Getenv(EnvLibrary)); named != "" {
		if _, err := os.Stat(named); err != nil {
			return "", fmt.Errorf("the libchdb that was named (%s) cannot be used: %w; %s", EnvLibrary, err, wayOut)
		}
		return named, nil
	}
	if o.Progress == nil {
		o.Progress = func(Progress) {}
	}
	p, err := platformPackage()
	if err != nil {
		return "", err
	}
	if o.CacheDir == "" {
		dir, err := os.UserCacheDir()
		if err != nil {
			return "", fmt.Errorf("find a cache directory for libchdb: %w; %s", err, wayOut)
		}
		o.CacheDir = filepath.Join(dir, "backchannel", "chdb")
	}
	libPath, err = ensure(ctx, p, o)
	if err != nil {
		return "", fmt.Errorf("%w; %s", err, wayOut)
	}
	return libPath, nil
}

func ensure(ctx context.Context, p pkg, o EnsureOptions) (string, error) {
	path := filepath.Join(o.CacheDir, Version, "libchdb.so")
	if intact(path) {
		return path, nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return "", fmt.Errorf("create the cache for libchdb: %w", err)
	}
	lock, err := lockCache(ctx, o)
	if err != nil {
		return "", fmt.Errorf("wait for another process that fetches libchdb: %w", errors.Join(err, ctx.Err()))
	}
	defer lock.Close()
	if intact(path) { // fetched while we waited
		return path, nil
	}
	return path, fetch(ctx, p, o, path)
}

// lockCache makes the caller the only one that fetches.
func lockCache(ctx context.Context, o EnsureOptions) (*os.File, error) {
	path := filepath.Join(o.CacheDir, "lock")
	now, cancel := context.WithCancel(ctx)
	cancel()
	lock, err := lockFile(now, path)
	if errors.Is(err, errLocked) {
		o.Progress(Progress{Stage: "wait"})
		return lockFile(ctx, path)
	}
	return lock, err
}

// fetch downloads and unpacks p to path, in a directory beside it that is removed in the end.
func fetch(ctx context.Context, p pkg, o EnsureOptions, path string) error {
	// We hold the lock: what is left of such directories is of processes that were killed.
	for _, old := range must(filepath.Glob(filepath.Join(o.CacheDir, "staging-*"))) {
		if err := os.RemoveAll(old); err != nil {
			return fmt.Errorf("clear an earlier download of libchdb: %w", err)
		}
	}
	staging, err := os.MkdirTemp(o.CacheDir, "staging-")
	if err != nil {
		return fmt.Errorf("make room for libchdb: %w", err)
	}
	defer os.RemoveAll(staging)
	tarball, err := download(ctx, p, staging, o.Progress)
	if err != nil {
		return err
	}
	unpacked := filepath.Join(staging, "libchdb.so")
	sum, err := unpack(ctx, p, tarball, unpacked, o.Progress)
	if err != nil {
		return err
	}
	if err := os.Rename(unpacked, path); err != nil {
		return fmt.Errorf("put libchdb in its place: %w", err)
	}
	return record(path, sum)
}

// must drops the error of a Glob whose pattern is well-formed.
func must(paths []string, _ error) []string { return paths }
