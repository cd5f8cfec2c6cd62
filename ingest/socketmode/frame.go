package socketmode

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/bigmind/backchannel/ingest/events"
)

// frame is what Slack sends over a connection: an envelope with a payload, or a word about the connection itself.
type frame struct {
	Type       string          `json:"type"` // hello, disconnect, events_api, interactive, slash_commands, or what Slack adds next
	EnvelopeID string          `json:"envelope_id"`
	Payload    json.RawMessage `json:"payload"`
	// RetryAttempt is a number; it is kept as it came, since an event must not be lost over it.
	RetryAttempt json.RawMessage `json:"retry_attempt"`
	RetryReason  string          `json:"retry_reason"`
	// AcceptsAnswer says that the acknowledgement may carry one.
	AcceptsAnswer bool `json:"accepts_response_payload"`
	// Reason is why Slack disconnects.
	Reason string `json:"reason"`
	// Connections is how many Slack counts for the app, in hello.
	Connections int `json:"num_connections"`

	at time.Time
}

func parse(raw []byte, at time.Time) (frame, error) {
	f := frame{at: at}
	if err := json.Unmarshal(raw, &f); err != nil {
		return frame{}, fmt.Errorf("a frame is not as Slack documents: %w", withoutText(err))
	}
	return f, nil
}

// withoutText keeps of an error of encoding/json what quotes nothing of the frame.
func withoutText(err error) error {
	if kind, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return fmt.Errorf("%s is of another type", kind.Field)
	}
	return errNotJSON
}

var errNotJSON = errors.New("it is not a JSON object")

func (f *frame) retry() events.Retry {
	r := events.Retry{Reason: f.RetryReason}
	if n, err := strconv.Atoi(strings.Trim(string(f.RetryAttempt), `"`)); err == nil {
		r.Num = n
	}
	return r
}

// acknowledgement is what Slack waits for. answer may be nil.
func (f *frame) acknowledgement(answer json.RawMessage) ([]byte, error) {
	text, err := json.Marshal(struct {
		ID      string          `json:"envelope_id"`
		Payload json.RawMessage `json:"payload,omitempty"`
	}{f.EnvelopeID, answer})
	if err != nil {
		return nil, fmt.Errorf("encode an acknowledgement: %w", err)
	}
	return text, nil
}
