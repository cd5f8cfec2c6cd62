package chdb

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"
)

// stamp is what was recorded of a library when it was unpacked, in a file beside it.
type stamp struct {
	SHA256   string    `json:"sha256"`
	Size     int64     `json:"size"`
	Modified time.Time `json:"modified"`
}

func stampPath(library string) string { return library + ".json" }

// record writes the stamp; only then does the library count as fetched.
func record(library, sum string) error {
	info, err := os.Stat(library)
	if err != nil {
		return fmt.Errorf("look at libchdb: %w", err)
	}
	text, err := json.Marshal(stamp{SHA256: sum, Size: info.Size(), Modified: info.ModTime()})
	if err != nil {
		return fmt.Errorf("describe libchdb: %w", err)
	}
	temporary := stampPath(library) + ".new"
	if err := os.WriteFile(temporary, text, 0o644); err != nil {
		return fmt.Errorf("record libchdb: %w", err)
	}
	if err := os.Rename(temporary, stampPath(library)); err != nil {
		return fmt.Errorf("record libchdb: %w", err)
	}
	return nil
}

// intact says whether library is the one that was recorded: by size and time, and when only the time differs
// (a copied cache), by its hash.
func intact(library string) bool {
	text, err := os.ReadFile(stampPath(library))
	if err != nil {
		return false
	}
	var s stamp
	if json.Unmarshal(text, &s) != nil {
		return false
	}
	info, err := os.Stat(library)
	if err != nil || info.Size() != s.Size {
		return false
	}
	if info.ModTime().Equal(s.Modified) {
		return true
	}
	return hashOf(library) == s.SHA256 && record(library, s.SHA256) == nil
}

func hashOf(path string) string {
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	hash := sha256.New()
	if _, err := io.Copy(hash, f); err != nil {
		return ""
	}
	return hex.EncodeToString(hash.Sum(nil))
}
