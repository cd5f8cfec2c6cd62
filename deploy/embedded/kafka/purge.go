package kafka

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// A compacted partition that holds the records of an aborted transaction must not be compacted by kfake: it removes them and
// their marker, but goes on telling consumers of the abort, who then drop what the same producer commits later, up to a marker.
// So compaction waits while there are such records, and the next start, before kfake reads the files, removes them.

// aborted returns, by offset, the batches of aborted transactions that a partition holds, without their markers.
func aborted(partition string) (map[int64]bool, error) {
	found := map[int64]bool{}
	pending := map[int64][]int64{} // by producer
	err := walkPartition(partition, func(f *os.File, b batch) error {
		switch {
		case b.transactional():
			pending[b.producer] = append(pending[b.producer], b.base)
		case b.control():
			abort, err := isAbort(f, b)
			if err != nil {
				return err
			}
			if abort {
				for _, base := range pending[b.producer] {
					found[base] = true
				}
			}
			delete(pending, b.producer)
		}
		return nil
	})
	return found, err
}

// purgeAborted rewrites the compacted partitions that hold aborted records without them.
func purgeAborted(dir string) error {
	topics, err := readTopics(dir)
	if err != nil {
		return err
	}
	for _, t := range topics {
		if !t.compacted() {
			continue
		}
		for p := range t.Partitions {
			if err := purge(dir, partitionDir(dir, t, p)); err != nil {
				return fmt.Errorf("partition %d of %s: %w", p, t.Name, err)
			}
		}
	}
	return nil
}

// purge takes the same care as compact does: the old files stay linked until the new ones are whole.
func purge(dir, partition string) error {
	drop, err := aborted(partition)
	if err != nil || len(drop) == 0 {
		return err
	}
	shadow := filepath.Join(dir, shadowName, "partitions", filepath.Base(partition))
	if err := linkSegments(partition, shadow); err != nil {
		return err
	}
	if err := removeSegments(partition); err != nil {
		return err
	}
	bases, err := segments(shadow)
	if err != nil {
		return err
	}
	for _, base := range bases {
		if err := copyWithout(drop, shadow, partition, base); err != nil {
			return err
		}
	}
	if err := os.RemoveAll(filepath.Join(dir, shadowName)); err != nil {
		return fmt.Errorf("clear %s: %w", shadowName, err)
	}
	return nil
}

// copyWithout copies one segment and its index. A segment of which nothing is left is not written: the last one always ends in a
// marker or in something committed.
func copyWithout(drop map[int64]bool, from, to string, base int64) error {
	index, err := os.ReadFile(filepath.Join(from, indexFile(base)))
	if err != nil {
		return fmt.Errorf("read an index: %w", err)
	}
	var keptData, keptIndex []byte
	n := 0
	err = walk(filepath.Join(from, segmentFile(base)), func(f *os.File, b batch) error {
		entry := index[min(n*indexEntry, len(index)):min((n+1)*indexEntry, len(index))]
		n++
		if drop[b.base] {
			return nil
		}
		if len(entry) < indexEntry {
			return errors.New("an index is shorter than its segment")
		}
		raw := make([]byte, b.size)
		if _, err := f.ReadAt(raw, b.at); err != nil {
			return fmt.Errorf("read a segment: %w", err)
		}
		keptData, keptIndex = append(keptData, raw...), append(keptIndex, entry...)
		return nil
	})
	if err != nil || len(keptData) == 0 {
		return err
	}
	if err := os.WriteFile(filepath.Join(to, indexFile(base)), keptIndex, 0o600); err != nil {
		return fmt.Errorf("write an index: %w", err)
	}
	if err := os.WriteFile(filepath.Join(to, segmentFile(base)), keptData, 0o600); err != nil {
		return fmt.Errorf("write a segment: %w", err)
	}
	return nil
}
