package kafka

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

const watermarksFile = "watermarks.json"

// watermarks is where each partition ended before retention was last enforced, by topic id and partition. kfake finds the end of a
// partition in its last segment: when retention has removed that (a quiet week is enough), the next start would begin at
// offset 0 again, under committed offsets and insert tokens of the same name that mean other records.
type watermarks map[string]int64

// note takes the topic's id, not its name: a topic deleted and created again starts at 0 rightly.
func (w watermarks) note(t topic, partition int32, end int64) {
	if end > 0 {
		w[markKey(t, partition)] = end
	}
}

func markKey(t topic, partition int32) string {
	return string(t.ID) + "/" + strconv.Itoa(int(partition))
}

func (w watermarks) write(dir string) error {
	b, err := json.Marshal(w)
	if err != nil {
		return fmt.Errorf("encode the watermarks: %w", err)
	}
	path := filepath.Join(dir, watermarksFile)
	if err := os.WriteFile(path+".new", b, 0o600); err != nil {
		return fmt.Errorf("write the watermarks: %w", err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		return fmt.Errorf("write the watermarks: %w", err)
	}
	return nil
}

// holdPlaces gives each partition that retention has emptied one batch at the last offset it had: a transaction marker, which
// consumers skip.
func holdPlaces(dir string) error {
	marks := watermarks{}
	if err := readJSON(filepath.Join(dir, watermarksFile), &marks); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	topics, err := readTopics(dir)
	if err != nil {
		return err
	}
	for _, t := range topics {
		for p := range t.Partitions {
			if err := holdPlace(partitionDir(dir, t, p), marks[markKey(t, p)]); err != nil {
				return fmt.Errorf("partition %d of %s: %w", p, t.Name, err)
			}
		}
	}
	return nil
}

func holdPlace(partition string, end int64) error {
	has, err := endOffset(partition)
	if err != nil || has > 0 {
		return err
	}
	var snapshot struct { // of an orderly stop
		HighWatermark int64 `json:"high_watermark"`
	}
	if err := readJSON(filepath.Join(partition, "snapshot.json"), &snapshot); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	end = max(end, snapshot.HighWatermark)
	if end == 0 {
		return nil
	}
	if err := os.MkdirAll(partition, 0o700); err != nil {
		return fmt.Errorf("create the directory: %w", err)
	}
	if err := removeSegments(partition); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(partition, indexFile(end-1)), markerEntry(), 0o600); err != nil {
		return fmt.Errorf("hold the place: %w", err)
	}
	if err := os.WriteFile(filepath.Join(partition, segmentFile(end-1)), markerBatch(batch{end: end - 1, producer: -1, epoch: -1}, commitMarker, time.Now()), 0o600); err != nil {
		return fmt.Errorf("hold the place: %w", err)
	}
	return nil
}
