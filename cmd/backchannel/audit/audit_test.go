package audit

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bigmind/backchannel/schemas"
)

// Each kind of difference is found, and what is too young to be judged is not.
func TestCompare(t *testing.T) {
	same := Row{"hello", ""}
	expected := map[schemas.TS]Row{"1.000001": same, "2.000001": same, "3.000001": same, "4.000001": {"reply", "1.000001"}, "90.000001": same}
	stored := map[schemas.TS]Row{"1.000001": same, "3.000001": {"helo", ""}, "4.000001": {"reply", ""}, "5.000001": same, "91.000001": same}
	var got []string
	for _, d := range Compare(expected, stored, time.Unix(60, 0)) {
		got = append(got, string(d.TS)+" "+string(d.Kind))
	}
	want := []string{"2.000001 missing", "3.000001 stale text", "4.000001 another thread", "5.000001 should be deleted"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if rest := Compare(expected, expected, time.Now()); len(rest) > 0 {
		t.Errorf("what is the same differs: %v", rest)
	}
}

// A root's own ts stands in it only once it has replies: that is no difference.
func TestARootIsInNoThread(t *testing.T) {
	if rowOf("1.000001", "x", "1.000001") != rowOf("1.000001", "x", "") {
		t.Error("a root with replies and one without differ")
	}
}
