package kafka

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
)

// repair mends what a sudden death can leave in a data directory and kfake would misread. It is safe to repeat.
func repair(dir string, log *slog.Logger) error {
	partitions, err := filepath.Glob(filepath.Join(dir, "partitions", "*"))
	if err != nil {
		return fmt.Errorf("list partitions: %w", err)
	}
	for _, p := range partitions {
		if err := cutTorn(p, log); err != nil {
			return fmt.Errorf("%s cannot mend its data directory: %w", engine, err)
		}
	}
	for _, step := range []func() error{
		func() error { return restoreShadow(dir, log) },
		func() error { return cutLogs(dir, log) },
		func() error { return abortOpen(dir, log) },
		func() error { return purgeAborted(dir) },
		func() error { return holdPlaces(dir) },
	} {
		if err := step(); err != nil {
			return fmt.Errorf("%s cannot mend its data directory: %w", engine, err)
		}
	}
	return nil
}

// cutTorn removes a last batch that has no index entry. kfake writes the batch, then its entry, then acknowledges: so death
// between the two left a batch that nobody was promised. Kept, it would read as outside of any transaction; and the next
// entry would be written in its place, and every later batch take the transaction state of its neighbour.
func cutTorn(partition string, log *slog.Logger) error {
	bases, err := segments(partition)
	if err != nil || len(bases) == 0 {
		return err
	}
	base := bases[len(bases)-1]
	path := filepath.Join(partition, segmentFile(base))
	batches, last := 0, batch{}
	err = walk(path, func(_ *os.File, b batch) error {
		batches, last = batches+1, b
		return nil
	})
	if err != nil {
		return err
	}
	var entries int
	switch info, err := os.Stat(filepath.Join(partition, indexFile(base))); {
	case err == nil:
		entries = int(info.Size() / indexEntry)
	case !errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("measure an index: %w", err)
	}
	if batches != entries+1 {
		return nil
	}
	log.Warn("embedded Kafka: cutting a batch that was being written when the process died",
		"partition", filepath.Base(partition), "bytes", last.size)
	if err := os.Truncate(path, last.at); err != nil {
		return fmt.Errorf("cut a torn batch: %w", err)
	}
	return nil
}
