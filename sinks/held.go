package sinks

import (
	"sync"

	"github.com/twmb/franz-go/pkg/kgo"
)

// held remembers, for the assigned partitions, how far records were read and which of them were deferred, and so what
// may be committed: everything before the first deferred record.
type held struct {
	mu       sync.Mutex // a rebalance forgets partitions beside the loop
	high     map[string]map[int32]kgo.EpochOffset
	deferred []*kgo.Record
}

func newHeld() *held { return &held{high: map[string]map[int32]kgo.EpochOffset{}} }

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

// waiting is how many records are deferred.
func (h *held) waiting() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.deferred)
}

// take hands the deferred records out; what is not put back was written.
func (h *held) take() []*kgo.Record {
	h.mu.Lock()
	defer h.mu.Unlock()
	records := h.deferred
	h.deferred = nil
	return records
}

// put takes records back, except those of partitions that went away meanwhile.
func (h *held) put(records []*kgo.Record) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, rec := range records {
		if _, ours := h.high[rec.Topic][rec.Partition]; ours {
			h.deferred = append(h.deferred, rec)
		}
	}
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
	for _, rec := range h.deferred {
		if rec.Offset < commit[rec.Topic][rec.Partition].Offset {
			commit[rec.Topic][rec.Partition] = kgo.EpochOffset{Epoch: rec.LeaderEpoch, Offset: rec.Offset}
		}
	}
	return commit
}

// forget drops partitions that are no longer ours: their next owner reads the deferred records again.
func (h *held) forget(gone map[string][]int32) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for topic, parts := range gone {
		for _, p := range parts {
			delete(h.high[topic], p)
		}
	}
	kept := h.deferred[:0]
	for _, rec := range h.deferred {
		if _, ours := h.high[rec.Topic][rec.Partition]; ours {
			kept = append(kept, rec)
		}
	}
	h.deferred = kept
}
