package views

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/schemas"
	"github.com/bigmind/backchannel/sinks"
)

// Sink applies control topics to Redis.
type Sink struct {
	redis redis.UniversalClient
	admin *kadm.Client
	log   *slog.Logger

	mu       sync.Mutex // assignment runs beside writing
	assigned map[string]*partition
	total    int // partitions of all view topics
	epoch    string
}

// Definition is the node of the graph. admin asks the brokers where topics begin and end.
func Definition(rdb redis.UniversalClient, admin *kadm.Client, log *slog.Logger) sinks.Definition {
	s := &Sink{redis: rdb, admin: admin, log: log, assigned: map[string]*partition{}}
	return sinks.Definition{
		Name: "views", In: schemas.ViewTopics(), Sink: s,
		MaxBatch: 2000, MaxWait: 20 * time.Millisecond,
		Start: s.start, Lost: s.lost, Idle: s.idle, Control: true,
	}
}

func fieldOf(topic string, p int32) string { return topic + "/" + strconv.Itoa(int(p)) }

// start decides where to read assigned partitions from: where Redis says that it is, else from the beginning.
func (s *Sink) start(ctx context.Context, assigned map[string]map[int32]kgo.Offset) (map[string]map[int32]kgo.Offset, error) {
	const first = 100 * time.Millisecond
	for pause := first; ; pause = min(2*pause, 5*time.Second) {
		offsets, err := s.tryStart(ctx, assigned)
		if err == nil {
			return offsets, nil
		}
		if pause == first { // once, and not for each attempt
			s.log.Warn("views: cannot tell yet where to start; it goes on when Redis answers", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("views: find where to start: %w", err)
		case <-time.After(pause):
		}
	}
}

func (s *Sink) tryStart(ctx context.Context, assigned map[string]map[int32]kgo.Offset) (map[string]map[int32]kgo.Offset, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	names := make([]string, 0, len(schemas.ViewTopics()))
	for _, t := range schemas.ViewTopics() {
		names = append(names, t.Name)
	}
	epoch, err := currentEpoch(ctx, s.redis) // before the offsets: should Redis be lost in between, the first commit notices
	if err != nil {
		return nil, err
	}
	topics, err1 := s.admin.ListTopics(ctx, names...)
	begin, err2 := s.admin.ListStartOffsets(ctx, names...)
	end, err3 := s.admin.ListCommittedOffsets(ctx, names...)
	stored, err4 := s.redis.HGetAll(ctx, schemas.ViewsOffsetsKey).Result()
	if err := errors.Join(err1, err2, err3, err4, topics.Error(), begin.Error(), end.Error()); err != nil {
		return nil, err
	}
	s.epoch, s.total = epoch, 0
	for _, t := range topics {
		s.total += len(t.Partitions)
	}
	offsets := make(map[string]map[int32]kgo.Offset, len(assigned))
	fresh := make(map[string]*partition)
	for topic, parts := range assigned {
		offsets[topic] = make(map[int32]kgo.Offset, len(parts))
		for p := range parts {
			first, _ := begin.Lookup(topic, p)
			last, _ := end.Lookup(topic, p)
			part := &partition{field: fieldOf(topic, p), topicID: topics[topic].ID.String(), next: first.Offset, target: last.Offset}
			was := stored[part.field]
			if was != "" && (!part.resume(was) || part.next > last.Offset) {
				s.log.Warn("views: a control topic was made anew; removing all views to rebuild them", "topic", topic)
				return nil, errors.Join(purge(ctx, s.redis), errors.New("views were removed, starting again"))
			}
			if was == "" && topic == schemas.NotificationHeld.Name {
				if err := forgetHeld(ctx, s.redis, p); err != nil {
					return nil, err
				}
			}
			part.next = max(part.next, first.Offset)
			fresh[part.field] = part
			offsets[topic][p] = kgo.NewOffset().At(part.next)
		}
	}
	maps.Copy(s.assigned, fresh)
	return offsets, nil
}

// lost forgets partitions that somebody else writes from now on.
func (s *Sink) lost(gone map[string][]int32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for topic, parts := range gone {
		for _, p := range parts {
			delete(s.assigned, fieldOf(topic, p))
		}
	}
}

// Write applies a batch: verify, write the data, advance the state.
func (s *Sink) Write(ctx context.Context, batch []*kgo.Record) (sinks.Result, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var result sinks.Result
	moved, err := s.positions(batch)
	if err != nil {
		return result, err
	}
	if err := verify(ctx, s.redis, s.epoch, slices.Collect(maps.Keys(moved))); err != nil {
		return result, err
	}
	owner, err := loadOwners(ctx, s.redis, batch)
	if err != nil {
		return result, err
	}
	w := newWrites(owner)
	for _, rec := range batch {
		if rec.Attrs.IsControl() {
			w.passed(rec)
			continue
		}
		if err := w.apply(rec); err != nil {
			result.Reject(rec, schemas.Malformed, err.Error())
		}
	}
	if err := w.run(ctx, s.redis); err != nil {
		return result, err
	}
	return result, commit(ctx, s.redis, s.epoch, s.total, moved)
}

func (s *Sink) positions(batch []*kgo.Record) (map[*partition]int64, error) {
	moved := make(map[*partition]int64)
	for _, rec := range batch {
		p := s.assigned[fieldOf(rec.Topic, rec.Partition)]
		if p == nil {
			return nil, sinks.ErrStartOver // revoked between poll and write: its new owner applies it
		}
		moved[p] = max(moved[p], rec.Offset+1)
	}
	return moved, nil
}

// idle notices a Redis that was lost while nothing was written, and partitions that had nothing to catch up with.
func (s *Sink) idle(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := verify(ctx, s.redis, s.epoch, slices.Collect(maps.Values(s.assigned))); err != nil {
		return err
	}
	waiting := make(map[*partition]int64)
	for _, p := range s.assigned {
		if !p.ready && p.next >= p.target {
			waiting[p] = p.next
		}
	}
	return commit(ctx, s.redis, s.epoch, s.total, waiting)
}
