package chdb

import (
	"runtime"
	"unsafe"
)

// stream is a SELECT whose answer is pulled block by block, so that its size does not matter.
// The engine formats each chunk as a document of its own: only formats without
// header, footer and separators between blocks may be streamed (see streamable).
type stream struct {
	conn *conn
	p    unsafe.Pointer
	done bool
}

// stream starts a SELECT. Other statements are refused by the engine with code 36.
func (c *conn) stream(text, format string, params []param) (*stream, error) {
	p := c.start(c.lib.streamQuery, text, format, params)
	if text := c.lib.resultError(p); text != "" {
		c.lib.resultDestroy(p)
		return nil, parseException(text)
	}
	return &stream{conn: c, p: p}, nil
}

// next returns the next chunk, or nil after the last. An error ends the stream.
func (s *stream) next() (*result, error) {
	if s.done {
		return nil, nil
	}
	r, err := s.conn.lib.result(s.conn.lib.streamFetch(s.conn.c, s.p))
	if err != nil {
		s.done = true
		return nil, err
	}
	if s.conn.lib.resultLength(r.p) == 0 {
		s.done = true
		r.free()
		return nil, nil
	}
	return r, nil
}

// close cancels what still runs and frees the handle. A stream that has ended must not be
// cancelled: the engine has let go of its state by then, and cancelling reads it.
func (s *stream) close() {
	if !s.done {
		s.conn.lib.streamCancel(s.conn.c, s.p)
	}
	s.conn.lib.resultDestroy(s.p)
}

// inserter is an INSERT that is fed its data in pieces, in the format named at its start.
type inserter struct {
	lib *library
	p   unsafe.Pointer
}

// insert starts an INSERT; text holds no FORMAT clause and no data.
func (c *conn) insert(text, format string, params []param) (*inserter, error) {
	p := c.start(c.lib.streamInsert, text, format, params)
	if text := c.lib.insertError(p); text != "" {
		c.lib.insertDestroy(p)
		return nil, parseException(text)
	}
	return &inserter{lib: c.lib, p: p}, nil
}

// append hands data on; it blocks while the engine is behind, and copies.
// False means that the engine has given up: finish says why.
func (i *inserter) append(data []byte) bool {
	if len(data) == 0 {
		return true
	}
	ok := i.lib.insertAppend(i.p, unsafe.Pointer(unsafe.SliceData(data)), uintptr(len(data))) == 0
	runtime.KeepAlive(data)
	return ok
}

// finish ends the data and waits until the engine has written it.
func (i *inserter) finish() (stats, error) {
	defer i.lib.insertDestroy(i.p)
	r, err := i.lib.result(i.lib.insertDone(i.p))
	if err != nil {
		return stats{}, err
	}
	defer r.free()
	return r.stats(), nil
}

// cancel gives the INSERT up. Blocks that were written before stay, as with a ClickHouse server.
func (i *inserter) cancel() {
	i.lib.insertCancel(i.p)
	i.lib.insertDestroy(i.p)
}
