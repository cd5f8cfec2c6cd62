package chdb

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	chproto "github.com/ClickHouse/ch-go/proto"
	"github.com/ClickHouse/clickhouse-go/v2/lib/column"
	"github.com/ClickHouse/clickhouse-go/v2/lib/proto"
)

// nativeAt lays blocks in Native format out as revision asks. The engine writes them at revision 0; a client that
// sends client_protocol_version expects block info before each block, and from 54454 on a serialization byte in each
// column. These stand between columns, whose length only decoding tells; so each is decoded by the client
// library's own code, to find its end, and then its bytes are copied as they are.
func nativeAt(revision uint64, data []byte) ([]byte, error) {
	n := &native{src: bytes.NewReader(data), data: data, revision: revision}
	n.buf = readers.Get().(*bufio.Reader) //nolint:forcetypeassert // the pool holds nothing else
	defer readers.Put(n.buf)
	n.buf.Reset(n.src)
	n.in = chproto.NewReader(n.buf)
	n.out.Buf = make([]byte, 0, len(data)+len(data)/64+256)
	for n.at() < len(data) {
		if err := n.block(); err != nil {
			return nil, fmt.Errorf("lay out a Native block: %w", err)
		}
	}
	return n.out.Buf, nil
}

// readers are at least of the size that ch-go's reader asks for; a smaller one it would wrap in another,
// and what has been consumed could not be told any more.
var readers = sync.Pool{New: func() any { return bufio.NewReaderSize(nil, 128<<10) }}

type native struct {
	src      *bytes.Reader
	buf      *bufio.Reader
	in       *chproto.Reader
	out      chproto.Buffer
	data     []byte
	revision uint64
}

// at is how much of data has been consumed.
func (n *native) at() int { return len(n.data) - n.src.Len() - n.buf.Buffered() }

func (n *native) block() error {
	columns, err := n.in.UVarInt()
	if err != nil {
		return err
	}
	rows, err := n.in.UVarInt()
	if err != nil {
		return err
	}
	n.blockInfo()
	n.out.PutUVarInt(columns)
	n.out.PutUVarInt(rows)
	for range columns {
		if err := n.column(int(rows)); err != nil {
			return err
		}
	}
	return nil
}

// blockInfo is "no overflow rows, no bucket", which is what a block of an answer always is.
func (n *native) blockInfo() {
	n.out.PutUVarInt(1)
	n.out.PutBool(false)
	n.out.PutUVarInt(2)
	n.out.PutInt32(-1)
	n.out.PutUVarInt(0)
}

func (n *native) column(rows int) error {
	name, err := n.in.Str()
	if err != nil {
		return err
	}
	kind, err := n.in.Str()
	if err != nil {
		return err
	}
	n.out.PutString(name)
	n.out.PutString(kind)
	if n.revision >= proto.DBMS_MIN_REVISION_WITH_CUSTOM_SERIALIZATION {
		n.out.PutBool(false)
	}
	if rows == 0 {
		return nil
	}
	from := n.at()
	if err := skip(n.in, name, column.Type(kind), rows); err != nil {
		return err
	}
	n.out.Buf = append(n.out.Buf, n.data[from:n.at()]...)
	return nil
}

// skip reads the data of one column and forgets it.
func skip(in *chproto.Reader, name string, kind column.Type, rows int) error {
	// The version is what the engine is; the layouts of JSON and Dynamic depend on it.
	col, err := kind.Column(name, &column.ServerContext{VersionMajor: 26, VersionMinor: 7, Timezone: time.UTC})
	if err != nil {
		return err
	}
	if custom, ok := col.(column.CustomSerialization); ok {
		if err := custom.ReadStatePrefix(in); err != nil {
			return fmt.Errorf("column of type %s: %w", kind, err)
		}
	}
	if err := col.Decode(in, rows); err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return fmt.Errorf("column of type %s: %w", kind, err)
	}
	return nil
}
