package history

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/bigmind/backchannel/deploy/slacksim"
	"github.com/bigmind/backchannel/schemas"
)

// Messages that are larger than a record may be hold nothing up: what hangs on one is left out, and what is too large without it is a dead letter
// that says which message it was, and nothing of what it says.
func TestMessagesThatAreTooLarge(t *testing.T) {
	inWorld(t, slacksim.Settings{}, false, func(w *world) {
		c := budgeted(w, "customer", 1, 30, 1e6)[0]
		at := time.Now().Add(-time.Hour).Unix()
		long := strings.Repeat("x", schemas.MaxRecordBytes)
		page := fmt.Sprintf(`{"ok":true,"has_more":true,"messages":[{"ts":"%d.000300","user":"U1","text":"beside them"},`+
			`{"ts":"%d.000200","user":"U1","text":"with much on it","blocks":[{"text":"%s"}]},{"ts":"%d.000100","user":"U1","text":"%s"}]}`, at, at, long, at, long)
		told := false
		w.opts.HTTP = &scripted{HTTPClient: w.opts.HTTP, script: func(method string, _ map[string]string) string {
			if method != methodHistory || told {
				return ""
			}
			told = true
			return page
		}}
		w.installed(nil)
		w.associate(c)
		w.limit = schemas.MaxRecordBytes
		stop, _ := w.start("a")
		w.until(time.Hour, "it is complete", w.complete(c))
		stop()
		w.mu.Lock()
		defer w.mu.Unlock()
		w.enrichAll()
		var texts []string
		for _, r := range w.stored[c].all {
			if ts := string(r.ts); strings.HasPrefix(ts, strconv.FormatInt(at, 10)) {
				texts = append(texts, r.text)
			}
		}
		if want := []string{"with much on it", "beside them"}; fmt.Sprint(texts) != fmt.Sprint(want) {
			t.Errorf("%d messages are kept beside the one that is too large", len(texts))
		}
		if len(w.letters) != 1 {
			t.Fatalf("%d dead letters", len(w.letters))
		}
		var headers []schemas.Header
		for _, h := range w.letters[0].Headers {
			headers = append(headers, schemas.Header{Key: h.Key, Value: string(h.Value)})
		}
		letter, err := schemas.ParseDeadLetter(headers)
		w.must(err)
		if letter.Reason != schemas.TooLarge || letter.Topic != schemas.SlackHistory.Name || letter.Component != "history" || letter.Offset != -1 ||
			!strings.Contains(letter.Detail, fmt.Sprintf("%d.000100 of %s/%s", at, w.team.ID, c)) || strings.Contains(letter.Detail, "xxx") || w.letters[0].Value != nil {
			t.Errorf("the letter is %+v", letter)
		}
		for _, name := range []string{"cut", "dead_letter"} {
			if n := counter(t, w.metrics["a"], "backchannel_ingest_history_too_large_total", name); n != 1 {
				t.Errorf("%s: %v", name, n)
			}
		}
	})
}

// counter is a counter's value, of a series with this label value, or without labels.
func counter(t *testing.T, reg *prometheus.Registry, name, label string) float64 {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.GetMetric() {
			if label == "" || len(m.GetLabel()) > 0 && m.GetLabel()[0].GetValue() == label {
				return m.GetCounter().GetValue()
			}
		}
	}
	return 0
}
