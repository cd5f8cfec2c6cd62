package processors

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/schemas"
)

// Health is told what a component waits for, and with nil that it works. The composition root decides who hears of it.
type Health func(waiting error)

// Options of a runner. Kafka holds what every client of the process shares: seed brokers, TLS, SASL, hooks that many can have. Consumer is of the client that
// consumes alone: its id, and hooks that only one client at a time can have, as those that register metrics.
type Options struct {
	Kafka, Consumer []kgo.Opt
	Metrics         *Metrics
	Health          Health
	Log             *slog.Logger
	// Missed, when set, tells how many records retention has deleted of partitions that were just assigned, from what was committed on.
	Missed func(ctx context.Context, assigned map[string]map[int32]kgo.Offset) (records int64)
	// Trace, when set, begins the spans of a batch that was processed since started.
	Trace func(name string, batch []*kgo.Record, started time.Time) Spans
	// MaxBatch bounds the records of one transaction. More save transactions, fewer save memory. 0: 5,000.
	MaxBatch int
	// Drain bounds how long a batch in progress may take after the runner was told to stop. 0: 10 s.
	Drain time.Duration
}

// Pauses between attempts while something that a batch needs is away.
const (
	firstPause = 100 * time.Millisecond
	lastPause  = 5 * time.Second
)

// idleEvery is how long a poll waits for records, and quiet how long polls without an error mean that nothing is wrong any
// more. While the brokers are away the client reports it only each time that it has tried again, which is up to 2 s apart.
const (
	idleEvery = time.Second
	quiet     = 5 * time.Second
)

// transactionTimeout bounds how long readers wait for a transaction whose owner was killed. A batch takes far less, and
// one that does not is aborted and processed again.
const transactionTimeout = 15 * time.Second

// sessionTimeout is how soon the group notices a member that died; leaveWithin bounds leaving it. A rebalance waits for a
// member that died until its session times out, and whoever joins waits with it: a member that has to go now does not.
const (
	sessionTimeout = 15 * time.Second
	leaveWithin    = 3 * time.Second
)

// Runner runs one definition.
type Runner struct {
	def   Definition
	opts  Options
	owned *ownership // by the current session; used with a Ticker only
	// overdue is what the last tick waits for. Until the next one, records that are processed and polls without an error show nothing of that.
	overdue error
}

// NewRunner validates the definition.
func NewRunner(def Definition, opts Options) (*Runner, error) {
	if err := def.Validate(); err != nil {
		return nil, err
	}
	if opts.MaxBatch == 0 {
		opts.MaxBatch = 5000
	}
	if opts.Drain == 0 {
		opts.Drain = 10 * time.Second
	}
	if opts.Health == nil {
		opts.Health = func(error) {}
	}
	if opts.Metrics != nil {
		opts.Metrics.expect(def.Name)
	}
	return &Runner{def: def, opts: opts}, nil
}

// Group names the consumer group of a processor.
func Group(name string) string { return "backchannel-" + name }

// Run consumes until ctx is done; then it finishes the batch in progress and leaves the group. A fatal error of the
// transactional producer (it was fenced, or its epoch is gone) ends a session, not the run: the next session starts at
// the committed offsets.
func (r *Runner) Run(ctx context.Context) error {
	work, stop := drainable(ctx, r.opts.Drain)
	defer stop()
	for pause := firstPause; ctx.Err() == nil; pause = min(2*pause, lastPause) {
		started := time.Now()
		err := r.session(ctx, work)
		if ctx.Err() != nil {
			return nil
		}
		r.opts.Health(err)
		r.opts.Log.Warn("processor session ended, starting another", "processor", r.def.Name, "error", err)
		if time.Since(started) > time.Minute {
			pause = firstPause
		}
		sleep(ctx, pause)
	}
	return nil
}

func (r *Runner) session(ctx, work context.Context) error {
	topics := make([]string, len(r.def.In))
	for i, in := range r.def.In {
		topics[i] = in.Name
	}
	connected, disconnect := context.WithCancel(context.WithoutCancel(ctx))
	defer disconnect()
	r.owned = newOwnership()
	balancer := kgo.CooperativeStickyBalancer()
	if r.def.Repartition != nil {
		balancer = newCopartition(r.def.Repartition)
	}
	sess, err := kgo.NewGroupTransactSession(append([]kgo.Opt{
		kgo.Balancers(balancer),
		kgo.RecordPartitioner(NewPartitioner()),
		kgo.AdjustFetchOffsetsFn(r.assigned),
		kgo.OnPartitionsRevoked(r.owned.lost),
		kgo.OnPartitionsLost(r.owned.lost),
		kgo.WithContext(connected),
		kgo.SessionTimeout(sessionTimeout),
		kgo.ConsumerGroup(Group(r.def.Name)),
		kgo.ConsumeTopics(topics...),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.KeepControlRecords(), // so that offsets are committed past a transaction's marker, and lag ends at 0
		kgo.TransactionalID(Group(r.def.Name) + "-" + uuid.NewString()),
		kgo.TransactionTimeout(transactionTimeout),
		kgo.ManualFlushing(), // a transaction is sent when its batch is done, in as few requests as it takes
		kgo.MaxBufferedRecords(math.MaxInt32),
	}, slices.Concat(r.opts.Kafka, r.opts.Consumer)...)...)
	if err != nil {
		return fmt.Errorf("processor %s: open Kafka session: %w", r.def.Name, err)
	}
	defer leave(sess, disconnect)
	var failedAt, tickedAt time.Time
	for {
		if r.def.Ticker != nil && time.Since(tickedAt) >= tickEvery {
			tickedAt = time.Now()
			if err := r.tick(work, sess); err != nil {
				return err
			}
		}
		batch, waiting := r.poll(ctx, sess)
		if ctx.Err() != nil {
			return nil
		}
		if errors.Is(waiting, kgo.ErrClientClosed) {
			return waiting
		}
		if waiting = errors.Join(waiting, r.overdue); waiting != nil {
			failedAt = time.Now()
			r.opts.Health(waiting)
		}
		if len(batch) == 0 && time.Since(failedAt) > quiet {
			r.opts.Health(nil) // nothing to read shows that what was waited for has passed
		}
		if len(batch) == 0 {
			continue
		}
		if err := r.transact(work, sess, batch); err != nil {
			return err
		}
	}
}

// assigned takes partitions over, and counts what retention has deleted of what was not committed while nobody held them.
func (r *Runner) assigned(ctx context.Context, offsets map[string]map[int32]kgo.Offset) (map[string]map[int32]kgo.Offset, error) {
	if err := r.succeed(ctx, offsets); err != nil {
		return nil, err
	}
	if r.opts.Missed != nil {
		r.opts.Metrics.missed(r.def.Name, r.opts.Missed(ctx, offsets))
	}
	r.owned.assign(offsets)
	return offsets, nil
}

// leave leaves the group, or goes without having left when that takes too long: the group then notices by itself.
func leave(sess *kgo.GroupTransactSession, disconnect context.CancelFunc) {
	ctx, cancel := context.WithTimeout(context.Background(), leaveWithin)
	defer cancel()
	_ = sess.Client().LeaveGroupContext(ctx) // there is nothing to do about it
	disconnect()
	sess.Close()
}

// poll reads a batch, or nothing when there is none for a while. The error is what kept it from reading some partitions.
func (r *Runner) poll(ctx context.Context, sess *kgo.GroupTransactSession) (batch []*kgo.Record, failed error) {
	until, cancel := context.WithTimeout(ctx, idleEvery)
	defer cancel()
	fetches := sess.PollRecords(until, r.opts.MaxBatch)
	fetches.EachError(func(topic string, partition int32, err error) {
		if !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, context.Canceled) {
			failed = fmt.Errorf("fetch %s/%d: %w", topic, partition, err)
		}
	})
	return fetches.Records(), failed
}

// transact takes one batch through: process, produce, commit. Of transaction markers alone it commits that they were read.
//
// When a rebalance takes a partition away while we process, End aborts instead of committing, and the batch is read
// again by the partition's next owner (maybe us): so no record is emitted by two owners.
func (r *Runner) transact(ctx context.Context, sess *kgo.GroupTransactSession, batch []*kgo.Record) error {
	started := time.Now()
	batch = slices.DeleteFunc(batch, func(rec *kgo.Record) bool { return rec.Attrs.IsControl() })
	result := &Result{}
	if len(batch) > 0 {
		if r.def.Repartition != nil {
			r.def.Repartition.learn(sess.Client())
		}
		var err error
		if result, err = r.process(ctx, batch); err != nil {
			return err
		}
	}
	out := slices.Clone(result.emitted)
	for i, f := range result.fates {
		if f.Rejected != "" {
			out = append(out, deadLetter(r.def.Name, batch[i], f))
		}
	}
	spans := r.trace(batch, result, started)
	committed, err := r.produce(ctx, sess, out, nil)
	spans.End(err == nil && committed)
	if err == nil && committed {
		r.opts.Metrics.committed(r.def.Name, result, time.Since(started))
	}
	if err == nil { // each record was acknowledged or has failed
		result.release()
	}
	return err
}

// produce puts records and the offsets that were read into one transaction. ended, when there is one, tells after it was
// produced what the records end (tick.go). A rebalance makes it abort, which is no error.
func (r *Runner) produce(ctx context.Context, sess *kgo.GroupTransactSession, records []*kgo.Record, ended func() map[string]map[int32]int64) (committed bool, err error) {
	if err := sess.Begin(); err != nil {
		return false, fmt.Errorf("processor %s: begin transaction: %w", r.def.Name, err)
	}
	promise := kgo.AbortingFirstErrPromise(sess.Client())
	for _, rec := range records {
		sess.Produce(ctx, rec, promise.Promise())
	}
	_ = sess.Client().Flush(ctx) // what it could not send, the promises know
	produceErr := promise.Err()
	var after map[string]map[int32]int64
	if ended != nil {
		after = ended()
	}
	committed, err = sess.End(r.owned.committing(ctx, after), produceErr == nil)
	switch {
	case err != nil:
		return false, fmt.Errorf("processor %s: end transaction: %w", r.def.Name, err)
	case produceErr != nil:
		return false, fmt.Errorf("processor %s: produce: %w", r.def.Name, produceErr)
	case !committed:
		r.opts.Metrics.aborted(r.def.Name)
		return false, nil
	}
	r.owned.raise(after)
	r.opts.Health(r.overdue)
	return true, nil
}

// process calls the processor until it can, pausing in between. Only ctx ends it early.
func (r *Runner) process(ctx context.Context, batch []*kgo.Record) (*Result, error) {
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		result, err := r.def.Processor.Process(ctx, batch)
		if err == nil {
			err = result.check(r.def, batch)
			if err == nil {
				return result, nil
			}
		}
		if ctx.Err() != nil {
			return nil, fmt.Errorf("processor %s: stopped while it waited: %w", r.def.Name, err)
		}
		r.opts.Health(err)
		r.opts.Metrics.stalled(r.def.Name)
		sleep(ctx, pause)
	}
}

// Emit makes an output record of a topic from an already encoded value.
func Emit(to schemas.Spec, key schemas.Key, value []byte) *kgo.Record {
	return &kgo.Record{Topic: to.Name, Key: []byte(key), Value: value}
}

// drainable returns a context that outlives ctx by at most d.
func drainable(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	work, cancel := context.WithCancel(context.WithoutCancel(ctx))
	unhook := context.AfterFunc(ctx, func() {
		timer := time.AfterFunc(d, cancel)
		context.AfterFunc(work, func() { timer.Stop() })
	})
	return work, func() { unhook(); cancel() }
}

func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
