package tabular

import (
	"encoding"
	"encoding/json"
	"math/big"
	"reflect"
	"regexp"
	"strconv"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/parquet-go/parquet-go"
)

// cell is how the values of a column are written to Parquet.
type cell struct {
	leaf  parquet.Node
	list  bool
	value func(any) parquet.Value // of one that is not NULL; of a list's elements
}

// cellOf is chosen by the column's type. A list in a list, a map and a tuple have no form of their own: they are JSON.
func cellOf(c driver.ColumnType) cell {
	t, f := pointed(c.ScanType()), formOf(c)
	if t.Kind() == reflect.Slice && !t.Implements(reflect.TypeFor[encoding.TextMarshaler]()) { // an address is a slice too
		if leaf, value := single(pointed(t.Elem()), c.DatabaseTypeName(), f); leaf != nil {
			return cell{leaf, true, value}
		}
	}
	leaf, value := single(t, c.DatabaseTypeName(), f)
	if leaf == nil {
		leaf, value = parquet.String(), func(v any) parquet.Value { return parquet.ByteArrayValue([]byte(f.object(v))) }
	}
	return cell{leaf: leaf, value: value}
}

func pointed(t reflect.Type) reflect.Type {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t
}

// node is optional, so that a view's column may become Nullable without a break of the file's form. ClickHouse's lists cannot be NULL, their elements can.
func (c cell) node() parquet.Node {
	if c.list {
		return parquet.List(parquet.Optional(c.leaf))
	}
	return parquet.Optional(c.leaf)
}

// appendTo adds a value of the column that stands n-th, with its levels: a NULL is less defined; of a list all but the first repeat, and an empty one is the least defined.
func (c cell) appendTo(row parquet.Row, v any, n int) parquet.Row {
	if !c.list {
		return append(row, c.level(v, 0, 0, n))
	}
	list := reflect.ValueOf(v)
	if v == nil || list.Len() == 0 {
		return append(row, parquet.NullValue().Level(0, 0, n))
	}
	for i := range list.Len() {
		row = append(row, c.level(plain(list.Index(i)), min(i, 1), 1, n))
	}
	return row
}

func (c cell) level(v any, repeats, null, n int) parquet.Value {
	if v == nil {
		return parquet.NullValue().Level(repeats, null, n)
	}
	return c.value(v).Level(repeats, null+1, n)
}

// nanos is a time that has more than the microseconds that are enough for others.
var nanos = regexp.MustCompile(`DateTime64\([789]`)

// single is the form of a value that has only one, with the name of its column's type; nil for others.
func single(t reflect.Type, name string, f form) (parquet.Node, func(any) parquet.Value) {
	if t == reflect.TypeFor[time.Time]() {
		return timeOf(name, f)
	}
	switch t.Kind() {
	case reflect.Bool:
		return parquet.Leaf(parquet.BooleanType), func(v any) parquet.Value { return parquet.BooleanValue(reflect.ValueOf(v).Bool()) }
	case reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return parquet.Int(64), func(v any) parquet.Value { return parquet.Int64Value(reflect.ValueOf(v).Int()) }
	case reflect.Uint8, reflect.Uint16, reflect.Uint32:
		return parquet.Int(64), unsigned
	case reflect.Uint64:
		return parquet.Uint(64), unsigned
	case reflect.Float32, reflect.Float64:
		return parquet.Leaf(parquet.DoubleType), func(v any) parquet.Value { return parquet.DoubleValue(reflect.ValueOf(v).Float()) }
	default:
		return wordsOf(t, name)
	}
}

// wordsOf is the form of what is no number of Go's: decimals, and what has a text.
func wordsOf(t reflect.Type, name string) (parquet.Node, func(any) parquet.Value) {
	if t.Implements(reflect.TypeFor[scaled]()) {
		if node, value := decimalOf(name); node != nil {
			return node, value
		}
	}
	if t.Kind() == reflect.String || t == reflect.TypeFor[big.Int]() || t.Implements(reflect.TypeFor[encoding.TextMarshaler]()) {
		return parquet.String(), func(v any) parquet.Value { return parquet.ByteArrayValue([]byte(text(v))) }
	}
	return nil, nil
}

func unsigned(v any) parquet.Value { return parquet.Int64Value(int64(reflect.ValueOf(v).Uint())) }

func timeOf(name string, f form) (parquet.Node, func(any) parquet.Value) {
	node, write := parquet.Timestamp(parquet.Microsecond), func(at time.Time) parquet.Value { return parquet.Int64Value(at.UnixMicro()) }
	switch {
	case f.day:
		node, write = parquet.Date(), func(at time.Time) parquet.Value {
			year, month, day := at.Date() // where the server is
			return parquet.Int32Value(int32(time.Date(year, month, day, 0, 0, 0, 0, time.UTC).Unix() / (24 * 60 * 60)))
		}
	case nanos.MatchString(name):
		node, write = parquet.Timestamp(parquet.Nanosecond), func(at time.Time) parquet.Value { return parquet.Int64Value(at.UnixNano()) }
	}
	return node, func(v any) parquet.Value {
		at, _ := v.(time.Time) // the column's type says so
		return write(at)
	}
}

// scaled is a decimal number: the coefficient, with as many zeros as the exponent says.
type scaled interface {
	Coefficient() *big.Int
	Exponent() int32
}

var decimalType = regexp.MustCompile(`\bDecimal\((\d+), ?(\d+)\)`)

// decimalOf is a decimal of Parquet, which readers take to 38 digits: longer ones are their text.
// https://github.com/apache/parquet-format/blob/master/LogicalTypes.md#decimal
func decimalOf(name string) (parquet.Node, func(any) parquet.Value) {
	m := decimalType.FindStringSubmatch(name)
	if m == nil {
		return nil, nil
	}
	precision, _ := strconv.Atoi(m[1]) // digits
	scale, _ := strconv.Atoi(m[2])
	switch {
	case precision <= 9:
		return parquet.Decimal(scale, precision, parquet.Int32Type), func(v any) parquet.Value { return parquet.Int32Value(int32(coefficientOf(v, scale).Int64())) }
	case precision <= 18:
		return parquet.Decimal(scale, precision, parquet.Int64Type), func(v any) parquet.Value { return parquet.Int64Value(coefficientOf(v, scale).Int64()) }
	case precision <= 38:
		const size = 16
		return parquet.Decimal(scale, precision, parquet.FixedLenByteArrayType(size)), func(v any) parquet.Value {
			n := coefficientOf(v, scale)
			if n.Sign() < 0 { // two's complement
				n.Add(n, new(big.Int).Lsh(big.NewInt(1), 8*size))
			}
			return parquet.FixedLenByteArrayValue(n.FillBytes(make([]byte, size)))
		}
	}
	return nil, nil
}

// coefficientOf is a decimal without its point, with a scale's digits behind it. None of ClickHouse's has more than its type.
func coefficientOf(v any, scale int) *big.Int {
	d, is := v.(scaled)
	if !is {
		return new(big.Int)
	}
	zeros := max(int64(d.Exponent())+int64(scale), 0)
	return new(big.Int).Mul(d.Coefficient(), new(big.Int).Exp(big.NewInt(10), big.NewInt(zeros), nil))
}

// object is a value as JSON writes it.
func (f form) object(v any) string {
	b, err := json.Marshal(f.json(v))
	if err != nil { // no value of ClickHouse's is without a form
		return text(v)
	}
	return string(b)
}
