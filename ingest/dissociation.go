package ingest

import (
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/schemas"
)

// Dissociated are the headers of a tombstone that ends a channel's association: who ended it, and where, as By and Source say of what makes one.
func Dissociated(by, source string) []kgo.RecordHeader {
	return []kgo.RecordHeader{{Key: schemas.HeaderBy, Value: []byte(by)}, {Key: schemas.HeaderSource, Value: []byte(source)}}
}
