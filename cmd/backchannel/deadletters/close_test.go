package deadletters

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/bigmind/backchannel/schemas"
)

const mended = `{"org_id":"acme","request_id":"r1","type":"meeting_analysis.ready","recipient":{"user_id":"u1"},"content":{"title":"Ready"}}`

// What was done about a letter is told with it, whichever partition the note is in. The letter itself stays as it was.
func TestLettersAreClosedByNotes(t *testing.T) {
	r := reader(t)
	src := produce(t, r, source(requests, "acme/u1", "{}"))
	var ids []ID
	for i := range 4 {
		ids = append(ids, letter(t, r, int32(i%2), src, schemas.Malformed, []byte("{}")))
	}
	get := func(i int) Letter {
		t.Helper()
		l, err := r.Get(t.Context(), ids[i])
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	for i, c := range []Closing{{How: Replayed, By: "ann"}, {How: Dropped, By: "ben", Why: "a test"}} {
		if err := r.Close(t.Context(), get(i), c); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.Close(t.Context(), get(0), Closing{How: Dropped, By: "cem", Why: "again"}); err != nil {
		t.Fatal(err)
	}
	got := map[string]*Closing{}
	err := r.List(t.Context(), []string{requests + ".dlq"}, func(l Letter) error {
		got[l.ID.String()] = l.Closed
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]*Closing{
		ids[0].String(): {How: Dropped, By: "cem", Why: "again"}, ids[1].String(): {How: Dropped, By: "ben", Why: "a test"}, ids[2].String(): nil, ids[3].String(): nil,
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(Closing{}, "At")); diff != "" {
		t.Errorf("closings (-want +got):\n%s", diff)
	}
}

func TestEditProducesOnlyWhatTheTopicTakes(t *testing.T) {
	r := reader(t)
	src := produce(t, r, source(requests, "acme/u1", "{}"))
	id := letter(t, r, 0, src, schemas.Malformed, []byte("{}"))
	l, err := r.Get(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Edit(t.Context(), l, []byte(`{"org_id": 7}`)); err == nil || !strings.Contains(err.Error(), "would be refused as well") {
		t.Errorf("a value that is malformed too: %v", err)
	}
	if err := r.Edit(t.Context(), l, []byte(mended)); err != nil {
		t.Fatal(err)
	}
	got := replayed(t, r, requests)
	if string(got.Key) != "acme/u1" || string(got.Value) != mended {
		t.Errorf("produced %s = %s", got.Key, got.Value)
	}
	l.Key = nil
	if err := r.Edit(t.Context(), l, []byte(mended)); err == nil || !strings.Contains(err.Error(), "no key") {
		t.Errorf("a letter without a key: %v", err)
	}
}
