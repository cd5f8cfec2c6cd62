package tabular

import (
	"encoding"
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// form is how the values of a column are written.
type form struct {
	day    bool // of a time only the day
	number bool
	digits int  // of a time's seconds behind the point; -1: as many as it has
	asked  bool // a time is written as a query takes it: 2026-11-26 01:02:03, in UTC
}

var (
	dayType = regexp.MustCompile(`\bDate(32)?\b`)
	anyTime = regexp.MustCompile(`\bDateTime(64)?\b`)
	secType = regexp.MustCompile(`^DateTime(64\((\d)|\b)`)
)

func formOf(c driver.ColumnType) form {
	f := form{digits: -1}
	name := c.DatabaseTypeName()
	f.day = dayType.MatchString(name) && !anyTime.MatchString(name) // where both are, as in a tuple, a day is its beginning
	if m := secType.FindStringSubmatch(bare(name)); m != nil {
		f.digits, _ = strconv.Atoi(m[2]) // of DateTime none
	}
	t := c.ScanType()
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch t.Kind() {
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64, reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64,
		reflect.Float32, reflect.Float64:
		f.number = true
	default:
		f.number = t == reflect.TypeFor[big.Int]() || strings.HasPrefix(bare(name), "Decimal")
	}
	return f
}

func formsOf(columns []driver.ColumnType) []form {
	all := make([]form, len(columns))
	for i, c := range columns {
		all[i] = formOf(c)
	}
	return all
}

// bare is a type without what may stand around it.
func bare(name string) string {
	for _, around := range []string{"LowCardinality(", "Nullable("} {
		name = strings.TrimPrefix(name, around)
	}
	return name
}

// text is a value in words: a time in RFC 3339 in UTC, or as it is asked for; a day as 2026-11-26; a NULL is empty.
func (f form) text(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case time.Time:
		switch {
		case f.day:
			return v.Format(time.DateOnly)
		case f.asked && f.digits < 0:
			return v.UTC().Format(time.DateTime + ".999999999")
		case f.asked:
			return v.UTC().Format(time.DateTime + strings.TrimRight("."+strings.Repeat("0", f.digits), "."))
		case f.digits > 0:
			return v.UTC().Format("2006-01-02T15:04:05." + strings.Repeat("0", f.digits) + "Z07:00")
		}
	case encoding.TextMarshaler: // an address is a slice too
	case json.Marshaler:
		return f.object(v)
	default:
		if r := reflect.ValueOf(v); r.Kind() == reflect.Slice {
			parts := make([]string, r.Len())
			for i := range parts {
				parts[i] = f.text(plain(r.Index(i)))
			}
			return "[" + strings.Join(parts, " ") + "]"
		} else if many(r.Kind()) {
			return f.object(v)
		}
	}
	return text(v)
}

// many says whether a value of this kind has others in it.
func many(k reflect.Kind) bool {
	return k == reflect.Slice || k == reflect.Array || k == reflect.Map || k == reflect.Struct
}

// json is a value as encoding/json writes it as ClickHouse would: it takes a list of UInt8 for bytes, which become base64; knows no day; and refuses what is no
// number (nan, inf), which ClickHouse writes as null.
func (f form) json(v any) any {
	switch v := v.(type) {
	case nil, string, bool, uint64, int64:
		return v
	case time.Time:
		if f.day {
			return v.Format(time.DateOnly)
		}
		return v.UTC()
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil
		}
		return v
	case float32:
		if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
			return nil
		}
		return v
	case encoding.TextMarshaler: // an address is a slice too
		return v
	case json.Marshaler: // an object of the type JSON
		return v
	}
	r := reflect.ValueOf(v)
	switch r.Kind() {
	case reflect.Slice, reflect.Array:
		list := make([]any, r.Len())
		for i := range list {
			list[i] = f.json(plain(r.Index(i)))
		}
		return list
	case reflect.Map:
		object := make(map[string]any, r.Len())
		for key, value := range r.Seq2() {
			object[f.text(plain(key))] = f.json(plain(value)) // JSON knows no other keys than strings
		}
		return object
	default:
		return v
	}
}

// text is a value in words. Times are in RFC 3339 in UTC; a NULL is empty.
func text(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case time.Time:
		return v.UTC().Format(time.RFC3339Nano)
	case string:
		return v
	case float64:
		return number(v, 64)
	case float32:
		return number(float64(v), 32)
	case encoding.TextMarshaler:
		if b, err := v.MarshalText(); err == nil {
			return string(b)
		}
	}
	return fmt.Sprint(v)
}

// number is a fraction without an exponent, as long as it is a number that people read so.
func number(v float64, bits int) string {
	if size := math.Abs(v); size != 0 && (size < 1e-6 || size >= 1e21) {
		return strconv.FormatFloat(v, 'g', -1, bits)
	}
	return strconv.FormatFloat(v, 'f', -1, bits)
}
