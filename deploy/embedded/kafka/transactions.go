package kafka

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// abortOpen writes the abort marker of every transaction that was open when the process died. kfake aborts them at start in its
// memory, without a marker. A consumer that reads committed drops a producer's records from the aborted one on until it sees
// the marker: so the first transaction that the same producer commits afterwards would be invisible.
//
// As kfake does, it also raises the producer's epoch, so that a producer that outlived the broker cannot commit the rest of
// what was aborted.
func abortOpen(dir string, log *slog.Logger) error {
	partitions, err := filepath.Glob(filepath.Join(dir, "partitions", "*"))
	if err != nil {
		return fmt.Errorf("list partitions: %w", err)
	}
	fenced := map[int64]int16{}
	for _, p := range partitions {
		orderly, err := stoppedOrderly(p)
		if err != nil {
			return err
		}
		if orderly { // kfake takes up its transactions where they were
			continue
		}
		open, last, err := openTransactions(p)
		if err != nil {
			return err
		}
		for _, producer := range slices.Sorted(maps.Keys(open)) {
			log.Info("embedded Kafka: aborting a transaction that was open when the process died",
				"partition", filepath.Base(p), "producer", producer)
			epoch := open[producer].epoch
			if err := appendMarker(p, batch{end: last, producer: producer, epoch: epoch}); err != nil {
				return err
			}
			fenced[producer] = max(fenced[producer], epoch+1)
			last++
		}
	}
	return fence(dir, fenced)
}

// openTransactions returns the last batch of each producer whose transaction has no marker, and the end of the partition.
func openTransactions(partition string) (open map[int64]batch, end int64, err error) {
	open = map[int64]batch{}
	err = walkPartition(partition, func(_ *os.File, b batch) error {
		end = b.end
		switch {
		case b.control():
			delete(open, b.producer)
		case b.transactional():
			open[b.producer] = b
		}
		return nil
	})
	return open, end, err
}

// stoppedOrderly says whether kfake will trust the partition's snapshot: it was written by an orderly stop, and nothing was
// added since.
func stoppedOrderly(partition string) (bool, error) {
	var snapshot struct {
		Segments []struct {
			Base int64 `json:"base_offset"`
			Size int64 `json:"size"`
		} `json:"segments"`
	}
	switch err := readJSON(filepath.Join(partition, "snapshot.json"), &snapshot); {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case err != nil:
		return false, err
	}
	bases, err := segments(partition)
	if err != nil || len(bases) != len(snapshot.Segments) {
		return false, err
	}
	for i, s := range snapshot.Segments {
		info, err := os.Stat(filepath.Join(partition, segmentFile(bases[i])))
		if err != nil {
			return false, fmt.Errorf("measure a segment: %w", err)
		}
		if s.Base != bases[i] || s.Size != info.Size() {
			return false, nil
		}
	}
	return true, nil
}

// appendMarker writes the index entry first: death in between leaves an entry too many, which kfake cuts.
func appendMarker(partition string, last batch) error {
	bases, err := segments(partition)
	if err != nil {
		return err
	}
	base := bases[len(bases)-1]
	if err := appendTo(filepath.Join(partition, indexFile(base)), markerEntry()); err != nil {
		return err
	}
	return appendTo(filepath.Join(partition, segmentFile(base)), markerBatch(last, abortMarker, time.Now()))
}

// fence raises epochs in kfake's log of producers, as its own entry for a transaction that timed out does.
func fence(dir string, epochs map[int64]int16) error {
	for _, producer := range slices.Sorted(maps.Keys(epochs)) {
		entry, err := json.Marshal(struct {
			Type  string `json:"type"`
			PID   int64  `json:"pid"`
			Epoch int16  `json:"epoch"`
		}{"timeout", producer, epochs[producer]})
		if err != nil {
			return fmt.Errorf("encode a producer's epoch: %w", err)
		}
		if err := appendTo(filepath.Join(dir, producersLog), frame(entry)); err != nil {
			return err
		}
	}
	return nil
}

func appendTo(path string, b []byte) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("append to %s: %w", filepath.Base(path), err)
	}
	_, err = f.Write(b)
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("append to %s: %w", filepath.Base(path), err)
	}
	return nil
}
