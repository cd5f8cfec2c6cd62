package chdb

import "unsafe"

// result is one answer of the engine, or one chunk of a streamed one. It lives in the engine's memory until free.
type result struct {
	lib *library
	p   unsafe.Pointer
}

// result takes ownership of a chdb_result; an answer that carries an error is freed and becomes an *Exception.
func (l *library) result(p unsafe.Pointer) (*result, error) {
	if text := l.resultError(p); text != "" {
		l.resultDestroy(p)
		return nil, parseException(text)
	}
	return &result{lib: l, p: p}, nil
}

// bytes is the formatted answer, valid until free.
func (r *result) bytes() []byte {
	n := r.lib.resultLength(r.p)
	if n == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(r.lib.resultBuffer(r.p)), n)
}

func (r *result) stats() stats {
	return stats{
		readRows: r.lib.storageRowsRead(r.p), readBytes: r.lib.storageBytesRead(r.p),
		writtenRows: r.lib.resultRowsWritten(r.p), writtenBytes: r.lib.resultBytesWritten(r.p),
		resultRows: r.lib.resultRowsRead(r.p),
	}
}

func (r *result) free() { r.lib.resultDestroy(r.p) }

// stats are the counters of X-ClickHouse-Summary.
type stats struct {
	readRows, readBytes, writtenRows, writtenBytes, resultRows uint64
}
