package history

import (
	"compress/gzip"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/deploy/slacksim"
	"github.com/bigmind/backchannel/ingest"
	"github.com/bigmind/backchannel/processors/enrich"
	"github.com/bigmind/backchannel/schemas"
)

// spool keeps what a simulation produced, for engines that cannot run in virtual time: a folder a class, with what enrich emitted, what Slack has in the end, and the
// views. cmd/backchannel/audit reads it. A nil one keeps nothing.
type spool struct {
	dir      string
	messages *lines
}

// spooled is a record as a line of JSON.
type spooled struct {
	Topic string          `json:"topic"`
	Key   string          `json:"key"`
	Value json.RawMessage `json:"value"`
}

func newSpool(w *world, class string) *spool {
	w.t.Helper()
	out := os.Getenv("HISTORY_OUT")
	if out == "" {
		return nil
	}
	s := &spool{dir: filepath.Join(out, class)}
	w.must(os.MkdirAll(s.dir, 0o755))
	s.messages = newLines(w, filepath.Join(s.dir, "messages.jsonl.gz"))
	w.emitted = func(records []*kgo.Record) { s.messages.add(w, records) }
	return s
}

type lines struct {
	file *os.File
	zip  *gzip.Writer
	enc  *json.Encoder
}

func newLines(w *world, path string) *lines {
	w.t.Helper()
	file, err := os.Create(path)
	w.must(err)
	zip, err := gzip.NewWriterLevel(file, gzip.BestSpeed)
	w.must(err)
	return &lines{file, zip, json.NewEncoder(zip)}
}

func (l *lines) add(w *world, records []*kgo.Record) {
	for _, rec := range records {
		if err := l.enc.Encode(spooled{rec.Topic, string(rec.Key), rec.Value}); err != nil {
			w.t.Errorf("keep what was produced: %v", err)
		}
	}
}

func (l *lines) close(w *world) {
	w.t.Helper()
	w.must(l.zip.Close())
	w.must(l.file.Close())
}

// audited reads all of Slack once more as 'backchannel audit' does, compares it with the store, and keeps it.
func (s *simulation) audited(out *spool) {
	s.t.Helper()
	w := s.world
	in, err := ingest.Viewed[schemas.Installation](w.mini.HGet(schemas.ViewTeamInstall(w.team.ID), schemas.FieldInstallation))
	w.must(err)
	opts := w.opts
	opts.Redis = w.redis
	var slack *lines
	if out != nil {
		w.emitted = nil
		out.messages.close(w)
		slack = newLines(w, filepath.Join(out.dir, "slack.jsonl.gz"))
		defer slack.close(w)
		out.views(w, s.channels)
	}
	processor := enrich.Definition(w.redis).Processor
	for _, c := range s.channels {
		records, err := Read(w.t.Context(), opts, in, c, time.Now().Add(-365*24*time.Hour), func(int, int) {})
		w.must(err)
		result, err := processor.Process(w.t.Context(), records)
		w.must(err)
		have := s.rows(c)
		var differ []string
		for _, rec := range result.Emitted() {
			m, err := schemas.ContextMessages.Decode(rec.Value)
			w.must(err)
			if m.Deleted { // a root's tombstone over its replies
				continue
			}
			r, there := have[m.TS]
			if !there || r.deleted || r.text != m.Text || strings.TrimPrefix(r.thread, string(m.TS)) != strings.TrimPrefix(string(m.ThreadTS), string(m.TS)) {
				differ = append(differ, fmt.Sprintf("%s reads %+v (%t), want %q in %q", m.TS, r, there, m.Text, m.ThreadTS))
			}
			delete(have, m.TS)
		}
		for _, r := range have {
			if !r.deleted {
				differ = append(differ, fmt.Sprintf("%s should be deleted", r.ts))
			}
		}
		if len(differ) > 0 {
			s.t.Errorf("%s: %d messages differ from what audit reads:\n%s", c, len(differ), strings.Join(differ[:min(len(differ), 12)], "\n"))
		}
		if slack != nil {
			slack.add(w, records)
		}
	}
}

// views keeps what enrich looks up, and which channels there are.
func (out *spool) views(w *world, channels []slacksim.ChannelID) {
	w.t.Helper()
	hashes := map[string]map[string]string{}
	for _, key := range []string{schemas.ViewTeamInstall(w.team.ID), schemas.ViewTeamAssociations(w.team.ID), schemas.ViewTeamChannels(w.team.ID)} {
		fields, err := w.redis.HGetAll(w.t.Context(), key).Result()
		w.must(err)
		hashes[key] = fields
	}
	value, err := json.Marshal(map[string]any{"org": "acme", "team": w.team.ID, "channels": channels, "hashes": hashes})
	w.must(err)
	w.must(os.WriteFile(filepath.Join(out.dir, "views.json"), value, 0o644))
}
