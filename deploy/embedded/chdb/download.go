package chdb

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"time"
)

// download has npm bring the package's tarball into dir. npm says nothing of its progress, but writes what has arrived
// into its cache; so it gets a cache of its own in dir, and what lies there is what has arrived.
func download(ctx context.Context, p pkg, dir string, progress func(Progress)) (tarball string, err error) {
	npm, err := exec.LookPath("npm")
	if err != nil {
		return "", errors.New("npm is needed to fetch the embedded ClickHouse (chDB) and is not on the PATH; install Node.js, which brings it")
	}
	cache := filepath.Join(dir, "npm")
	cmd := exec.CommandContext(ctx, npm, "pack", "--loglevel=error", "--ignore-scripts",
		"--cache="+cache, "--pack-destination="+dir, p.name+"@"+Version)
	cmd.Dir = dir // away from any package.json and its settings
	cmd.WaitDelay = time.Second
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stop := watchSize(cache, func(n int64) { progress(Progress{"download", n, p.size}) })
	err = cmd.Run()
	stop()
	if ctx.Err() != nil {
		return "", fmt.Errorf("fetching %s was broken off: %w", p.name, ctx.Err())
	}
	if err != nil {
		return "", fmt.Errorf("npm could not fetch %s@%s (%s)", p.name, Version, npmReason(stderr.Bytes(), err))
	}
	found := must(filepath.Glob(filepath.Join(dir, "*.tgz")))
	if len(found) != 1 {
		return "", fmt.Errorf("npm said that it fetched %s@%s, and left no tarball", p.name, Version)
	}
	return found[0], os.RemoveAll(cache)
}

var npmError = regexp.MustCompile(`npm (?:error|ERR!) (?:code )?(.+)`)

// npmReason is the first line of npm's own account of its failure: a code like E404, ENOTFOUND, EINTEGRITY or ENOSPC.
func npmReason(stderr []byte, err error) string {
	if m := npmError.FindSubmatch(stderr); m != nil {
		return "npm says " + string(m[1])
	}
	return err.Error()
}

// watchSize reports the size of the largest file under dir, a few times a second, until stop is called.
func watchSize(dir string, report func(int64)) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for sleep(ctx, 200*time.Millisecond) {
			report(largest(dir))
		}
	}()
	return func() {
		cancel()
		<-done
	}
}

func largest(dir string) (size int64) {
	// Files come and go while npm works; what cannot be looked at is not counted.
	_ = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return nil //nolint:nilerr // see above
		}
		if info, err := d.Info(); err == nil {
			size = max(size, info.Size())
		}
		return nil
	})
	return size
}
