package redis

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func states(t *rapid.T) []state {
	return rapid.SliceOfNDistinct(rapid.Custom(func(t *rapid.T) state {
		s := state{key: rapid.StringN(1, 10, -1).Draw(t, "key"), expire: rapid.SampledFrom([]int64{0, 1 << 40}).Draw(t, "expire")}
		if rapid.Bool().Draw(t, "is string") {
			v := rapid.String().Draw(t, "value")
			s.str = &v
		} else {
			s.hash = rapid.MapOfN(rapid.String(), rapid.String(), 1, 4).Draw(t, "hash")
		}
		return s
	}), 1, 5, func(s state) string { return s.key }).Draw(t, "states")
}

// What was written is read; of what was cut off anywhere, all frames that are whole are read, and none in part.
func TestParseReadsWhatEncodeWrote(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		first, second := states(t), states(t)
		want := map[string]state{}
		for _, s := range first {
			want[s.key] = s
		}
		raw := encode(first)
		whole := len(raw)
		raw = append(raw, encode(second)...)
		cut := rapid.IntRange(whole, len(raw)-1).Draw(t, "cut")
		got, read, err := parse(raw[:cut])
		if err != nil || read != whole {
			t.Fatalf("%d bytes of %d read, %v; want the first frame, %d bytes", read, cut, err, whole)
		}
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(state{})); diff != "" {
			t.Fatalf("want, got:\n%s", diff)
		}
	})
}

func FuzzParse(f *testing.F) {
	v := "value"
	f.Add(encode([]state{{key: "keep:a", str: &v, expire: 1}, {key: "keep:b", hash: map[string]string{"f": "v"}}, {key: "keep:c"}}))
	f.Add([]byte("*1\r\n$5\r\nMULTI\r\n"))
	f.Add([]byte("*99999999999\r\n$-1\r\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		kept, whole, err := parse(raw)
		if whole < 0 || whole > len(raw) || err != nil && kept != nil {
			t.Errorf("%d bytes of %d, %v, %v", whole, len(raw), kept, err)
		}
	})
}
