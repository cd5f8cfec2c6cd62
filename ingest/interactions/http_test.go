package interactions_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// others are payloads of each type that Slack documents, none of them ours: acknowledged, and counted as ignored.
var others = map[string]string{
	"a button of another message": `{"type":"block_actions","team":{"id":"T1"},"user":{"id":"U1"},"actions":[{"type":"button","action_id":"open","value":"C1"}],"response_url":"https://hooks.slack.com/actions/x"}`,
	"an old button":               `{"type":"interactive_message","callback_id":"x","actions":[{"name":"a","type":"button","value":"b"}],"team":{"id":"T1"},"channel":{"id":"C1"}}`,
	"another modal":               `{"type":"view_submission","team":{"id":"T1"},"view":{"id":"V1","callback_id":"theirs","state":{"values":{}}}}`,
	"another modal's button":      `{"type":"block_actions","view":{"id":"V1","callback_id":"theirs"},"actions":[{"action_id":"account"}]}`,
	"our button in a modal":       `{"type":"block_actions","view":{"id":"V1","callback_id":"theirs"},"actions":[{"action_id":"setup_channel","value":"C1"}]}`,
	"closed":                      `{"type":"view_closed","view":{"id":"V1","callback_id":"setup_channel"},"is_cleared":true}`,
	"another's search":            `{"type":"block_suggestion","action_id":"account","value":"x","view":{"callback_id":"theirs"}}`,
	"a search in a message":       `{"type":"block_suggestion","action_id":"account","value":"x","message":{"ts":"1.2"}}`,
	"a shortcut":                  `{"type":"shortcut","callback_id":"x","trigger_id":"1.2.x","team":{"id":"T1"},"user":{"id":"U1"},"enterprise":null}`,
	"a message shortcut":          `{"type":"message_action","callback_id":"x","message":{"type":"message"},"channel":{"id":"C1"}}`,
	"a dialog":                    `{"type":"dialog_submission","submission":{"a":"b"},"state":"x"}`,
	"a dialog that was left":      `{"type":"dialog_cancellation","callback_id":"x","state":"x"}`,
	"a dialog's search":           `{"type":"dialog_suggestion","name":"x","value":"y"}`,
	"a workflow step":             `{"type":"workflow_step_edit","callback_id":"x","workflow_step":{}}`,
	"a type of tomorrow":          `{"type":"hologram_poke","view":7,"actions":{"a":1},"team":"T1","user":[],"state":{"values":[1]}}`,
	"no actions":                  `{"type":"block_actions","actions":null}`,
	"an odd view":                 `{"type":"block_actions","view":"V1","actions":[{"action_id":7}]}`,
}

func TestWhatIsNoneOfOursIsAcknowledged(t *testing.T) {
	w := newWorld(t)
	for name, payload := range others {
		rec := httptest.NewRecorder()
		w.handler.ServeHTTP(rec, request(payload))
		if rec.Code != http.StatusOK || rec.Body.Len() != 0 {
			t.Errorf("%s: %d %s", name, rec.Code, rec.Body)
		}
	}
	if got := w.results(t); got["ignored"] != float64(len(others)) {
		t.Errorf("results %v", got)
	}
	if len(w.records) != 0 || len(w.told()) != 0 {
		t.Errorf("%d records, told %v", len(w.records), w.told())
	}
}

// What Slack really sent, as others have recorded it (see CONTRIBUTING): acknowledged, whatever it is, also when it is no interaction.
func TestRecordedPayloads(t *testing.T) {
	folder := os.Getenv("BACKCHANNEL_SLACK_PAYLOADS")
	if folder == "" {
		t.Skip("BACKCHANNEL_SLACK_PAYLOADS names no folder with recorded payloads")
	}
	files, err := filepath.Glob(filepath.Join(folder, "*", "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no payloads below %s: %v", folder, err)
	}
	w, typed := newWorld(t), 0
	for _, file := range files {
		content, err := os.ReadFile(file)
		w.must(err)
		var outer, frame struct {
			Type    any             `json:"type"`
			Payload json.RawMessage `json:"payload"`
		}
		w.must(json.Unmarshal(content, &outer))
		payload := outer.Payload
		if json.Unmarshal(payload, &frame) == nil && frame.Type == "interactive" { // a frame of Socket Mode
			payload = frame.Payload
			_ = json.Unmarshal(payload, &frame)
		}
		rec := httptest.NewRecorder()
		w.handler.ServeHTTP(rec, request(string(payload)))
		kind, _ := frame.Type.(string)
		if want := map[bool]int{true: http.StatusOK, false: http.StatusBadRequest}[kind != ""]; rec.Code != want {
			t.Errorf("%s (%q): %d %s", file, kind, rec.Code, rec.Body)
		}
		if kind != "" {
			typed++
		}
	}
	if typed == 0 {
		t.Errorf("none of %d payloads has a type", len(files))
	}
	t.Logf("%d payloads, %d with a type", len(files), typed)
}

func TestRequestsThatAreRefused(t *testing.T) {
	w := newWorld(t)
	w.kafkaAway = true
	payload := others["a shortcut"]
	body := url.Values{"payload": {payload}}.Encode()
	with := func(change func(*http.Request)) *http.Request {
		r := request(payload)
		change(r)
		return r
	}
	for name, tt := range map[string]struct {
		r      *http.Request
		want   int
		result string
		says   string
	}{
		"signed":              {request(payload), 200, "ignored", ""},
		"by the other app":    {signedForm(body, time.Now(), "another app's"), 200, "ignored", ""},
		"unsigned":            {with(func(r *http.Request) { r.Header.Del("X-Slack-Signature") }), 401, "unsigned", "not signed by Slack"},
		"forged":              {signedForm(body, time.Now(), "guessed"), 401, "forged", "not signed by Slack"},
		"stale":               {signedForm(body, time.Now().Add(-6*time.Minute), secret), 401, "stale", "5 minutes"},
		"from tomorrow":       {signedForm(body, time.Now().Add(6*time.Minute), secret), 401, "stale", "5 minutes"},
		"another body":        {with(func(r *http.Request) { r.Body = io.NopCloser(strings.NewReader(body + "&x=y")) }), 401, "forged", "not signed"},
		"oversized":           {signedForm("payload="+strings.Repeat("x", 2<<20), time.Now(), secret), 413, "too_large", "2097152 bytes"},
		"cut short":           {with(func(r *http.Request) { r.Body = io.NopCloser(iotest.ErrReader(errors.New("reset"))) }), 400, "malformed", "did not arrive whole"},
		"GET":                 {with(func(r *http.Request) { r.Method = http.MethodGet }), 405, "malformed", "POST"},
		"JSON instead":        {signedForm(payload, time.Now(), secret), 400, "malformed", "not a form with a payload"},
		"no payload":          {signedForm("a=b", time.Now(), secret), 400, "malformed", "not a form with a payload"},
		"an empty payload":    {request(""), 400, "malformed", "not a form with a payload"},
		"a form that is none": {signedForm("payload=%zz", time.Now(), secret), 400, "malformed", "not a form with a payload"},
		"no JSON":             {request("s3cret words"), 400, "malformed", "not a JSON object with a type"},
		"an array":            {request("[]"), 400, "malformed", "not a JSON object with a type"},
		"null":                {request("null"), 400, "malformed", "not a JSON object with a type"},
		"no type":             {request(`{"actions":[]}`), 400, "malformed", "not a JSON object with a type"},
		"a type of no kind":   {request(`{"type":7}`), 400, "malformed", "not a JSON object with a type"},
		"two objects":         {request(payload + payload), 400, "malformed", "not a JSON object with a type"},
	} {
		t.Run(name, func(t *testing.T) {
			before := w.results(t)
			rec := httptest.NewRecorder()
			w.handler.ServeHTTP(rec, tt.r)
			if rec.Code != tt.want || !strings.Contains(rec.Body.String(), tt.says) || strings.Contains(rec.Body.String(), "s3cret words") {
				t.Errorf("%d %s", rec.Code, rec.Body)
			}
			before[tt.result]++
			if diff := cmp.Diff(before, w.results(t)); diff != "" {
				t.Error(diff)
			}
		})
	}
	if len(w.records) != 0 {
		t.Errorf("%d records", len(w.records))
	}
}

// FuzzHandle: no payload is an error beyond being malformed, and none that Slack did not offer changes anything.
func FuzzHandle(f *testing.F) {
	for _, payload := range others {
		f.Add([]byte(payload))
	}
	f.Add([]byte(`{"type":"view_submission","team":{"id":"T1"},"view":{"callback_id":"setup_channel","private_metadata":"{\"channel\":\"C1\"}","state":{"values":{"account":{"account":{"selected_option":{"value":"a"}}},"deal:x":{"deal":{"selected_option":{"value":"d"}}}}}}}`))
	f.Add([]byte(`{"type":"block_suggestion","action_id":"deal","value":"x","team":{"id":"T1"},"view":{"callback_id":"setup_channel","private_metadata":"{"}}`))
	f.Add([]byte(`{"type":"block_actions","team":null,"user":{"id":"U1","team_id":"T1"},"actions":[{"action_id":"setup_channel","value":"C1"}]}`))
	w := newBareWorld(f)
	f.Fuzz(func(t *testing.T, payload []byte) {
		answer, err := w.inner.Handle(t.Context(), payload)
		if err != nil && strings.Contains(err.Error(), "does not answer") {
			t.Errorf("Redis answers, and yet: %v", err)
		}
		if len(answer) > 0 && !json.Valid(answer) {
			t.Errorf("the answer is no JSON: %s", answer)
		}
		if len(w.records) != 0 {
			t.Fatal("something was published")
		}
	})
}

// results counts by the metric's result.
func (w *world) results(t testing.TB) map[string]float64 {
	t.Helper()
	families, err := w.metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	counts := map[string]float64{}
	for _, family := range families {
		for _, m := range family.GetMetric() {
			for _, label := range m.GetLabel() {
				if label.GetName() == "result" {
					counts[label.GetValue()] += m.GetCounter().GetValue()
				}
			}
		}
	}
	return counts
}
