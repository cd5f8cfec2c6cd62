package kafka

import (
	"fmt"
	"hash/crc32"
	"os"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// What a control record's key says.
const (
	abortMarker  = kmsg.ControlRecordKeyTypeAbort
	commitMarker = kmsg.ControlRecordKeyTypeCommit
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// markerBatch ends, right after the batch last, a transaction of its producer.
func markerBatch(last batch, kind kmsg.ControlRecordKeyType, now time.Time) []byte {
	key, value := kmsg.ControlRecordKey{Type: kind}, kmsg.EndTxnMarker{}
	r := kmsg.Record{Key: key.AppendTo(nil), Value: value.AppendTo(nil)}
	r.Length = int32(len(r.AppendTo(nil)) - 1)
	b := kmsg.RecordBatch{
		FirstOffset: last.end, Magic: 2, Attributes: inTransaction | isControl,
		FirstTimestamp: now.UnixMilli(), MaxTimestamp: now.UnixMilli(),
		ProducerID: last.producer, ProducerEpoch: last.epoch, FirstSequence: -1,
		NumRecords: 1, Records: r.AppendTo(nil),
	}
	b.Length = int32(len(b.AppendTo(nil)) - batchPrefix)
	b.CRC = int32(crc32.Checksum(b.AppendTo(nil)[21:], castagnoli))
	return b.AppendTo(nil)
}

// markerEntry is the index entry of a marker: version, checksum of the rest, epoch (4), an earlier timestamp that kfake
// recomputes (8), in a transaction or not.
func markerEntry() []byte {
	e := make([]byte, indexEntry)
	e[0] = formatVersion
	e[1] = byte(crc32.Checksum(e[2:], castagnoli))
	return e
}

// isAbort reads a control batch. One that cannot be read counts as an abort, as kfake has it.
func isAbort(f *os.File, b batch) (bool, error) {
	raw := make([]byte, b.size)
	if _, err := f.ReadAt(raw, b.at); err != nil {
		return false, fmt.Errorf("read a transaction marker: %w", err)
	}
	var (
		parsed kmsg.RecordBatch
		r      kmsg.Record
		key    kmsg.ControlRecordKey
	)
	if parsed.ReadFrom(raw) != nil || r.ReadFrom(parsed.Records) != nil || key.ReadFrom(r.Key) != nil {
		return true, nil //nolint:nilerr // no marker that we know how to read: keep it
	}
	return key.Type != commitMarker, nil
}
