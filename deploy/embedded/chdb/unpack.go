package chdb

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"time"
)

// unpack writes the library of the tarball to dest, checks the whole tarball against p's hash,
// and returns the library's SHA-256 in hex. With an error, dest is not to be used.
func unpack(ctx context.Context, p pkg, tarball, dest string, progress func(Progress)) (sum string, err error) {
	f, err := os.Open(tarball)
	if err != nil {
		return "", fmt.Errorf("open the download: %w", err)
	}
	defer f.Close()
	hash := sha512.New()
	raw := io.TeeReader(f, hash)
	zipped, err := gzip.NewReader(raw)
	if err != nil {
		return "", fmt.Errorf("unpack %s: %w", p.name, err)
	}
	sum, err = extract(ctx, tar.NewReader(zipped), dest, progress)
	if err != nil {
		return "", fmt.Errorf("unpack %s: %w", p.name, err)
	}
	if _, err := io.Copy(io.Discard, raw); err != nil {
		return "", fmt.Errorf("read the download: %w", err)
	}
	if got := base64.StdEncoding.EncodeToString(hash.Sum(nil)); p.sha512 != "" && got != p.sha512 {
		return "", fmt.Errorf("the download of %s@%s is not what was pinned (its sha512 is %s, expected %s) and was thrown away", p.name, Version, got, p.sha512)
	}
	return sum, nil
}

// extract finds package/libchdb.so (or .dylib) and writes it.
func extract(ctx context.Context, archive *tar.Reader, dest string, progress func(Progress)) (string, error) {
	for {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return "", errors.New("it holds no libchdb")
		}
		if err != nil {
			return "", err
		}
		if name := path.Base(h.Name); h.Typeflag != tar.TypeReg || name != "libchdb.so" && name != "libchdb.dylib" {
			continue
		}
		out, err := os.OpenFile(dest, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o755) //nolint:gosec // a library that every user of the cache may load
		if err != nil {
			return "", err
		}
		hash := sha256.New()
		counted := &meter{ctx: ctx, r: archive, total: h.Size, progress: progress}
		_, err = io.Copy(io.MultiWriter(out, hash), counted)
		if err == nil {
			err = out.Sync()
		}
		return hex.EncodeToString(hash.Sum(nil)), errors.Join(err, out.Close())
	}
}

// meter reports what passes through it, and ends with its context.
type meter struct {
	ctx         context.Context
	r           io.Reader
	done, total int64
	said        time.Time
	progress    func(Progress)
}

func (m *meter) Read(p []byte) (int, error) {
	if err := m.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := m.r.Read(p)
	m.done += int64(n)
	if m.done == m.total || time.Since(m.said) > 200*time.Millisecond {
		m.said = time.Now()
		m.progress(Progress{"unpack", m.done, m.total})
	}
	return n, err
}
