package sinks

import (
	"context"
	"errors"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/schemas"
)

// Sink writes batches of records to a store.
//
// Write is idempotent for the same records and is called by one goroutine at a time. Outcomes:
//   - a nil error: everything but the rejected records is safe in the store;
//   - Permanent(err): the store refuses this batch and would again; the runner bisects it;
//   - ErrStartOver: the records were not written, and consumption must start again from where Definition.Start says;
//   - any other error: not now; the same batch comes again after a pause.
type Sink interface {
	Write(ctx context.Context, batch []*kgo.Record) (Result, error)
}

// Result lists the records of a batch that can never succeed, and those that have to wait. Everything else was written.
type Result struct {
	Rejected []Rejection
	// Deferred records come again with a later batch, ahead of newer records. Offsets are committed only up to the first
	// of them, and others go on meanwhile: one workspace that Slack told to wait does not hold up the rest.
	Deferred []*kgo.Record
	// Waiting says what the deferred records wait for, when that is worth telling.
	Waiting error

	// Happened is when what was written came about in the world, where that says how fresh the store is. The runner measures.
	Happened []Happening

	waits map[*kgo.Record]wait
}

// Happening is when something came about, and how we learned of it.
type Happening struct {
	At  time.Time
	How Arrival
}

// Arrival is how we learned of something.
type Arrival string

// The ways. Of what polling brought, whether it is a repair or the past from before the sync is known in ClickHouse alone: the view freshness says so.
const (
	Live   Arrival = "live"   // by an event, within LateAfter
	Late   Arrival = "late"   // by an event that came later
	Polled Arrival = "polled" // in the channel's history
)

// LateAfter is when an event is late: Slack's second retry comes after a minute ('Events API', retries). The view freshness has the same bound.
const LateAfter = time.Minute

type wait struct {
	pause time.Duration
	lane  bool
}

// Lane is who a record waits with: a workspace, a mail domain. What waits in one lane delays no other. A record that has
// expired comes again at once, whatever its lane waits for, so that it can be said.
type Lane struct {
	Name    string
	Expires time.Time // zero: never
}

// Rejection is a record that becomes a dead letter. The detail is for a person and holds no content.
type Rejection struct {
	Record *kgo.Record
	Reason schemas.Reason
	Detail string
}

// Reject adds a rejection.
func (r *Result) Reject(rec *kgo.Record, reason schemas.Reason, detail string) {
	r.Rejected = append(r.Rejected, Rejection{Record: rec, Reason: reason, Detail: detail})
}

// Defer puts a record off until the next batch.
func (r *Result) Defer(rec *kgo.Record) { r.Deferred = append(r.Deferred, rec) }

// DeferFor puts a record off for a while.
func (r *Result) DeferFor(rec *kgo.Record, pause time.Duration) { r.put(rec, wait{pause: pause}) }

// DeferLane puts a record off together with everything in its lane.
func (r *Result) DeferLane(rec *kgo.Record, pause time.Duration) {
	r.put(rec, wait{pause: pause, lane: true})
}

func (r *Result) put(rec *kgo.Record, w wait) {
	if r.waits == nil {
		r.waits = map[*kgo.Record]wait{}
	}
	r.waits[rec] = w
	r.Defer(rec)
}

// Permanent marks an error as one that the same batch would meet again.
func Permanent(err error) error { return permanentError{err} }

type permanentError struct{ error }

func (e permanentError) Unwrap() error { return e.error }

// IsPermanent reports whether err was marked by Permanent.
func IsPermanent(err error) bool {
	_, ok := errors.AsType[permanentError](err)
	return ok
}

// ErrStartOver means that the store is not where consumption is, since it was lost or restored. The runner drops the
// batch and joins the group anew, so that Definition.Start decides again where to read from.
var ErrStartOver = errors.New("the store is behind what was consumed: starting over")

// Definition is one node of the graph: a named sink with the topics it reads.
type Definition struct {
	Name string
	In   []schemas.Spec
	Sink Sink
	// MaxBatch and MaxWait bound a batch: it is written when it has so many records, or when its first has waited so long.
	MaxBatch int
	MaxWait  time.Duration
	// Start, when set, is asked at every assignment where to start instead of at the committed offsets.
	Start func(ctx context.Context, assigned map[string]map[int32]kgo.Offset) (map[string]map[int32]kgo.Offset, error)
	// Lost, when set, is told of partitions that are no longer ours.
	Lost func(gone map[string][]int32)
	// Idle, when set, is called about once a second, batch or no batch; it may return ErrStartOver.
	Idle func(ctx context.Context) error
	// Lane, when set, says who a record waits with when it is deferred. It is called for every record and reads little of it.
	Lane func(*kgo.Record) Lane
	// Control asks for Kafka's transaction markers too (Attrs.IsControl): a sink that counts how far it has come needs them.
	Control bool
	// WriteTimeout bounds one Write; the group's rebalance timeout follows it. 0: a minute.
	WriteTimeout time.Duration
}
