package kafka

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// The layout of kfake's partitions: partitions/<topic>-<n>/<base offset>.dat holds record batches as on the wire, .idx holds
// one entry of indexEntry bytes for each.
const (
	indexEntry = 15
	// A record batch is a header of batchHeader bytes, the first batchPrefix of which its length does not count, and its records.
	// See https://kafka.apache.org/documentation/#recordbatch.
	batchPrefix = 12
	batchHeader = 61
)

func partitionDir(dir string, t topic, partition int32) string {
	return filepath.Join(dir, "partitions", url.PathEscape(t.Name)+"-"+strconv.Itoa(int(partition)))
}

func segmentFile(base int64) string { return strconv.FormatInt(base, 10) + ".dat" }

func indexFile(base int64) string { return strconv.FormatInt(base, 10) + ".idx" }

// segments lists the base offsets of a partition's segments in order; none if the directory does not exist.
func segments(dir string) ([]int64, error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("list segments: %w", err)
	}
	var bases []int64
	for _, e := range entries {
		name, isSegment := strings.CutSuffix(e.Name(), ".dat")
		if base, err := strconv.ParseInt(name, 10, 64); isSegment && err == nil {
			bases = append(bases, base)
		}
	}
	slices.Sort(bases)
	return bases, nil
}

// batch is what the header of a record batch says.
type batch struct {
	at, size int64 // in bytes, within the segment
	base     int64 // offset of the first record
	end      int64 // offset after the last record
	producer int64
	epoch    int16
	flags    uint16
}

// Attributes of a batch.
const (
	inTransaction = 0x10
	isControl     = 0x20
)

func (b batch) transactional() bool { return b.flags&(inTransaction|isControl) == inTransaction }

func (b batch) control() bool { return b.flags&isControl != 0 }

// walk calls fn for each whole batch of a segment. What follows the last whole batch is not reported.
func walk(path string, fn func(f *os.File, b batch) error) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("read a segment: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("read a segment: %w", err)
	}
	var h [batchHeader]byte
	for at := int64(0); at+batchHeader <= info.Size(); {
		if _, err := f.ReadAt(h[:], at); err != nil {
			return fmt.Errorf("read a segment: %w", err)
		}
		b := parseHeader(h, at)
		if b.size < batchHeader || at+b.size > info.Size() {
			return nil
		}
		if err := fn(f, b); err != nil {
			return err
		}
		at += b.size
	}
	return nil
}

func parseHeader(h [batchHeader]byte, at int64) batch {
	base := int64(binary.BigEndian.Uint64(h[0:]))
	return batch{
		at: at, size: batchPrefix + int64(binary.BigEndian.Uint32(h[8:])),
		base: base, end: base + int64(int32(binary.BigEndian.Uint32(h[23:]))) + 1,
		producer: int64(binary.BigEndian.Uint64(h[43:])), epoch: int16(binary.BigEndian.Uint16(h[51:])),
		flags: binary.BigEndian.Uint16(h[21:]),
	}
}

// walkPartition calls fn for each batch of a partition in order.
func walkPartition(dir string, fn func(f *os.File, b batch) error) error {
	bases, err := segments(dir)
	if err != nil {
		return err
	}
	for _, base := range bases {
		if err := walk(filepath.Join(dir, segmentFile(base)), fn); err != nil {
			return err
		}
	}
	return nil
}

// endOffset is the offset after the last record of a partition; 0 without any.
func endOffset(dir string) (int64, error) {
	bases, err := segments(dir)
	if err != nil {
		return 0, err
	}
	slices.Reverse(bases)
	for _, base := range bases {
		var end int64
		err := walk(filepath.Join(dir, segmentFile(base)), func(_ *os.File, b batch) error { end = b.end; return nil })
		if err != nil || end > 0 {
			return end, err
		}
	}
	return 0, nil
}
