package seal

import (
	"errors"
	"strings"
	"testing"
)

// Through a whole rotation, processes of each step run beside those of the step before and of the one after, and each opens what the other seals.
func TestStepsOfARotationRunSideBySide(t *testing.T) {
	step := func(f func([]byte) ([]byte, error), keySet []byte) []byte {
		t.Helper()
		next, err := f(keySet)
		if err != nil {
			t.Fatal(err)
		}
		return next
	}
	former := newKeySet(t)
	added := step(AddKey, former)
	promoted := step(Promote, added)
	alone := step(OnlyPrimary, promoted)
	steps := [][]byte{former, added, promoted, alone}

	standing := seal(t, sealer(t, former)) // a token on the topic
	for i := 1; i < len(steps); i++ {
		before, after := sealer(t, steps[i-1]), sealer(t, steps[i])
		if i == len(steps)-1 { // everything is sealed anew before the former key goes
			if before.Current(standing) {
				t.Error("what the former key sealed is said to be current")
			}
			again, err := before.Again("T1", standing)
			if err != nil {
				t.Fatal(err)
			}
			if standing = again; !before.Current(standing) {
				t.Error("what was sealed anew is not current")
			}
		}
		for name, pair := range map[string][2]*Sealer{"the step before": {after, before}, "the step after": {before, after}} {
			for what, sealed := range map[string]string{"a new token": seal(t, pair[0]), "the standing token": standing} {
				if got, err := pair[1].Open("T1", sealed); err != nil || got != token {
					t.Errorf("step %d: %s does not open %s: %v", i, name, what, err)
				}
			}
		}
	}
	if _, err := sealer(t, former).Open("T1", seal(t, sealer(t, promoted))); !errors.Is(err, ErrUnreadable) {
		t.Errorf("two steps at once: %v, want that it does not open, which is why there are steps", err)
	}
	if _, err := Promote(former); err == nil || !strings.Contains(err.Error(), "add one first") {
		t.Errorf("promoting the only key: %v", err)
	}
	for name, f := range map[string]func([]byte) ([]byte, error){"AddKey": AddKey, "Promote": Promote, "OnlyPrimary": OnlyPrimary} {
		if _, err := f([]byte(`{"s3cret":1}`)); err == nil || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s of what is no key set: %v", name, err)
		}
	}
	for _, sealed := range []string{"", "AQ", "ß", "xoxb-1", standing[:6]} {
		if sealer(t, alone).Current(sealed) {
			t.Errorf("%q is said to be sealed with the current key", sealed)
		}
	}
}
