package sinks

import (
	"cmp"
	"hash/maphash"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// What waits for one lane delays no other, however much it is. So what is kept of a record that waits is where it lies in
// Kafka, which is durable, and in what order it comes; the record itself is kept only of the first of each lane, or while all of
// them together take little. A million that wait take some 80 MB.
const (
	maxWaiting   = 1_000_000 // beyond it nothing new is read
	maxHeldBytes = 32 << 20  // of records that wait; beyond it those behind the first ones of a lane are let go
	hotPerQueue  = 64        // first ones of a lane and partition that are kept in any case
	offerPerLane = 32        // in one batch: one lane's backlog is not what a batch is made of
	offerAtOnce  = 2048      // of all lanes; which ones is left to chance
	recallAtOnce = 256       // of a lane and partition that come back from Kafka in one go
)

// held remembers, for the assigned partitions, how far records were read and which of them wait, and so what may be
// committed: everything before the first that waits.
type held struct {
	lane func(*kgo.Record) Lane // nil: all in one, and each is offered again at once

	mu    sync.Mutex // a rebalance forgets partitions beside the loop
	high  map[string]map[int32]kgo.EpochOffset
	lanes map[string]*lane
	count int
	bytes int
}

// lane is what waits for one and the same, by partition.
type lane struct {
	until  time.Time
	queues map[part]*queue
}

type part struct {
	topic     string
	partition int32
}

// queue is in the order of the partition.
type queue struct {
	entries []entry
	offered int
	expires time.Time // the first of them that does; zero: none
}

type entry struct {
	rec     *kgo.Record // nil: in Kafka alone
	offset  int64
	epoch   int32
	out     bool // offered
	key     uint64
	due     time.Time
	expires time.Time
}

func newHeld(lanes func(*kgo.Record) Lane) *held {
	return &held{lane: lanes, high: map[string]map[int32]kgo.EpochOffset{}, lanes: map[string]*lane{}}
}

// seen notes records of one partition that were read, in order.
func (h *held) seen(records []*kgo.Record) {
	if len(records) == 0 {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	last := records[len(records)-1]
	if h.high[last.Topic] == nil {
		h.high[last.Topic] = map[int32]kgo.EpochOffset{}
	}
	h.high[last.Topic][last.Partition] = kgo.EpochOffset{Epoch: last.LeaderEpoch, Offset: last.Offset + 1}
}

// waiting is how many records wait.
func (h *held) waiting() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.count
}

var keySeed = maphash.MakeSeed()

// admit takes new records in behind those of their lane that wait. What it returns need not.
func (h *held) admit(records []*kgo.Record, now time.Time) (free []*kgo.Record) {
	if h.lane == nil {
		return records
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, rec := range records {
		of := h.lane(rec)
		l := h.lanes[of.Name]
		if l == nil || rec.Attrs.IsControl() || now.After(l.until) && l.queues[part{rec.Topic, rec.Partition}] == nil {
			free = append(free, rec)
			continue
		}
		h.add(rec, of, time.Time{})
	}
	return free
}

func (h *held) add(rec *kgo.Record, of Lane, due time.Time) {
	l := h.lanes[of.Name]
	if l == nil {
		l = &lane{queues: map[part]*queue{}}
		h.lanes[of.Name] = l
	}
	at := part{rec.Topic, rec.Partition}
	q := l.queues[at]
	if q == nil {
		q = &queue{}
		l.queues[at] = q
	}
	e := entry{rec: rec, offset: rec.Offset, epoch: rec.LeaderEpoch, key: maphash.Bytes(keySeed, rec.Key), due: due, expires: of.Expires}
	h.count++
	if h.bytes += size(rec); h.bytes > maxHeldBytes && len(q.entries) >= hotPerQueue {
		h.bytes -= size(rec)
		e.rec = nil
	}
	if !e.expires.IsZero() && (q.expires.IsZero() || e.expires.Before(q.expires)) {
		q.expires = e.expires
	}
	q.entries = append(q.entries, e)
	if n := len(q.entries); n > 1 && q.entries[n-2].offset > e.offset {
		slices.SortFunc(q.entries, func(a, b entry) int { return cmp.Compare(a.offset, b.offset) })
	}
}

func size(rec *kgo.Record) int { return len(rec.Key) + len(rec.Value) }

// offer hands out what may be tried now, and asks for what has to be fetched first. What has expired is tried in any case. A
// record waits for an earlier one of the same key.
func (h *held) offer(now time.Time) (records []*kgo.Record, recall map[part][]int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, l := range h.lanes {
		open := !now.Before(l.until)
		for at, q := range l.queues {
			expired := !q.expires.IsZero() && !now.Before(q.expires)
			if !open && !expired {
				continue
			}
			if len(records) >= offerAtOnce && h.lane != nil {
				break
			}
			most := len(q.entries)
			if h.lane != nil {
				most = max(offerPerLane/len(l.queues), 4)
			}
			offered, missing := q.offer(now, open, most)
			records = append(records, offered...)
			if len(missing) > 0 {
				if recall == nil {
					recall = map[part][]int64{}
				}
				recall[at] = append(recall[at], missing...)
			}
		}
	}
	slices.SortFunc(records, func(a, b *kgo.Record) int {
		return cmp.Or(cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.Partition, b.Partition), cmp.Compare(a.Offset, b.Offset))
	})
	return records, recall
}

func (q *queue) offer(now time.Time, open bool, most int) (records []*kgo.Record, missing []int64) {
	behind := map[uint64]struct{}{}
	for i := range q.entries {
		e := &q.entries[i]
		if len(records) == most || len(missing) == recallAtOnce {
			break
		}
		if _, blocked := behind[e.key]; blocked {
			continue
		}
		ready := open && !now.Before(e.due) || !e.expires.IsZero() && !now.Before(e.expires)
		switch {
		case !ready:
			behind[e.key] = struct{}{}
		case e.rec == nil:
			missing = append(missing, e.offset)
			behind[e.key] = struct{}{}
		default:
			e.out = true
			q.offered++
			records = append(records, e.rec)
		}
	}
	return records, missing
}

// recalled puts fetched records into their places. What Kafka no longer has is dropped, and counted.
func (h *held) recalled(at part, wanted []int64, found map[int64]*kgo.Record) (gone int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	want := make(map[int64]bool, len(wanted))
	for _, offset := range wanted {
		want[offset] = true
	}
	for _, l := range h.lanes {
		q := l.queues[at]
		if q == nil {
			continue
		}
		kept := q.entries[:0]
		for _, e := range q.entries {
			if e.rec == nil && want[e.offset] {
				if e.rec = found[e.offset]; e.rec == nil {
					gone++
					h.count--
					continue
				}
				h.bytes += size(e.rec)
			}
			kept = append(kept, e)
		}
		q.entries = kept
	}
	return gone
}

// settle takes back what of a batch has to wait; the rest was written.
func (h *held) settle(result Result, now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	deferred := make(map[*kgo.Record]bool, len(result.Deferred))
	for _, rec := range result.Deferred {
		deferred[rec] = true
	}
	for name, l := range h.lanes {
		for at, q := range l.queues {
			h.settleQueue(q, result, deferred, now)
			if len(q.entries) == 0 {
				delete(l.queues, at)
			}
		}
		if len(l.queues) == 0 && now.After(l.until) {
			delete(h.lanes, name)
		}
	}
	for _, rec := range result.Deferred {
		if !deferred[rec] {
			continue // it was in a queue
		}
		if _, ours := h.high[rec.Topic][rec.Partition]; ours {
			h.add(rec, h.laneOf(rec), now.Add(result.waits[rec].pause))
		}
	}
	for rec, w := range result.waits {
		if l := h.lanes[h.laneOf(rec).Name]; w.lane && l != nil && now.Add(w.pause).After(l.until) {
			l.until = now.Add(w.pause)
		}
	}
}

func (h *held) settleQueue(q *queue, result Result, deferred map[*kgo.Record]bool, now time.Time) {
	if q.offered == 0 {
		return
	}
	kept := q.entries[:0]
	q.offered, q.expires = 0, time.Time{}
	for _, e := range q.entries {
		if e.out && !deferred[e.rec] {
			h.count--
			h.bytes -= size(e.rec)
			continue
		}
		if e.out {
			delete(deferred, e.rec)
			e.out, e.due = false, now.Add(result.waits[e.rec].pause)
		}
		if !e.expires.IsZero() && (q.expires.IsZero() || e.expires.Before(q.expires)) {
			q.expires = e.expires
		}
		kept = append(kept, e)
	}
	clear(q.entries[len(kept):])
	q.entries = kept
}

func (h *held) laneOf(rec *kgo.Record) Lane {
	if h.lane == nil {
		return Lane{}
	}
	return h.lane(rec)
}

// offsets is what may be committed.
func (h *held) offsets() map[string]map[int32]kgo.EpochOffset {
	h.mu.Lock()
	defer h.mu.Unlock()
	commit := make(map[string]map[int32]kgo.EpochOffset, len(h.high))
	for topic, parts := range h.high {
		commit[topic] = make(map[int32]kgo.EpochOffset, len(parts))
		for p, offset := range parts {
			commit[topic][p] = offset
		}
	}
	for _, l := range h.lanes {
		for at, q := range l.queues {
			if len(q.entries) > 0 && q.entries[0].offset < commit[at.topic][at.partition].Offset {
				commit[at.topic][at.partition] = kgo.EpochOffset{Epoch: q.entries[0].epoch, Offset: q.entries[0].offset}
			}
		}
	}
	return commit
}

// forget drops partitions that are no longer ours: their next owner reads what waits again.
func (h *held) forget(gone map[string][]int32) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for topic, parts := range gone {
		for _, p := range parts {
			delete(h.high[topic], p)
			for _, l := range h.lanes {
				if q := l.queues[part{topic, p}]; q != nil {
					h.count -= len(q.entries)
					for _, e := range q.entries {
						if e.rec != nil {
							h.bytes -= size(e.rec)
						}
					}
					delete(l.queues, part{topic, p})
				}
			}
		}
	}
}
