package tabular

import (
	"bytes"
	"errors"
	"io"
	"math"
	"math/big"
	"net"
	"reflect"
	"strings"
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
		"table": "words                       n  at                          files    waited\n" +
			"--------  -------------------  --------------------------  -------  ------\n" +
			"a \"b\", c  9223372036854775808  2026-11-26 01:02:03.456789  [x y z]     1.5\n" +
			"                            0  1970-01-01 00:00:00         []             \n",
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
		Files  []string   `parquet:"files,list"`
		Waited *float64   `parquet:"waited,optional"`
	}
	file := written(t, "parquet")
	opened, err := parquet.OpenFile(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, path := range opened.Schema().Columns() {
		names = append(names, path[0])
	}
	if diff := cmp.Diff([]string{"words", "n", "at", "files", "waited"}, names); diff != "" {
		t.Errorf("columns are in the order of the answer (-want +got):\n%s", diff)
	}
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

// Every type of ClickHouse's is a type of Parquet's that readers know, and what has none is JSON. Values are as the driver gives them.
func TestParquetTypes(t *testing.T) {
	at := time.Date(2026, 11, 26, 1, 2, 3, 456789123, time.UTC)
	tokyo := time.FixedZone("", 9*60*60)
	day := time.Date(2026, 11, 26, 0, 0, 0, 0, tokyo) // the server's beginning of the day
	for _, tt := range []struct {
		is     string
		value  any
		column string // of Parquet
		want   []string
	}{
		{"Array(Nullable(String))", []*string{nil, new("x")}, "list STRING", []string{"<null>", "x"}},
		{"Array(String)", []string{}, "list STRING", []string{"<null>"}},
		{"Array(DateTime64(6, 'UTC'))", []time.Time{at, at.Add(time.Second)}, "list TIMESTAMP(isAdjustedToUTC=true,unit=MICROS)", []string{"1795654923456789", "1795654924456789"}},
		{"DateTime64(9)", at.In(tokyo), "TIMESTAMP(isAdjustedToUTC=true,unit=NANOS)", []string{"1795654923456789123"}},
		{"Array(UInt8)", []uint8{1, 2}, "list INT(64,true)", []string{"1", "2"}},
		{"Array(Nullable(Float64))", []*float64{nil, new(1.5)}, "list DOUBLE", []string{"<null>", "1.5"}},
		{"Array(LowCardinality(String))", []string{"a", "b"}, "list STRING", []string{"a", "b"}},
		{"Array(IPv4)", []net.IP{net.IPv4(10, 0, 0, 1).To4()}, "list STRING", []string{"10.0.0.1"}},
		{"IPv4", net.IPv4(10, 0, 0, 1).To4(), "STRING", []string{"10.0.0.1"}},
		{"Date", day, "DATE", []string{"20783"}},
		{"Nullable(Date32)", time.Date(1969, 12, 31, 0, 0, 0, 0, time.UTC), "DATE", []string{"-1"}},
		{"Array(Date)", []time.Time{day}, "list DATE", []string{"20783"}},
		{"Decimal(9, 2)", decimal{-15, -1}, "DECIMAL(9,2)", []string{"-150"}},
		{"Nullable(Decimal(18, 4))", decimal{12345, -4}, "DECIMAL(18,4)", []string{"12345"}},
		{"Decimal(38, 2)", decimal{-2, -2}, "DECIMAL(38,2)", []string{strings.Repeat("\xff", 15) + "\xfe"}},
		{"Array(Decimal(9, 2))", []decimal{{1, 0}}, "list DECIMAL(9,2)", []string{"100"}},
		{"Int128", big.NewInt(-7), "STRING", []string{"-7"}},
		{"Array(Array(UInt8))", [][]uint8{{1}, {}}, "STRING", []string{"[[1],[]]"}},
		{"Map(String, Nullable(String))", map[string]*string{"a": new("x"), "b": nil}, "STRING", []string{`{"a":"x","b":null}`}},
		{"Tuple(UInt8, DateTime)", []any{uint8(1), at.In(tokyo).Truncate(time.Second)}, "STRING", []string{`[1,"2026-11-26T01:02:03Z"]`}},
		{"Array(Tuple(a String))", []map[string]any{{"a": "x"}}, "STRING", []string{`[{"a":"x"}]`}},
	} {
		t.Run(tt.is, func(t *testing.T) {
			c, err := Column("v", tt.is)
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(tt.is, "Decimal") { // shopspring's has what is asked of it
				c = described{"v", tt.is, reflect.TypeOf(tt.value)}
			}
			var file bytes.Buffer
			w, err := New("parquet", &file, []driver.ColumnType{c})
			if err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(w.Row([]any{tt.value}), w.Close()); err != nil {
				t.Fatal(err)
			}
			opened, err := parquet.OpenFile(bytes.NewReader(file.Bytes()), int64(file.Len()))
			if err != nil {
				t.Fatal(err)
			}
			leaf := opened.Root().Column("v")
			column := leaf.Type().String()
			if column == "LIST" {
				leaf = leaf.Column("list").Column("element")
				column = "list " + leaf.Type().String()
			}
			if column != tt.column {
				t.Errorf("a column of %s, want %s", column, tt.column)
			}
			row := make([]parquet.Row, 1)
			r := parquet.NewReader(bytes.NewReader(file.Bytes()))
			if n, err := r.ReadRows(row); n != 1 || err != nil && !errors.Is(err, io.EOF) {
				t.Fatalf("%d rows, %v", n, err)
			}
			var got []string
			for _, v := range row[0] {
				got = append(got, v.String())
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// decimal is a number as the driver gives it.
type decimal struct{ coefficient, exponent int64 }

func (d decimal) Coefficient() *big.Int { return big.NewInt(d.coefficient) }
func (d decimal) Exponent() int32       { return int32(d.exponent) }

func TestWhatCannotBeWritten(t *testing.T) {
	if _, err := New("xml", io.Discard, answer); err == nil {
		t.Error("a format that is none was taken")
	}
	if _, err := New("parquet", io.Discard, []driver.ColumnType{answer[0], answer[0]}); err == nil {
		t.Error("two columns of one name were taken for Parquet")
	}
}

// What JSON and people have no words of their own for: lists of small numbers, days, what is no number, times of different length.
func TestForms(t *testing.T) {
	at := time.Date(2026, 11, 26, 1, 2, 3, 400000000, time.UTC)
	for name, tt := range map[string]struct {
		is               string
		value            any
		json, csv, table string
	}{
		"small numbers":  {"Array(UInt8)", []uint8{1, 2}, `[1,2]`, `"[1,2]"`, "[1 2]"},
		"of them lists":  {"Array(Array(UInt8))", [][]uint8{{1}, {}}, `[[1],[]]`, `"[[1],[]]"`, "[[1] []]"},
		"in a tuple":     {"Tuple(UInt8, Array(UInt8))", []any{uint8(1), []uint8{2}}, `[1,[2]]`, `"[1,[2]]"`, "[1 [2]]"},
		"in a map":       {"Map(String, Array(UInt8))", map[string][]uint8{"a": {2}}, `{"a":[2]}`, `"{""a"":[2]}"`, `{"a":[2]}`},
		"numbered":       {"Map(UInt8, UInt8)", map[uint8]uint8{7: 2}, `{"7":2}`, `"{""7"":2}"`, `{"7":2}`},
		"of a map maybe": {"Map(String, Nullable(String))", map[string]*string{"a": new("x"), "b": nil}, `{"a":"x","b":null}`, `"{""a"":""x"",""b"":null}"`, `{"a":"x","b":null}`},
		"maybe words":    {"Array(Nullable(String))", []*string{nil, new("x")}, `[null,"x"]`, `"[null,""x""]"`, "[ x]"},
		"elsewhere":      {"DateTime('America/New_York')", at.Truncate(time.Second).In(time.FixedZone("", -5*60*60)), `"2026-11-26T01:02:03Z"`, "2026-11-26T01:02:03Z", "2026-11-26 01:02:03"},
		"day and time":   {"Tuple(Date, DateTime64(1))", []any{at.Truncate(24 * time.Hour), at}, `["2026-11-26T00:00:00Z","2026-11-26T01:02:03.4Z"]`, `"[""2026-11-26T00:00:00Z"",""2026-11-26T01:02:03.4Z""]"`, "[2026-11-26 00:00:00 2026-11-26 01:02:03.4]"},
		"an address":     {"IPv4", net.IPv4(10, 0, 0, 1).To4(), `"10.0.0.1"`, "10.0.0.1", "10.0.0.1"},
		"a day":          {"Date", at.Truncate(24 * time.Hour), `"2026-11-26"`, "2026-11-26", "2026-11-26"},
		"maybe a day":    {"Nullable(Date32)", at.Truncate(24 * time.Hour), `"2026-11-26"`, "2026-11-26", "2026-11-26"},
		"days":           {"Array(Date)", []time.Time{at.Truncate(24 * time.Hour)}, `["2026-11-26"]`, `"[""2026-11-26""]"`, "[2026-11-26]"},
		"microseconds":   {"DateTime64(6, 'UTC')", at, `"2026-11-26T01:02:03.4Z"`, "2026-11-26T01:02:03.400000Z", "2026-11-26 01:02:03.400000"},
		"seconds":        {"DateTime", at.Truncate(time.Second), `"2026-11-26T01:02:03Z"`, "2026-11-26T01:02:03Z", "2026-11-26 01:02:03"},
		"not a number":   {"Float64", math.NaN(), `null`, "NaN", "NaN"},
		"without end":    {"Array(Float64)", []float64{math.Inf(1), 1}, `[null,1]`, `"[null,1]"`, "[+Inf 1]"},
		"a big fraction": {"Float64", 12345678.5, `12345678.5`, "12345678.5", "12345678.5"},
		"very big":       {"UInt256", new(big.Int).Lsh(big.NewInt(1), 100), `1267650600228229401496703205376`, "1267650600228229401496703205376", "1267650600228229401496703205376"},
	} {
		c, err := Column("v", tt.is)
		if err != nil {
			t.Fatal(err)
		}
		for format, want := range map[string]string{"json": `{"v":` + tt.json + "}\n", "csv": "v\n" + tt.csv + "\n", "table": tt.table + "\n"} {
			var out bytes.Buffer
			w, err := New(format, &out, []driver.ColumnType{c})
			if err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(w.Row([]any{tt.value}), w.Close()); err != nil {
				t.Fatalf("%s as %s: %v", name, format, err)
			}
			if !strings.HasSuffix(out.String(), want) {
				t.Errorf("%s as %s: %q, want %q", name, format, out.String(), want)
			}
		}
	}
}

// Numbers stand with their points in line.
func TestPoints(t *testing.T) {
	c, err := Column("n", "Nullable(Float64)")
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	w, err := New("table", &out, []driver.ColumnType{c})
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range []any{1.25, 100.0, nil, -3.5} {
		if err := w.Row([]any{v}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff("     n\n------\n  1.25\n100   \n      \n -3.5 \n", out.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
