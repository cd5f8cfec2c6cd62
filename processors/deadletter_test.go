package processors

import (
	"bytes"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/schemas"
)

// A dead letter must fit wherever its record fitted, or its partition would stand still.
func TestADeadLetterThatIsTooLargeLeavesItsValueOut(t *testing.T) {
	large := bytes.Repeat([]byte("x"), schemas.MaxRecordBytes+1)
	for name, tt := range map[string]struct {
		in         kgo.Record
		key, value bool
	}{
		"small":       {kgo.Record{Key: []byte("k"), Value: []byte("v")}, true, true},
		"large value": {kgo.Record{Key: []byte("k"), Value: large}, true, false},
		"large key":   {kgo.Record{Key: large, Value: []byte("v")}, false, false},
	} {
		tt.in.Topic = schemas.NotificationRequests.Name
		out := deadLetter("route", &tt.in, Fate{Rejected: schemas.Malformed})
		if key, value := out.Key != nil, out.Value != nil; key != tt.key || value != tt.value || len(out.Headers) == 0 {
			t.Errorf("%s: key %v, value %v, %d headers", name, key, value, len(out.Headers))
		}
	}
}
