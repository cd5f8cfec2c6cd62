package processors

import (
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/schemas"
)

// slab makes the records of a result out of pieces of memory, each small enough to be in the processor's cache when it is written. Keys are together: each is read once more
// by itself, when the client chooses the partition.
type slab struct {
	records pieces[kgo.Record]
	keys    pieces[byte]
	values  pieces[byte]
}

const (
	slabRecords = 256
	slabKeys    = 16 << 10
	slabValues  = 128 << 10
	slabSpare   = 4 << 10 // what a value may take, and a key: one that takes more has memory of its own
	slabPieces  = 128     // what is kept of each for another result: 16 MiB of values, 32,000 records
)

// value makes a record of a value that can append itself.
func (s *slab) value(topic string, key schemas.Key, value interface{ AppendJSON(buf []byte) []byte }) *kgo.Record {
	rec, piece := s.record(topic, key, nil), s.values.room(slabValues, slabSpare)
	rec.Value = taken(piece, value.AppendJSON(*piece))
	return rec
}

// record makes a record of a value that is there already.
func (s *slab) record(topic string, key schemas.Key, value []byte) *kgo.Record {
	keys, records := s.keys.room(slabKeys, slabSpare), s.records.room(slabRecords, 1)
	*records = append(*records, kgo.Record{Topic: topic, Key: taken(keys, append(*keys, key...)), Value: value})
	return &(*records)[len(*records)-1]
}

// taken is what was appended to a piece, which has it if it had the room.
func taken(piece *[]byte, all []byte) []byte {
	what := all[len(*piece):len(all):len(all)]
	if cap(all) == cap(*piece) {
		*piece = all
	}
	return what
}

// reset takes the memory of all records back.
func (s *slab) reset() {
	for _, piece := range s.records.all {
		clear(piece) // what they point to is not all ours
	}
	s.records.reset()
	s.keys.reset()
	s.values.reset()
}

// pieces are filled one after the other.
type pieces[T any] struct {
	all [][]T
	n   int // which has room
}

// room is a piece with room for n more.
func (p *pieces[T]) room(size, n int) *[]T {
	if p.n < len(p.all) && cap(p.all[p.n])-len(p.all[p.n]) < n {
		p.n++
	}
	if p.n == len(p.all) {
		p.all = append(p.all, make([]T, 0, size))
	}
	return &p.all[p.n]
}

// reset empties the pieces, and lets go of those that only a large batch needs.
func (p *pieces[T]) reset() {
	n := min(len(p.all), slabPieces)
	clear(p.all[n:])
	p.all, p.n = p.all[:n], 0
	for i := range p.all {
		p.all[i] = p.all[i][:0]
	}
}
