package slacksim

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// journal is the file of changes, one JSON line each, written with one write before the change is answered. It is not
// synced: it survives the death of the process, not of the machine.
type journal struct {
	file   *os.File
	end    int64
	broken error
}

const journalName = "slacksim.journal"

// openJournal replays dir's journal into apply, rewrites it as a snapshot, and opens it for more.
// A line torn by a crash in the middle of its write was never answered, and is dropped; any other damage is an error.
func openJournal(dir string, s *state) (*journal, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the simulator's data directory: %w", err)
	}
	path := filepath.Join(dir, journalName)
	if err := replay(path, s); err != nil {
		return nil, err
	}
	if err := compact(path, s); err != nil {
		return nil, fmt.Errorf("compact %s: %w", journalName, err)
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the simulator's journal: %w", err)
	}
	end, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("find the end of the simulator's journal: %w", err), f.Close())
	}
	return &journal{file: f, end: end}, nil
}

func replay(path string, s *state) error {
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("open the simulator's journal: %w", err)
	}
	defer f.Close()
	r := bufio.NewReaderSize(f, 1<<20)
	for n := 1; ; n++ {
		line, err := r.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return nil // what is left, if anything, is a torn line
		}
		if err != nil {
			return fmt.Errorf("read the simulator's journal: %w", err)
		}
		if err := replayLine(line, s); err != nil {
			return fmt.Errorf("%s, line %d: %w; restore the file, or remove it to start with no workspaces", path, n, err)
		}
	}
}

// replayLine turns a panic into an error: a line that is JSON but names what does not exist must not end the process.
func replayLine(line []byte, s *state) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the change does not fit the ones before it: %v", p)
		}
	}()
	var e entry
	if err := json.Unmarshal(line, &e); err != nil {
		return fmt.Errorf("not a change: %w", err)
	}
	s.apply(e)
	return nil
}

// compact writes what the state now is to a new file, and puts it in the journal's place.
func compact(path string, s *state) error {
	if s.Seq == 0 {
		return nil
	}
	f, err := os.CreateTemp(filepath.Dir(path), journalName+".*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	w := bufio.NewWriterSize(f, 1<<20)
	enc := json.NewEncoder(w)
	for part := range s.snapshot() {
		if err := enc.Encode(entry{Seq: s.Seq, Change: change{Snapshot: part}}); err != nil {
			return errors.Join(err, f.Close())
		}
	}
	if err := errors.Join(w.Flush(), f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// append writes one change. After a failed write the file is cut back to the last whole line; if even that fails,
// nothing more is written, so that no line ever follows a torn one.
func (j *journal) append(e entry) error {
	if j == nil {
		return nil
	}
	if j.broken != nil {
		return fmt.Errorf("the simulator's journal is out of use: %w", j.broken)
	}
	var line bytes.Buffer
	if err := json.NewEncoder(&line).Encode(e); err != nil {
		return fmt.Errorf("encode a change: %w", err)
	}
	n, err := j.file.WriteAt(line.Bytes(), j.end)
	if err != nil {
		j.broken = j.file.Truncate(j.end)
		return fmt.Errorf("write the simulator's journal: %w", err)
	}
	j.end += int64(n)
	return nil
}

func (j *journal) close() error {
	if j == nil {
		return nil
	}
	return j.file.Close()
}
