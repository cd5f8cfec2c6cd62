package deliverylog

import (
	"testing"
	"time"
)

// A cursor comes back as it was; what is none is refused, and is never taken for another.
func FuzzCursor(f *testing.F) {
	e := Entry{RequestID: "r1", Recipient: "ada@acme.example", Channel: "slack", At: time.UnixMilli(1772625600123)}
	for _, s := range []string{e.Cursor().String(), "", "e30", "bnVsbA", "!", "eyJhIjoiMSJ9"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		c, err := ParseCursor(s)
		if err != nil || c == nil {
			if s != "" && err == nil || s == "" && c != nil {
				t.Errorf("%q: %v, %v", s, c, err)
			}
			return
		}
		again, err := ParseCursor(c.String())
		if err != nil || *again != *c {
			t.Errorf("%q: %+v became %+v, %v", s, c, again, err)
		}
	})
}
