package chdb

import (
	"errors"
	"io"
	"strings"
	"sync"
)

// chunks are the buffers through which an insert's data passes.
var chunks = sync.Pool{New: func() any { return new([256 << 10]byte) }}

// insert feeds the body to the engine as it comes: no block is decoded here, and no more than a few chunks are held.
func insert(s *session, p *reply) error {
	in, err := s.insert(p.q.stmt.text, p.q.stmt.format, p.q.params)
	if err != nil {
		return err
	}
	chunk := chunks.Get().(*[256 << 10]byte) //nolint:forcetypeassert // the pool holds nothing else
	defer chunks.Put(chunk)
	for {
		n, err := fill(p.q.data, chunk[:])
		if err != nil && !errors.Is(err, io.EOF) {
			// What did not arrive whole must not be written as if it had.
			in.cancel()
			return bodyError(err)
		}
		if ok := in.append(chunk[:n]); ok && err == nil {
			continue
		}
		written, err := in.finish()
		if err != nil {
			return err
		}
		return p.whole(nil, written)
	}
}

// fill is io.ReadFull, except that it tells the end of the data (io.EOF) from a body cut short (io.ErrUnexpectedEOF).
func fill(r io.Reader, buf []byte) (n int, err error) {
	for n < len(buf) && err == nil {
		var more int
		more, err = r.Read(buf[n:])
		n += more
	}
	return n, err
}

// insertInline runs INSERT … VALUES with {name:Type} among the values as one text, since the engine forgets
// parameters before it parses streamed data.
func insertInline(s *session, p *reply) error {
	var text strings.Builder
	text.WriteString(p.q.stmt.text + " VALUES ")
	n, err := io.Copy(&text, io.LimitReader(p.q.data, maxText))
	if err != nil {
		return bodyError(err)
	}
	if n == maxText {
		return refuse(codeQueryTooLarge, "VALUES with parameters are longer than %d bytes", maxText)
	}
	if _, statements := s.classify(text.String()); statements > 1 {
		return refuse(codeSyntaxError, "Syntax error (Multi-statements are not allowed): send one statement per request")
	}
	return answerWhole(s, p, text.String())
}
