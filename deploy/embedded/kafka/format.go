package kafka

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// formatVersion is kfake's currentPersistVersion: of meta.json and of what repair.go reads beside it.
const formatVersion = 1

// checkFormat refuses a data directory that this build would misread. A directory that was never used has no meta.json.
func checkFormat(dir string) error {
	var meta struct {
		Version int `json:"version"`
	}
	switch err := readJSON(filepath.Join(dir, "meta.json"), &meta); {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("%s cannot read its data directory %s (%w): move the directory away to start empty", engine, dir, err)
	case meta.Version != formatVersion:
		return fmt.Errorf("%s cannot read its data directory %s: it is in format %d and this build reads format %d; "+
			"run the build that wrote it, or move the directory away to start empty", engine, dir, meta.Version, formatVersion)
	}
	return nil
}

// topic is an entry of kfake's topics.json.
type topic struct {
	Name       string            `json:"name"`
	ID         json.RawMessage   `json:"id"`
	Partitions int32             `json:"partitions"`
	Configs    map[string]string `json:"configs"`
}

// readTopics lists the topics. kfake rewrites the file, atomically, whenever one is created, altered or deleted.
func readTopics(dir string) ([]topic, error) {
	var file struct {
		Topics []topic `json:"topics"`
	}
	err := readJSON(filepath.Join(dir, "topics.json"), &file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return file.Topics, nil
}

func readJSON(path string, v any) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(b, v); err != nil {
		return fmt.Errorf("%s: %w", filepath.Base(path), err)
	}
	return nil
}
