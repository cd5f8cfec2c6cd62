package tabular

import (
	"bytes"
	"errors"
	"io"
	"reflect"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/google/go-cmp/cmp"
	"github.com/parquet-go/parquet-go"
)

// typed is a column of an answer.
type typed struct {
	name string
	kind reflect.Type
}

func (c typed) Name() string             { return c.name }
func (c typed) Nullable() bool           { return c.kind.Kind() == reflect.Pointer }
func (c typed) ScanType() reflect.Type   { return c.kind }
func (c typed) DatabaseTypeName() string { return "" }

// answer is two rows of what ClickHouse has: words, numbers, times, lists, NULL.
var (
	answer = []driver.ColumnType{
		typed{"words", reflect.TypeFor[string]()}, typed{"n", reflect.TypeFor[uint64]()}, typed{"at", reflect.TypeFor[time.Time]()},
		typed{"files", reflect.TypeFor[[]string]()}, typed{"waited", reflect.TypeFor[*float64]()},
	}
	rows = [][]any{
		{"a \"b\",\nc", uint64(1 << 63), time.Date(2026, 11, 26, 1, 2, 3, 456789000, time.UTC), []string{"x", "y z"}, 1.5},
		{"", uint64(0), time.Unix(0, 0).UTC(), []string{}, nil},
	}
)

func written(t *testing.T, format string) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := New(format, &out, answer)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows {
		if err := w.Row(row); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestText(t *testing.T) {
	for format, want := range map[string]string{
		"csv": "words,n,at,files,waited\n\"a \"\"b\"\",\nc\",9223372036854775808,2026-11-26T01:02:03.456789Z,\"[\"\"x\"\",\"\"y z\"\"]\",1.5\n,0,1970-01-01T00:00:00Z,[],\n",
		"json": `{"words":"a \"b\",\nc","n":9223372036854775808,"at":"2026-11-26T01:02:03.456789Z","files":["x","y z"],"waited":1.5}` + "\n" +
			`{"words":"","n":0,"at":"1970-01-01T00:00:00Z","files":[],"waited":null}` + "\n",
		"table": "words     n                    at                           files    waited\n" +
			"--------  -------------------  ---------------------------  -------  ------\n" +
			"a \"b\", c  9223372036854775808  2026-11-26T01:02:03.456789Z  [x y z]  1.5\n" +
			"          0                    1970-01-01T00:00:00Z         []       \n",
	} {
		if diff := cmp.Diff(want, string(written(t, format))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", format, diff)
		}
	}
}

// Parquet is read back as what was written.
func TestParquet(t *testing.T) {
	type row struct {
		Words  *string    `parquet:"words,optional"`
		N      *uint64    `parquet:"n,optional"`
		At     *time.Time `parquet:"at,optional,timestamp(microsecond)"`
		Files  []string   `parquet:"files"`
		Waited *float64   `parquet:"waited,optional"`
	}
	file := written(t, "parquet")
	r := parquet.NewGenericReader[row](bytes.NewReader(file))
	got := make([]row, len(rows)+1)
	n, err := r.Read(got)
	if err != nil && !errors.Is(err, io.EOF) || n != len(rows) {
		t.Fatalf("%d rows, %v", n, err)
	}
	for i, want := range rows {
		if *got[i].Words != want[0] || *got[i].N != want[1] || !got[i].At.Equal(want[2].(time.Time)) || len(got[i].Files) != len(want[3].([]string)) {
			t.Errorf("row %d is %+v, want %v", i, got[i], want)
		}
	}
	if got[0].Waited == nil || *got[0].Waited != 1.5 || got[1].Waited != nil || got[0].Files[1] != "y z" {
		t.Errorf("rows are %+v", got[:n])
	}
}

func TestWhatCannotBeWritten(t *testing.T) {
	if _, err := New("xml", io.Discard, answer); err == nil {
		t.Error("a format that is none was taken")
	}
	if _, err := New("parquet", io.Discard, []driver.ColumnType{answer[0], answer[0]}); err == nil {
		t.Error("two columns of one name were taken for Parquet")
	}
}
