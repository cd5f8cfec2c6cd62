package backup

import (
	"bufio"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"time"
)

// Format is the version of the folder's form. A folder of a later one is refused.
const Format = 1

const manifestName = "manifest.json"

// Manifest says what a backup holds.
type Manifest struct {
	Format int       `json:"format"`
	MadeBy string    `json:"made_by"` // version of the program
	At     time.Time `json:"at"`
	Topics []Topic   `json:"topics"`
	Tables []Table   `json:"tables,omitempty"`
	// Groups are the offsets that were committed, by group, topic and partition.
	Groups map[string]map[string]map[int32]int64 `json:"groups"`
}

// File is one of the folder: gzip, a JSON value a line.
type File struct {
	Name   string `json:"file"`
	Lines  int64  `json:"lines"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// Topic is the copy of a topic: its file has a record a line.
type Topic struct {
	Topic string `json:"topic"`
	File
	// Ends are the offsets up to which the partitions were read.
	Ends map[int32]int64 `json:"ends"`
}

// Table is the copy of a table of ClickHouse: its file has a row a line, an array of the values of Columns.
type Table struct {
	Table   string   `json:"table"`
	Columns []string `json:"columns"`
	File
}

// lines writes a File.
type lines struct {
	file *os.File
	sum  hash.Hash
	zip  *gzip.Writer
	enc  *json.Encoder
	meta File
}

func create(dir, name string) (*lines, error) {
	file, err := os.OpenFile(filepath.Join(dir, name), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("make a file of the backup: %w", err)
	}
	l := &lines{file: file, sum: sha256.New(), meta: File{Name: name}}
	l.zip = gzip.NewWriter(io.MultiWriter(file, l.sum))
	l.enc = json.NewEncoder(l.zip)
	l.enc.SetEscapeHTML(false)
	return l, nil
}

func (l *lines) add(v any) error {
	l.meta.Lines++
	return l.enc.Encode(v)
}

// close puts the file on disk.
func (l *lines) close() (File, error) {
	err := errors.Join(l.zip.Close(), l.file.Sync())
	if info, statErr := l.file.Stat(); statErr == nil {
		l.meta.Bytes = info.Size()
	}
	l.meta.SHA256 = hex.EncodeToString(l.sum.Sum(nil))
	if err = errors.Join(err, l.file.Close()); err != nil {
		return File{}, fmt.Errorf("write %s: %w", l.meta.Name, err)
	}
	return l.meta, nil
}

// each decodes every line of a file in turn.
func each[T any](dir string, f File, do func(T) error) error {
	file, err := os.Open(filepath.Join(dir, f.Name))
	if err != nil {
		return fmt.Errorf("open a file of the backup: %w", err)
	}
	defer func() { _ = file.Close() }() // it was only read
	zip, err := gzip.NewReader(bufio.NewReaderSize(file, 1<<16))
	if err != nil {
		return fmt.Errorf("read %s: %w", f.Name, err)
	}
	dec := json.NewDecoder(zip)
	for {
		var v T
		if err := dec.Decode(&v); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("read %s: %w", f.Name, err)
		}
		if err := do(v); err != nil {
			return err
		}
	}
}

// Read reads a backup's manifest and compares every file with it. The error names each file that is not as it was written.
func Read(dir string) (Manifest, error) {
	var m Manifest
	content, err := os.ReadFile(filepath.Join(dir, manifestName))
	if err != nil {
		return m, fmt.Errorf("%s is no complete backup, which has a %s: %w", dir, manifestName, err)
	}
	if err := json.Unmarshal(content, &m); err != nil {
		return m, fmt.Errorf("%s of the backup cannot be read: %w", manifestName, err)
	}
	if m.Format != Format {
		return m, fmt.Errorf("the backup has format %d and was made by %s; this version reads format %d", m.Format, m.MadeBy, Format)
	}
	var wrong []error
	for _, t := range m.Topics {
		wrong = append(wrong, t.check(dir))
	}
	for _, t := range m.Tables {
		wrong = append(wrong, t.check(dir))
	}
	return m, errors.Join(wrong...)
}

func (f File) check(dir string) error {
	if f.Name != filepath.Base(f.Name) {
		return fmt.Errorf("the manifest names a file outside of the folder: %q", f.Name)
	}
	file, err := os.Open(filepath.Join(dir, f.Name))
	if errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("%s is missing", f.Name)
	}
	if err != nil {
		return fmt.Errorf("open a file of the backup: %w", err)
	}
	defer func() { _ = file.Close() }() // it was only read
	sum := sha256.New()
	n, err := io.Copy(sum, file)
	switch {
	case err != nil:
		return fmt.Errorf("read %s: %w", f.Name, err)
	case n != f.Bytes:
		return fmt.Errorf("%s has %d bytes, the manifest says %d: it was cut or changed", f.Name, n, f.Bytes)
	case hex.EncodeToString(sum.Sum(nil)) != f.SHA256:
		return fmt.Errorf("%s was changed: its SHA-256 is not the manifest's", f.Name)
	}
	return nil
}
