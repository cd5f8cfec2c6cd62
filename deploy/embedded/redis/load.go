package redis

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// load applies the file to the empty server, rewrites it with what is still valid, and opens it for more.
func (s *Server) load(dir string) (*appendFile, error) {
	path := filepath.Join(dir, fileName)
	raw, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s cannot read what it kept: %w", engine, err)
	}
	kept, whole, err := parse(raw)
	if err != nil {
		return nil, fmt.Errorf("%s cannot read what it kept: %s is damaged at byte %d (%w): "+
			"move the file away to start without it; deliveries that were under way may then be repeated", engine, path, whole, err)
	}
	if whole < len(raw) {
		s.log.Warn("embedded Redis: cutting an entry that was being written when the process died", "file", path, "bytes", len(raw)-whole)
	}
	now := time.Unix(0, s.last.Load())
	maps.DeleteFunc(kept, func(_ string, st state) bool { return st.gone(now.UnixMilli()) })
	if err := rewrite(path, kept); err != nil {
		return nil, fmt.Errorf("%s cannot compact what it kept: %w", engine, err)
	}
	for _, st := range kept {
		if err := s.restore(st, now); err != nil {
			return nil, fmt.Errorf("%s cannot restore what it kept: %w", engine, err)
		}
	}
	return openAppend(path)
}

func (s *Server) restore(st state, now time.Time) error {
	if st.str != nil {
		if err := s.mini.Set(st.key, *st.str); err != nil {
			return fmt.Errorf("set a key: %w", err)
		}
	}
	for f, v := range st.hash {
		s.mini.HSet(st.key, f, v)
	}
	if st.expire != 0 {
		s.mini.SetTTL(st.key, time.UnixMilli(st.expire).Sub(now))
	}
	return nil
}

// rewrite replaces the file at once: its new content is on disk under another name before it takes the old one's.
func rewrite(path string, kept map[string]state) error {
	var b bytes.Buffer
	for _, key := range slices.Sorted(maps.Keys(kept)) {
		b.Write(encode([]state{kept[key]}))
	}
	f, err := os.OpenFile(path+".new", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, fileRights)
	if err != nil {
		return fmt.Errorf("create a file: %w", err)
	}
	_, err = f.Write(b.Bytes())
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("write a file: %w", err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		return fmt.Errorf("replace a file: %w", err)
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return fmt.Errorf("sync a directory: %w", err)
	}
	if err := errors.Join(dir.Sync(), dir.Close()); err != nil {
		return fmt.Errorf("sync a directory: %w", err)
	}
	return nil
}
