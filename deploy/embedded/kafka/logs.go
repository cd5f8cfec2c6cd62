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

// wholeFrames is how many bytes of log are whole entries.
func wholeFrames(log []byte) int {
	at := 0
	for len(log)-at >= frameHeader {
		size := int64(binary.LittleEndian.Uint32(log[at:]))
		if size < 2 || int64(at)+8+size > int64(len(log)) {
			break
		}
		end := at + 8 + int(size)
		if crc32.Checksum(log[at+8:end], castagnoli) != binary.LittleEndian.Uint32(log[at+4:]) {
			break
		}
		at = end
	}
	return at
}

// cutLogs removes an entry that was being written when the process died. kfake ignores it, but goes on writing behind it, and the
// start after that ignores everything behind it too.
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
		if whole == len(b) {
			continue
		}
		log.Warn("embedded Kafka: cutting an entry that was being written when the process died", "file", name, "bytes", len(b)-whole)
		if err := os.Truncate(path, int64(whole)); err != nil {
			return fmt.Errorf("cut %s: %w", name, err)
		}
	}
	return nil
}
