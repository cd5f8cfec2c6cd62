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
	for _, d := range Compare(expected, stored, stored, time.Unix(60, 0)) {
		got = append(got, string(d.TS)+" "+string(d.Kind))
	}
	want := []string{"2.000001 missing", "3.000001 stale text", "4.000001 another thread", "5.000001 should be deleted"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if rest := Compare(expected, expected, expected, time.Now()); len(rest) > 0 {
		t.Errorf("what is the same differs: %v", rest)
	}
}

// What is edited, deleted or found while Slack is read is no difference, whichever of the two Slack's answer has.
func TestWhatChangesMeanwhile(t *testing.T) {
	was, is := Row{"once", ""}, Row{"now", ""}
	before := map[schemas.TS]Row{"1.000001": was, "2.000001": was, "3.000001": was, "4.000001": was}
	after := map[schemas.TS]Row{"1.000001": is, "2.000001": is, "5.000001": is, "6.000001": is}
	if all := Compare(map[schemas.TS]Row{"1.000001": was, "2.000001": is, "3.000001": was, "5.000001": is}, before, after, time.Now()); len(all) > 0 {
		t.Errorf("%v", all)
	}
	if all := Compare(map[schemas.TS]Row{"1.000001": {"else", ""}}, before, after, time.Now()); len(all) != 2 || all[0].Kind != Stale || all[1].Kind != ShouldBeGone {
		t.Errorf("what changed into something else: %v", all)
	}
}

// A root's own ts stands in it only once it has replies: that is no difference.
func TestARootIsInNoThread(t *testing.T) {
	if rowOf("1.000001", "x", "1.000001") != rowOf("1.000001", "x", "") {
		t.Error("a root with replies and one without differ")
	}
}
