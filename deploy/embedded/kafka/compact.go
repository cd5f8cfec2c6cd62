package kafka

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
)

// shadowName is a directory that exists only while kfake compacts. It holds hard links to the segments as they were.
const shadowName = "compacting"

// compact lets kfake compact, between making and removing hard links to the files that it deletes first and writes anew
// afterwards. Death in between is mended by restoreShadow. It does nothing while there are aborted records, see purge.go.
func (t *tidier) compact(topics []topic) (ran bool, err error) {
	shadow := filepath.Join(t.dir, shadowName)
	defer func() {
		if rmErr := os.RemoveAll(shadow); rmErr != nil {
			err = errors.Join(err, fmt.Errorf("clear %s: %w", shadowName, rmErr))
		}
	}()
	for _, topic := range topics {
		if !topic.compacted() {
			continue
		}
		for p := range topic.Partitions {
			partition := partitionDir(t.dir, topic, p)
			switch stale, err := aborted(partition); {
			case err != nil:
				return false, err
			case len(stale) > 0:
				t.log.Info("embedded Kafka: compaction waits for a restart, which removes the records of aborted transactions", "topic", topic.Name)
				return false, nil
			}
			if err := linkSegments(partition, partitionDir(shadow, topic, p)); err != nil {
				return false, err
			}
		}
	}
	t.cluster.Compact()
	return true, nil
}

// linkSegments makes links in to for all segments in from. Each index comes before its segment and the last segment comes last, so
// that a partition whose last segment is there is there as a whole.
func linkSegments(from, to string) error {
	bases, err := segments(from)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(to, 0o700); err != nil {
		return fmt.Errorf("create %s: %w", to, err)
	}
	for _, base := range bases {
		for _, name := range []string{indexFile(base), segmentFile(base)} {
			err := os.Link(filepath.Join(from, name), filepath.Join(to, name))
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("link %s: %w", name, err)
			}
		}
	}
	return nil
}

// restoreShadow ends an interrupted compaction. kfake writes a partition's batches in order and always keeps the last one: so a
// partition that reaches as far as its shadow was compacted to the end, and one that falls short gets its old files back.
func restoreShadow(dir string, log *slog.Logger) error {
	shadows, err := filepath.Glob(filepath.Join(dir, shadowName, "partitions", "*"))
	if err != nil {
		return fmt.Errorf("list %s: %w", shadowName, err)
	}
	for _, shadow := range shadows {
		current := filepath.Join(dir, "partitions", filepath.Base(shadow))
		want, err := endOffset(shadow)
		if err != nil {
			return err
		}
		got, err := endOffset(current)
		if err != nil {
			return err
		}
		if got >= want {
			continue
		}
		log.Warn("embedded Kafka: a compaction was interrupted; the partition gets its files back", "partition", filepath.Base(shadow))
		if err := removeSegments(current); err != nil {
			return err
		}
		if err := linkSegments(shadow, current); err != nil {
			return err
		}
	}
	if err := os.RemoveAll(filepath.Join(dir, shadowName)); err != nil {
		return fmt.Errorf("clear %s: %w", shadowName, err)
	}
	return nil
}

// removeSegments removes the last segment first: what is left never reaches as far as the whole did. Indexes may be there
// without their segment.
func removeSegments(dir string) error {
	bases, err := segments(dir)
	if err != nil {
		return err
	}
	slices.Reverse(bases)
	for _, base := range bases {
		if err := os.Remove(filepath.Join(dir, segmentFile(base))); err != nil {
			return fmt.Errorf("remove a segment: %w", err)
		}
	}
	indexes, err := filepath.Glob(filepath.Join(dir, "*.idx"))
	if err != nil {
		return fmt.Errorf("list indexes: %w", err)
	}
	for _, index := range indexes {
		if err := os.Remove(index); err != nil {
			return fmt.Errorf("remove an index: %w", err)
		}
	}
	return nil
}
