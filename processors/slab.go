package processors

import (
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/schemas"
)

// slab makes the records of a result out of pieces of memory, each small enough to be in the processor's cache when it is written.
type slab struct {
	records [][]kgo.Record
	bufs    [][]byte
	n, m    int // in which piece of each there is room
}

const (
	slabRecords = 256
	slabBytes   = 128 << 10
	slabSpare   = 4 << 10 // what a record may take: one that takes more is copied
	slabPieces  = 128     // what is kept of each for another result: 16 MiB of bytes, 32,000 records
)

// reset takes the memory of all records back.
func (s *slab) reset() {
	s.records, s.bufs = fewer(s.records), fewer(s.bufs)
	for i := range s.records {
		clear(s.records[i])
		s.records[i] = s.records[i][:0]
	}
	for i := range s.bufs {
		s.bufs[i] = s.bufs[i][:0]
	}
	s.n, s.m = 0, 0
}

// fewer lets go of pieces that only a large batch needs.
func fewer[T any](pieces [][]T) [][]T {
	n := min(len(pieces), slabPieces)
	clear(pieces[n:])
	return pieces[:n]
}

// value makes a record of a value that can append itself.
func (s *slab) value(topic string, key schemas.Key, value interface{ AppendJSON(buf []byte) []byte }) *kgo.Record {
	rec := s.record(topic, key, nil)
	buf := s.bufs[s.m]
	all := value.AppendJSON(buf)
	rec.Value = all[len(buf):len(all):len(all)]
	if cap(all) == cap(buf) { // else it did not fit, and has memory of its own
		s.bufs[s.m] = all
	}
	return rec
}

// record makes a record of a value that is there already.
func (s *slab) record(topic string, key schemas.Key, value []byte) *kgo.Record {
	buf := s.room()
	all := append(*buf, key...)
	rec := s.next()
	*rec = kgo.Record{Topic: topic, Key: all[len(*buf):len(all):len(all)], Value: value}
	if cap(all) == cap(*buf) {
		*buf = all
	}
	return rec
}

// next is a record that is free.
func (s *slab) next() *kgo.Record {
	if s.n < len(s.records) && len(s.records[s.n]) == slabRecords {
		s.n++
	}
	if s.n == len(s.records) {
		s.records = append(s.records, make([]kgo.Record, 0, slabRecords))
	}
	piece := &s.records[s.n]
	*piece = (*piece)[:len(*piece)+1]
	return &(*piece)[len(*piece)-1]
}

// room is a piece with room for a record.
func (s *slab) room() *[]byte {
	if s.m < len(s.bufs) && cap(s.bufs[s.m])-len(s.bufs[s.m]) < slabSpare {
		s.m++
	}
	if s.m == len(s.bufs) {
		s.bufs = append(s.bufs, make([]byte, 0, slabBytes))
	}
	return &s.bufs[s.m]
}
