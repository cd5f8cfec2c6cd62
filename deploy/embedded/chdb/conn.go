package chdb

import (
	"runtime"
	"unsafe"
)

// conn is one session of the engine: its own settings, current database and temporary tables.
// It runs one statement at a time; a second conn to the same path runs beside it.
// Opening one costs about 0.3 ms, so the front opens one per request and nothing leaks between clients.
type conn struct {
	lib    *library
	handle unsafe.Pointer // chdb_connection *, what connect returned
	c      unsafe.Pointer // chdb_connection, what the calls take
}

// open starts a session; args are the engine's command line, without the program's name.
// It returns nil when the engine refused; the engine then says why on standard error.
func (l *library) open(args []string) *conn {
	argv := make([]unsafe.Pointer, 0, len(args)+1)
	for _, arg := range append([]string{"clickhouse"}, args...) {
		argv = append(argv, unsafe.Pointer(unsafe.SliceData(append([]byte(arg), 0))))
	}
	handle := l.connect(int32(len(argv)), unsafe.Pointer(unsafe.SliceData(argv)))
	runtime.KeepAlive(argv)
	if handle == nil {
		return nil
	}
	return &conn{lib: l, handle: handle, c: *(*unsafe.Pointer)(handle)}
}

func (c *conn) close() { c.lib.closeConn(c.handle) }

// starter is one of the three calls that begin a statement; they share one signature.
type starter func(unsafe.Pointer, unsafe.Pointer, uintptr, unsafe.Pointer, uintptr, unsafe.Pointer, unsafe.Pointer, unsafe.Pointer, unsafe.Pointer, uintptr) unsafe.Pointer

// start calls begin with text, format and the {name:Type} parameters.
// The engine copies what it needs before it returns.
func (c *conn) start(begin starter, text, format string, params []param) unsafe.Pointer {
	names, nameLens := pointers(params, func(p param) string { return p.name })
	values, valueLens := pointers(params, func(p param) string { return p.value })
	r := begin(c.c, stringData(text), uintptr(len(text)), stringData(format), uintptr(len(format)),
		unsafe.Pointer(unsafe.SliceData(names)), unsafe.Pointer(unsafe.SliceData(nameLens)),
		unsafe.Pointer(unsafe.SliceData(values)), unsafe.Pointer(unsafe.SliceData(valueLens)), uintptr(len(params)))
	runtime.KeepAlive(params)
	runtime.KeepAlive(text)
	runtime.KeepAlive(format)
	return r
}

func pointers(params []param, get func(param) string) ([]unsafe.Pointer, []uintptr) {
	data, lens := make([]unsafe.Pointer, len(params)), make([]uintptr, len(params))
	for i, p := range params {
		data[i], lens[i] = stringData(get(p)), uintptr(len(get(p)))
	}
	return data, lens
}

// empty stands for the data of an empty string: the engine builds std::string(pointer, 0) of it.
var empty [1]byte

func stringData(s string) unsafe.Pointer {
	if s == "" {
		return unsafe.Pointer(&empty)
	}
	return unsafe.Pointer(unsafe.StringData(s))
}

// query runs text to its end and holds the whole answer in memory.
func (c *conn) query(text, format string, params []param) (*result, error) {
	return c.lib.result(c.start(c.lib.query, text, format, params))
}

// exec runs a statement whose answer is of no interest.
func (c *conn) exec(text string) error {
	r, err := c.query(text, "Null", nil)
	if err == nil {
		r.free()
	}
	return err
}

// What a statement does to state that outlives it (chdb_query_class).
const (
	classReadOnly = 0
	classControl  = 3
	classUnknown  = 4
)

// classify asks the engine's own parser what text would do, and how many statements it holds, without running it.
func (c *conn) classify(text string) (class uint32, statements int) {
	analysis := [4]uint32{16, 0, 0, classUnknown} // struct_size, statement_count, flags, query_class
	if c.lib.classify(c.c, stringData(text), uintptr(len(text)), nil, 0, unsafe.Pointer(&analysis)) != 0 {
		return classUnknown, 0
	}
	runtime.KeepAlive(text)
	return analysis[3], int(analysis[1])
}

// param is one {name:Type} parameter; value is TSV-escaped text, as ClickHouse's HTTP interface reads it.
type param struct{ name, value string }
