package schemas

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/bytedance/sonic"
	gojson "github.com/goccy/go-json"
	"github.com/google/go-cmp/cmp"
)

// BenchmarkEncodeMessage compares the ways to write a record of context.messages. The others write the same by reflection
// over the type without its methods. README.md has the figures, under 'Why jx'.
func BenchmarkEncodeMessage(b *testing.B) {
	m := sampleMessage()
	buf := make([]byte, 0, 1024)
	size := len(m.AppendJSON(nil))
	b.Run("append", func(b *testing.B) {
		encode(b, size, func() ([]byte, error) { return m.AppendJSON(buf[:0]), nil })
	})
	reflected := reflectedMessage(m)
	for _, lib := range jsonLibraries {
		b.Run(lib.name, func(b *testing.B) {
			encode(b, size, func() ([]byte, error) { return lib.marshal(&reflected) })
		})
	}
}

// BenchmarkDecodeMessage compares the ways to read one. 'in order' is how a record is read that we wrote, 'jx' how one of
// another producer is.
func BenchmarkDecodeMessage(b *testing.B) {
	want := sampleMessage()
	value := want.AppendJSON(nil)
	spaced := append([]byte{' '}, value...) // a space before the brace is all it takes to be read by jx
	var m ContextMessage
	b.Run("in-order", func(b *testing.B) { decode(b, len(value), func() error { return m.DecodeAliased(value) }) })
	b.Run("jx", func(b *testing.B) { decode(b, len(value), func() error { return m.DecodeAliased(spaced) }) })
	for _, lib := range jsonLibraries {
		b.Run(lib.name, func(b *testing.B) {
			var r reflectedMessage
			decode(b, len(value), func() error { r = reflectedMessage{}; return lib.unmarshal(value, &r) })
			if diff := cmp.Diff(want, ContextMessage(r)); diff != "" {
				b.Fatalf("written, %s:\n%s", lib.name, diff)
			}
		})
	}
	if diff := cmp.Diff(want, m); diff != "" {
		b.Fatalf("written, ours:\n%s", diff)
	}
}

var jsonLibraries = []struct {
	name      string
	marshal   func(any) ([]byte, error)
	unmarshal func([]byte, any) error
}{
	{"goccy", gojson.Marshal, gojson.Unmarshal},
	{"sonic", sonic.ConfigDefault.Marshal, sonic.ConfigDefault.Unmarshal},
	{"encoding-json", json.Marshal, json.Unmarshal},
}

func encode(b *testing.B, size int, step func() ([]byte, error)) {
	b.Helper()
	want := sampleMessage()
	b.ReportAllocs()
	b.SetBytes(int64(size))
	var value []byte
	var err error
	for b.Loop() {
		if value, err = step(); err != nil {
			b.Fatal(err)
		}
	}
	if !bytes.Equal(value, want.AppendJSON(nil)) {
		b.Fatalf("it writes %s", value)
	}
}

func decode(b *testing.B, size int, step func() error) {
	b.Helper()
	b.ReportAllocs()
	b.SetBytes(int64(size))
	for b.Loop() {
		if err := step(); err != nil {
			b.Fatal(err)
		}
	}
}
