package deadletters

import (
	"bytes"
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/cmd/backchannel/scan"
	"github.com/bigmind/backchannel/schemas"
)

// Newer says where a compacted topic has a newer record of a letter's key, over which a replay would put the older one; empty: nowhere.
func (r Reader) Newer(ctx context.Context, l Letter) (at string, err error) {
	spec, known := schemas.TopicByName(l.Topic)
	if !known || spec.Cleanup != schemas.Compact || l.Offset < 0 {
		return "", nil
	}
	all, err := scan.All(ctx, r.Client, l.Topic)
	if err != nil {
		return "", err
	}
	for partition, has := range all[l.Topic] {
		if partition == l.Partition { // a key stays where it is
			has.From = max(has.From, l.Offset+1)
		} else {
			has.From = has.To
		}
		all[l.Topic][partition] = has
	}
	err = scan.Read(ctx, r.Client, all, func(rec *kgo.Record) error {
		if bytes.Equal(rec.Key, l.Key) {
			at = fmt.Sprintf("%s/%d/%d", rec.Topic, rec.Partition, rec.Offset)
		}
		return nil
	})
	return at, err
}
