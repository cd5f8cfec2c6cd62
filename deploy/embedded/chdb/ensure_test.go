package chdb

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha512"
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// fakeNPM puts a program called npm, and nothing else of that name, on the PATH.
func fakeNPM(t *testing.T, script string) {
	t.Helper()
	dir := t.TempDir()
	if script != "" {
		if err := os.WriteFile(filepath.Join(dir, "npm"), []byte("#!/bin/sh\n"+script), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", dir+":/bin:/usr/bin")
	if script == "" {
		t.Setenv("PATH", dir)
	}
}

// tarball is a package as npm packs it, and its hash as a registry states it.
func tarball(t *testing.T, files map[string]string) (path, sha string) {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	for name, content := range files {
		if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(content))}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(t.TempDir(), "package")
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	sum := sha512.Sum512(b.Bytes())
	return path, base64.StdEncoding.EncodeToString(sum[:])
}

// packs is a script of an npm that brings path, and notes each call in calls.
func packs(path, calls string) string {
	return `for a; do case $a in --pack-destination=*) dest=${a#*=};; esac; done; echo call >>` + calls + `; cp ` + path + ` "$dest/package.tgz"`
}

func TestEnsureFetchesOnce(t *testing.T) {
	path, sha := tarball(t, map[string]string{"package/index.js": "x", "package/libchdb.so": "the library"})
	calls := filepath.Join(t.TempDir(), "calls")
	fakeNPM(t, packs(path, calls))
	o := EnsureOptions{CacheDir: t.TempDir(), Progress: func(Progress) {}}
	p := pkg{"@chdb/test", sha, 0}
	var all sync.WaitGroup
	for range 5 {
		all.Go(func() {
			got, err := ensure(context.Background(), p, o)
			if text, _ := os.ReadFile(got); err != nil || string(text) != "the library" {
				t.Errorf("%s: %q %v", got, text, err)
			}
		})
	}
	all.Wait()
	if text, _ := os.ReadFile(calls); string(text) != "call\n" {
		t.Errorf("npm was called %d times", bytes.Count(text, []byte("\n")))
	}
	if left, _ := filepath.Glob(filepath.Join(o.CacheDir, "staging-*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestEnsureFetchesAgainWhatWasDamaged(t *testing.T) {
	path, sha := tarball(t, map[string]string{"package/libchdb.so": "the library"})
	calls := filepath.Join(t.TempDir(), "calls")
	fakeNPM(t, packs(path, calls))
	o := EnsureOptions{CacheDir: t.TempDir(), Progress: func(Progress) {}}
	fetched := func() int {
		t.Helper()
		got, err := ensure(context.Background(), pkg{"@chdb/test", sha, 0}, o)
		if text, _ := os.ReadFile(got); err != nil || string(text) != "the library" {
			t.Fatalf("%q %v", text, err)
		}
		text, _ := os.ReadFile(calls)
		return bytes.Count(text, []byte("\n"))
	}
	fetched()
	library := filepath.Join(o.CacheDir, Version, "libchdb.so")
	for name, c := range map[string]struct {
		damage func() error
		calls  int // that it takes
	}{
		"as it was":         {func() error { return nil }, 0},
		"another time":      {func() error { return os.Chtimes(library, time.Unix(1, 0), time.Unix(1, 0)) }, 0},
		"another size":      {func() error { return os.Truncate(library, 3) }, 1},
		"another content":   {func() error { return os.WriteFile(library, []byte("the Library"), 0o700) }, 1},
		"no library":        {func() error { return os.Remove(library) }, 1},
		"no stamp":          {func() error { return os.Remove(stampPath(library)) }, 1},
		"a damaged stamp":   {func() error { return os.WriteFile(stampPath(library), []byte("{"), 0o600) }, 1},
		"a killed download": {func() error { return os.MkdirAll(filepath.Join(o.CacheDir, "staging-1", "x"), 0o700) }, 0},
	} {
		before := fetched()
		if err := c.damage(); err != nil {
			t.Fatal(err)
		}
		if got := fetched() - before; got != c.calls {
			t.Errorf("%s: npm was called %d times, want %d", name, got, c.calls)
		}
	}
}

// Every refusal is one sentence that says what is wrong and ends in the way out.
func TestEnsureRefusals(t *testing.T) {
	path, sha := tarball(t, map[string]string{"package/libchdb.so": "the library"})
	without, shaWithout := tarball(t, map[string]string{"package/index.js": "x"})
	calls := filepath.Join(t.TempDir(), "calls")
	for want, c := range map[string]struct{ script, sha string }{
		"npm is needed to fetch the embedded ClickHouse": {"", sha},
		"npm says E404":          {"echo 'npm error code E404' >&2; exit 1", sha},
		"exit status 7":          {"exit 7", sha},
		"left no tarball":        {"exit 0", sha},
		"is not what was pinned": {packs(path, calls), shaWithout},
		"it holds no libchdb":    {packs(without, calls), shaWithout},
		"unpack @chdb/test":      {`for a; do case $a in --pack-destination=*) dest=${a#*=};; esac; done; echo no gzip >"$dest/package.tgz"`, sha},
	} {
		fakeNPM(t, c.script)
		o := EnsureOptions{CacheDir: t.TempDir(), Progress: func(Progress) {}}
		_, err := ensure(context.Background(), pkg{"@chdb/test", c.sha, 0}, o)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("want a sentence with %q, got %v", want, err)
		}
		if found, _ := filepath.Glob(filepath.Join(o.CacheDir, Version, "*")); len(found) > 0 {
			t.Errorf("%s: left %v", want, found)
		}
	}
}

func TestEnsureTakesANamedLibrary(t *testing.T) {
	fakeNPM(t, "exit 1")
	file := filepath.Join(t.TempDir(), "mine.so")
	if _, err := Ensure(context.Background(), EnsureOptions{Library: file}); err == nil || !strings.HasSuffix(err.Error(), wayOut) {
		t.Errorf("an absent library: %v", err)
	}
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv(EnvLibrary, file)
	if got, err := Ensure(context.Background(), EnsureOptions{}); err != nil || got != file {
		t.Errorf("%s %v", got, err)
	}
}

func TestEnsureIsBrokenOff(t *testing.T) {
	fakeNPM(t, "sleep 60")
	ctx, cancel := context.WithCancel(context.Background())
	o := EnsureOptions{CacheDir: t.TempDir(), Progress: func(p Progress) {
		if p.Stage == "download" {
			cancel()
		}
	}}
	if _, err := ensure(ctx, pkg{"@chdb/test", "", 0}, o); err == nil || !strings.Contains(err.Error(), "was broken off") {
		t.Error(err)
	}
}

func TestProgress(t *testing.T) {
	path, sha := tarball(t, map[string]string{"package/libchdb.so": strings.Repeat("library", 100000)})
	var got []Progress
	if _, err := unpack(context.Background(), pkg{"@chdb/test", sha, 0}, path, filepath.Join(t.TempDir(), "lib"), func(p Progress) { got = append(got, p) }); err != nil {
		t.Fatal(err)
	}
	if last := got[len(got)-1]; last != (Progress{"unpack", 700000, 700000}) {
		t.Errorf("%+v", last)
	}
}
