package kafka

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// tidier enforces retention and compacts, in place of kfake's cleaner, which
//
//   - does not run after a restart until a topic is created or altered;
//   - takes the records of an open transaction for final, so that an abort afterwards loses the value they superseded;
//   - forgets the marker of an aborted transaction, see purge.go;
//   - deletes a partition's files before it writes the compacted ones, so that death in between loses the partition.
//
// The first is met by asking on a ticker. The others by working while the broker does nothing else: a kfake control function runs
// between two requests, and the next request waits for it.
type tidier struct {
	cluster *kfake.Cluster
	dir     string
	log     *slog.Logger
	every   time.Duration
	after   int64

	mu        sync.Mutex
	stopped   bool
	asked     bool  // a control function waits for the next request
	trimmed   bool  // retention was enforced since it was asked
	compacted int64 // end offsets of the compacted topics, summed, when they were last compacted
	runs      int   // compactions, for tests
}

func newTidier(cluster *kfake.Cluster, dir string, o Options) *tidier {
	t := &tidier{cluster: cluster, dir: dir, log: o.Log, every: o.TidyEvery, after: o.CompactAfter}
	if t.every <= 0 {
		t.every = 30 * time.Second
	}
	if t.after <= 0 {
		t.after = 1000
	}
	return t
}

// run asks for a pass every t.every until ctx ends.
func (t *tidier) run(ctx context.Context) {
	ticker := time.NewTicker(t.every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			t.ask()
		}
	}
}

// ask has the next request, of any kind, preceded by a pass. Without requests nothing has changed.
func (t *tidier) ask() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.asked || t.stopped {
		return
	}
	t.asked, t.trimmed = true, false
	t.cluster.Control(t.control)
}

// control runs while the cluster handles no request. It never answers the request itself, and stays until its pass is done.
func (t *tidier) control(kmsg.Request) (kmsg.Response, error, bool) { //nolint:revive // kfake's signature
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.stopped || t.pass() {
		t.asked = false
		t.cluster.DropControl()
	}
	return nil, nil, false
}

// stop returns when no pass runs and none will: a closed cluster answers nothing.
func (t *tidier) stop() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.stopped = true
}

// pass enforces retention and compacts if due. It returns false to be called before the next request again: some
// transaction on a compacted topic is open.
func (t *tidier) pass() bool {
	topics, err := readTopics(t.dir)
	if err != nil {
		t.log.Error("embedded Kafka: retention and compaction wait", "error", err)
		return true
	}
	if !t.trimmed {
		t.trim(topics)
		t.trimmed = true
	}
	ends, open := t.compactable(topics)
	t.compacted = min(t.compacted, ends) // a topic was deleted
	switch {
	case ends-t.compacted < t.after && (ends == t.compacted || !slices.ContainsFunc(topics, topic.hasty)):
		return true
	case open:
		return false
	}
	t.compacted = ends
	switch ran, err := t.compact(topics); {
	case err != nil:
		t.log.Error("embedded Kafka: compaction failed", "error", err)
	case ran:
		t.runs++
	}
	return true
}

// trim enforces retention, having noted where each partition ends: see watermarks.go.
func (t *tidier) trim(topics []topic) {
	marks := watermarks{}
	for _, topic := range topics {
		for _, p := range t.cluster.PartitionInfos(topic.Name) {
			marks.note(topic, p.Partition, p.HighWatermark)
		}
	}
	if err := marks.write(t.dir); err != nil {
		t.log.Error("embedded Kafka: retention waits", "error", err)
		return
	}
	t.cluster.ApplyRetention()
}

// compactable sums the end offsets of the compacted topics and says whether a transaction is open on one of them.
func (t *tidier) compactable(topics []topic) (ends int64, open bool) {
	for _, topic := range topics {
		if !topic.compacted() {
			continue
		}
		for _, p := range t.cluster.PartitionInfos(topic.Name) {
			ends += p.HighWatermark
			open = open || p.LastStableOffset < p.HighWatermark
		}
	}
	return ends, open
}

// hasty: what it holds is to be compacted at once. With Apache Kafka a segment that is older than segment.ms is closed, and can be compacted then.
func (t topic) hasty() bool { return t.compacted() && t.Configs["segment.ms"] == "1" }

func (t topic) compacted() bool { return strings.Contains(t.Configs["cleanup.policy"], "compact") }
