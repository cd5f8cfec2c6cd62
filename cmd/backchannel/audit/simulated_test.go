package audit

import (
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/schemas"
	"github.com/bigmind/backchannel/sinks/clickhouse"
)

// What the simulation of ingest/history produced in virtual time (its HISTORY_OUT, here AUDIT_OF), fed into a real ClickHouse by the real sink: the comparison of
// 'backchannel audit' finds no difference in any channel, and finds what is taken away.
func TestSimulatedHistory(t *testing.T) {
	out := os.Getenv("AUDIT_OF")
	if out == "" {
		t.Skip("AUDIT_OF names no folder; see make test-history")
	}
	classes, err := filepath.Glob(filepath.Join(out, "*", "views.json"))
	must(t, err)
	if len(classes) == 0 {
		t.Fatalf("%s holds no simulation", out)
	}
	for _, path := range classes {
		dir := filepath.Dir(path)
		t.Run(filepath.Base(dir), func(t *testing.T) { auditOf(t, dir) })
	}
}

type simulated struct {
	Org      schemas.OrgID                `json:"org"`
	Team     schemas.TeamID               `json:"team"`
	Channels []schemas.ChannelID          `json:"channels"`
	Hashes   map[string]map[string]string `json:"hashes"`
}

func auditOf(t *testing.T, dir string) {
	text, err := os.ReadFile(filepath.Join(dir, "views.json"))
	must(t, err)
	var of simulated
	must(t, json.Unmarshal(text, &of))
	mini := miniredis.RunT(t)
	mini.Set(schemas.ViewsCompleteKey, "1")
	for key, fields := range of.Hashes {
		for field, value := range fields {
			mini.HSet(key, field, value)
		}
	}
	rdb := redis.NewClient(&redis.Options{Addr: mini.Addr()})
	defer rdb.Close()
	c := engine(t)
	sink := clickhouse.Definition(c, 0, 0).Sink
	fed, began := 0, time.Now()
	eachBatch(t, filepath.Join(dir, "messages.jsonl.gz"), 20_000, func(batch []*kgo.Record) {
		result, err := sink.Write(t.Context(), batch)
		must(t, err)
		if n := len(result.Rejected); n > 0 {
			t.Fatalf("%d records were refused", n)
		}
		fed += len(batch)
	})
	t.Logf("%d records written in %s", fed, time.Since(began).Round(time.Second))
	slack := map[schemas.ChannelID][]*kgo.Record{}
	eachBatch(t, filepath.Join(dir, "slack.jsonl.gz"), 20_000, func(batch []*kgo.Record) {
		for _, rec := range batch {
			_, channel := schemas.Key(rec.Key).Split()
			slack[schemas.ChannelID(channel)] = append(slack[schemas.ChannelID(channel)], rec)
		}
	})
	compared := 0
	for _, channel := range of.Channels {
		expected, err := Expected(t.Context(), rdb, slack[channel])
		must(t, err)
		stored, err := Stored(t.Context(), c, of.Org, of.Team, channel, time.Unix(0, 0))
		must(t, err)
		if all := Compare(expected, stored, stored, time.Now()); len(all) > 0 {
			t.Errorf("%s: %d of %d messages differ, %v first", channel, len(all), len(expected), all[0])
		}
		compared += len(expected)
		for ts := range expected { // the comparison can tell
			delete(stored, ts)
			if len(Compare(expected, stored, stored, time.Now())) == 0 {
				t.Errorf("%s: a message that is missing was not found", channel)
			}
			break
		}
	}
	if compared == 0 {
		t.Fatal("nothing was compared")
	}
	t.Logf("no difference in %d messages of %d channels", compared, len(of.Channels))
}

// eachBatch reads records from a file of lines.
func eachBatch(t *testing.T, path string, size int, do func([]*kgo.Record)) {
	t.Helper()
	file, err := os.Open(path)
	must(t, err)
	defer file.Close()
	zip, err := gzip.NewReader(file)
	must(t, err)
	lines := json.NewDecoder(zip)
	var batch []*kgo.Record
	for {
		var line struct {
			Topic, Key string
			Value      json.RawMessage
		}
		err := lines.Decode(&line)
		if errors.Is(err, io.EOF) {
			break
		}
		must(t, err)
		batch = append(batch, &kgo.Record{Topic: line.Topic, Key: []byte(line.Key), Value: slices.Clone(line.Value)})
		if len(batch) == size {
			do(batch)
			batch = nil
		}
	}
	if len(batch) > 0 {
		do(batch)
	}
}
