package kafka

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
)

// kfake's append-only logs of committed offsets and of producers. Each entry is framed: length of what follows the checksum (4),
// CRC-32C of that (4), version (2), JSON; all little-endian.
const (
	groupsLog    = "groups.log"
	producersLog = "pids.log"
	frameHeader  = 10
)

func frame(entry []byte) []byte {
	b := make([]byte, frameHeader, frameHeader+len(entry))
	binary.LittleEndian.PutUint32(b, uint32(2+len(entry)))
	binary.LittleEndian.PutUint16(b[8:], formatVersion)
	b = append(b, entry...)
	binary.LittleEndian.PutUint32(b[4:], crc32.Checksum(b[8:], castagnoli))
	return b
}

// frameEnd is where the entry that begins at an offset of log ends, or 0 when none does that is whole.
func frameEnd(log []byte, at int) int {
	if len(log)-at < frameHeader {
		return 0
	}
	size := int64(binary.LittleEndian.Uint32(log[at:]))
	if size < 2 || int64(at)+8+size > int64(len(log)) {
		return 0
	}
	end := at + 8 + int(size)
	if crc32.Checksum(log[at+8:end], castagnoli) != binary.LittleEndian.Uint32(log[at+4:]) {
		return 0
	}
	return end
}

// nextFrame is where behind an entry that is torn one may begin: none of its JSON looks like a version.
func nextFrame(log []byte, at int) int {
	for at++; len(log)-at >= frameHeader; at++ {
		if binary.LittleEndian.Uint16(log[at+8:]) == formatVersion {
			return at
		}
	}
	return len(log)
}

// wholeFrames are the entries of log that are whole.
func wholeFrames(log []byte) []byte {
	whole := make([]byte, 0, len(log))
	for at := 0; at < len(log); {
		end := frameEnd(log, at)
		if end == 0 {
			at = nextFrame(log, at)
			continue
		}
		whole = append(whole, log[at:end]...)
		at = end
	}
	return whole
}

// cutLogs removes entries that were not written to their end: because the process died, or because the disk was full. kfake ignores such a one, but
// goes on writing behind it, and the start after that ignores everything behind it too.
func cutLogs(dir string, log *slog.Logger) error {
	for _, name := range []string{groupsLog, producersLog} {
		path := filepath.Join(dir, name)
		b, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return fmt.Errorf("read %s: %w", name, err)
		}
		whole := wholeFrames(b)
		if len(whole) == len(b) {
			continue
		}
		log.Warn("embedded Kafka: cutting what was not written to its end, when the process died or the disk was full", "file", name, "bytes", len(b)-len(whole))
		if err := os.WriteFile(path+".new", whole, 0o600); err != nil {
			return fmt.Errorf("mend %s: %w", name, err)
		}
		if err := os.Rename(path+".new", path); err != nil {
			return fmt.Errorf("mend %s: %w", name, err)
		}
	}
	return nil
}
