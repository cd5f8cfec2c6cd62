package chdb

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"time"

	chproto "github.com/ClickHouse/ch-go/proto"
	"github.com/ClickHouse/clickhouse-go/v2/lib/column"
	"github.com/ClickHouse/clickhouse-go/v2/lib/proto"
)

// nativeAt lays blocks in Native format out as revision asks. The engine writes them at revision 0; a client that
// sends client_protocol_version expects block info before each block, and from 54454 on a serialization byte in each
// column. The latter stand between columns whose length is known only by decoding them, so blocks are decoded
// and encoded again, by the client library's own code.
func nativeAt(revision uint64, data []byte) ([]byte, error) {
	reader := chproto.NewReader(bytes.NewReader(data))
	var out chproto.Buffer
	for {
		// Version 25 and later share one layout of the JSON and Dynamic types.
		block := proto.Block{ServerContext: &column.ServerContext{Revision: revision, VersionMajor: 26, VersionMinor: 7, Timezone: time.UTC}}
		if err := block.Decode(reader, 0); errors.Is(err, io.EOF) && len(block.Columns) == 0 {
			return out.Buf, nil
		} else if err != nil {
			return nil, fmt.Errorf("decode a Native block: %w", err)
		}
		if err := block.Encode(&out, revision); err != nil {
			return nil, fmt.Errorf("encode a Native block: %w", err)
		}
	}
}
