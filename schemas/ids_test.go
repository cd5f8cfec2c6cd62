package schemas

import (
	"fmt"
	"math"
	"math/big"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestTSMicros(t *testing.T) {
	good := map[TS]uint64{
		"1727384523.000200":  1727384523000200,
		"1727384523.0002":    1727384523000200,
		"1727384523.2":       1727384523200000,
		"1727384523":         1727384523000000,
		"0":                  0,
		"0.000001":           1,
		"1.999999":           1999999,
		"001.5":              1500000,
		"9223372035.999999":  9223372035999999, // the last that an int64 of nanoseconds holds whole
		"1727384523.999999":  1727384523999999,
		"01727384523.000200": 1727384523000200,
	}
	for ts, want := range good {
		if got, err := ts.Micros(); err != nil || got != want {
			t.Errorf("%s: %d, %v; want %d", ts, got, err, want)
		}
		if at := time.UnixMicro(int64(want)); time.Unix(0, at.UnixNano()).UnixMicro() != int64(want) {
			t.Errorf("%s does not survive nanoseconds", ts)
		}
	}
	bad := []TS{
		"", ".", "1.", ".5", "a", "1.a", "-1", "+1", "1.-1", "1.+1", " 1", "1 ", "1.0000001", "1.2.3", "1,5", "1e9", "0x10", "1_000",
		"٣", "1.٣", "9223372036", "9223372036.000000", "99999999999999999999", TS(strings.Repeat("9", 10_000)), "1\x00", "NaN", "Inf",
	}
	for _, ts := range bad {
		got, err := ts.Micros()
		if err == nil || got != 0 {
			t.Errorf("%.20q is taken for %d", ts, got)
		} else if len(ts) > 2 && strings.Contains(err.Error(), string(ts)) {
			t.Errorf("%.20q: the error quotes it: %v", ts, err)
		}
	}
}

// A ts is never a float: neighbours that a float64 cannot tell apart stay apart, and in order.
func TestTSMicrosIsExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sec, micro := rapid.Uint64Range(0, maxTSSeconds).Draw(t, "sec"), rapid.Uint64Range(0, 999999).Draw(t, "micro")
		got, err := TS(fmt.Sprintf("%d.%06d", sec, micro)).Micros()
		want := new(big.Int).Add(new(big.Int).Mul(new(big.Int).SetUint64(sec), big.NewInt(1e6)), new(big.Int).SetUint64(micro))
		if err != nil || !want.IsUint64() || got != want.Uint64() || got > math.MaxInt64/1000 {
			t.Fatalf("%d.%06d: %d, %v", sec, micro, got, err)
		}
	})
}

func FuzzTSMicros(f *testing.F) {
	for _, s := range []string{"1727384523.000200", "1", "", ".", "1.0000001", "9223372035.999999"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n, err := TS(s).Micros()
		if err != nil {
			return
		}
		again, err := TS(fmt.Sprintf("%d.%06d", n/1e6, n%1e6)).Micros()
		if err != nil || again != n {
			t.Errorf("%q is %d, which is %d, %v", s, n, again, err)
		}
	})
}

func TestKeys(t *testing.T) {
	for _, tt := range []struct {
		key           Key
		want          string
		first, second string
	}{
		{TeamKey("T1"), "T1", "T1", ""},
		{TeamChannelKey("T1", "C1"), "T1/C1", "T1", "C1"},
		{TeamChannelKey("T1", ""), "T1/", "T1", ""}, // an event without a channel
		{TeamChannelKey("", ""), "/", "", ""},
		{TeamUserKey("T1", "U1"), "T1/U1", "T1", "U1"},
		{OrgKey[UserID]("org", ""), "org", "org", ""},
		{OrgKey[UserID]("org", "u"), "org/u", "org", "u"},
		{OrgKey[RequestID]("org", "r/1"), "org/r/1", "org", "r/1"},
	} {
		first, second := tt.key.Split()
		if string(tt.key) != tt.want || first != tt.first || second != tt.second {
			t.Errorf("key %q, split %q %q; want %q, %q %q", tt.key, first, second, tt.want, tt.first, tt.second)
		}
	}
	for r, want := range map[Recipient]string{
		{UserID: "u", Email: "a@b.example"}: "u",
		{Email: " Ada@B.Example\t"}:         "ada@b.example",
		{}:                                  "",
	} {
		if got := r.KeyPart(); got != want {
			t.Errorf("the key part of %+v is %q, want %q", r, got, want)
		}
	}
}
