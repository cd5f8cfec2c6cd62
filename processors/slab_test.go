package processors

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/schemas"
)

type sized struct{ n, fill int }

func (s sized) AppendJSON(buf []byte) []byte {
	return append(buf, bytes.Repeat([]byte{byte('a' + s.fill%26)}, s.n)...)
}

// Records of one result are each its own, of whatever size, in memory that is new and in memory that was used before.
func TestSlabRecordsAreApart(t *testing.T) {
	t.Parallel()
	sizes := []int{0, 1, 700, slabSpare - 1, slabSpare, slabSpare + 1, slabValues - 1, slabValues, slabValues + 1, 3 * slabValues, 17}
	var s slab
	for round := range 3 {
		var all []*kgo.Record
		for i := range 3 * slabRecords {
			key := schemas.Key(fmt.Sprintf("%d/%d", round, i))
			if i%5 == 4 {
				all = append(all, s.record("copied", key, []byte("a value")))
				continue
			}
			all = append(all, s.value("appended", key, sized{sizes[i%len(sizes)], i}))
		}
		for i, rec := range all {
			topic, value := "appended", sized{sizes[i%len(sizes)], i}.AppendJSON(nil)
			if i%5 == 4 {
				topic, value = "copied", []byte("a value")
			}
			if want := fmt.Sprintf("%d/%d", round, i); rec.Topic != topic || string(rec.Key) != want || !bytes.Equal(rec.Value, value) {
				t.Fatalf("record %d of round %d: %s, key %s (want %s), %d bytes (want %d)", i, round, rec.Topic, rec.Key, want, len(rec.Value), len(value))
			}
			rec.Partition, rec.Headers = 7, []kgo.RecordHeader{{Key: "of the round before"}}
			_ = append(rec.Key, "overrun"...)
			_ = append(rec.Value, "overrun"...)
		}
		s.reset()
	}
	if rec := s.record("t", "k", nil); rec.Partition != 0 || rec.Headers != nil {
		t.Errorf("a record has what another one had: %+v", rec)
	}
}

// A result that is used again has nothing of what it was.
func TestResultsAreUsedAgain(t *testing.T) {
	t.Parallel()
	for range 100 {
		r := NewResult(2)
		if len(r.emitted) > 0 || len(r.sources) > 0 || r.fates[0] != (Fate{}) || r.fates[1] != (Fate{}) {
			t.Fatalf("not empty: %+v", r)
		}
		r.EmitValue(0, schemas.NotificationHeld.Spec, "k", sized{10, 1})
		r.Reject(1, schemas.Malformed, "why")
		r.release()
	}
}

// A large batch's memory is not kept for small ones.
func TestSlabKeepsLittle(t *testing.T) {
	t.Parallel()
	var s slab
	for range (slabPieces + 40) * slabRecords {
		s.value("t", "k", sized{slabValues / slabRecords, 0})
	}
	if s.reset(); len(s.records.all) > slabPieces || len(s.values.all) > slabPieces {
		t.Errorf("%d and %d pieces are kept", len(s.records.all), len(s.values.all))
	}
}
