package backup

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/cmd/backchannel/scan"
	"github.com/bigmind/backchannel/schemas"
)

// Options say of what a backup is made, and into what it is restored.
type Options struct {
	Kafka      []kgo.Opt
	ClickHouse driver.Conn // nil: without its tables
	Groups     []string    // the consumer groups of the components
	Version    string      // of this program
	Progress   io.Writer
}

// tell says what was copied, where it is anything.
func (o Options) tell(format, name string, n int64) {
	if n > 0 {
		fmt.Fprintf(o.Progress, format+"\n", name, n)
	}
}

// topics are those that a backup has. Private ones hold what nobody may have opted in to, and their short retention is a promise; their dead letters have no value,
// and point at records that a restored topic does not have.
func topics() []schemas.Spec {
	return slices.DeleteFunc(schemas.AllTopics(), func(s schemas.Spec) bool { return s.Private })
}

// Make writes a backup into dir, which must not be there yet and is there when the backup is complete.
func Make(ctx context.Context, o Options, dir string, now time.Time) (m Manifest, err error) {
	if _, err := os.Lstat(dir); !errors.Is(err, os.ErrNotExist) {
		return m, fmt.Errorf("%s is there already: name a folder that is not", dir)
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o700); err != nil {
		return m, fmt.Errorf("make the folder: %w", err)
	}
	part, err := os.MkdirTemp(filepath.Dir(dir), "."+filepath.Base(dir)+"-*") // 0700
	if err != nil {
		return m, fmt.Errorf("make the folder: %w", err)
	}
	defer func() {
		if err != nil {
			_ = os.RemoveAll(part) // the error is told already
		}
	}()
	m = Manifest{Format: Format, MadeBy: o.Version, At: now.UTC()}
	client, err := scan.Client(o.Kafka)
	if err != nil {
		return m, err
	}
	defer client.Close()
	admin := kadm.NewClient(client)
	if m.Groups, err = committed(ctx, admin, o.Groups); err != nil {
		return m, err
	}
	for _, spec := range topics() {
		t, err := copyTopic(ctx, client, spec, part)
		if err != nil {
			return m, err
		}
		m.Topics = append(m.Topics, t)
		o.tell("topic %s: %d records", t.Topic, t.Lines)
	}
	if o.ClickHouse != nil {
		if m.Tables, err = copyTables(ctx, o, part); err != nil {
			return m, err
		}
	}
	content, err := json.MarshalIndent(m, "", "  ")
	if err == nil {
		err = os.WriteFile(filepath.Join(part, manifestName), append(content, '\n'), 0o600)
	}
	if err != nil {
		return m, fmt.Errorf("write the manifest: %w", err)
	}
	if err := os.Rename(part, dir); err != nil {
		return m, fmt.Errorf("name the backup: %w", err)
	}
	return m, nil
}

// committed asks how far the groups are.
func committed(ctx context.Context, admin *kadm.Client, groups []string) (map[string]map[string]map[int32]int64, error) {
	all := map[string]map[string]map[int32]int64{}
	for _, group := range groups {
		answer, err := admin.FetchOffsets(ctx, group)
		if errors.Is(err, kerr.GroupIDNotFound) { // it never ran
			continue
		}
		if err == nil {
			err = answer.Error()
		}
		if err != nil {
			return nil, fmt.Errorf("ask how far %s is: %w", group, err)
		}
		answer.Each(func(r kadm.OffsetResponse) {
			if r.At < 0 {
				return
			}
			if all[group] == nil {
				all[group] = map[string]map[int32]int64{}
			}
			if all[group][r.Topic] == nil {
				all[group][r.Topic] = map[int32]int64{}
			}
			all[group][r.Topic][r.Partition] = r.At
		})
	}
	return all, nil
}
