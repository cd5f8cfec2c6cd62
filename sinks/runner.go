package sinks

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

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
	// Trace, when set, makes the spans of records that were written since started, in their traces.
	Trace func(name string, written []*kgo.Record, started time.Time)
	// Drain bounds how long a batch in progress may take after the runner was told to stop. 0: 10 s.
	Drain time.Duration
}

// Pauses between attempts while a store is away.
const (
	firstPause = 100 * time.Millisecond
	lastPause  = 5 * time.Second
)

// idleEvery is how often Definition.Idle is called, and deferredEvery how often deferred records are offered again. quiet is
// how long polls without an error mean that nothing is wrong any more: while the brokers are away the client reports it
// only each time that it has tried again, which is up to 2 s apart.
const (
	idleEvery     = time.Second
	deferredEvery = 200 * time.Millisecond
	quiet         = 5 * time.Second
)

// sessionTimeout is how soon the group notices a member that died; leaveWithin bounds leaving it. A rebalance waits for a
// member that died until its session times out, and whoever joins waits with it: a member that has to go now does not.
const (
	sessionTimeout = 15 * time.Second
	leaveWithin    = 3 * time.Second
)

// Runner runs one definition.
type Runner struct {
	def    Definition
	opts   Options
	client *kgo.Client // of the current session
	held   *held
	// progress: something of the last batch was written.
	progress bool
	deferred error // what the last batch of which something was deferred waits for, when that is worth telling
}

// NewRunner validates the definition.
func NewRunner(def Definition, opts Options) (*Runner, error) {
	switch {
	case def.Name == "" || def.Sink == nil || len(def.In) == 0:
		return nil, fmt.Errorf("sink %q needs a name, an implementation and topics to read", def.Name)
	case def.MaxBatch <= 0 || def.MaxWait <= 0:
		return nil, fmt.Errorf("sink %s needs MaxBatch and MaxWait", def.Name)
	}
	if opts.Drain == 0 {
		opts.Drain = 10 * time.Second
	}
	if opts.Health == nil {
		opts.Health = func(error) {}
	}
	if def.WriteTimeout == 0 {
		def.WriteTimeout = time.Minute
	}
	if opts.Metrics != nil {
		opts.Metrics.expect(def.Name)
	}
	return &Runner{def: def, opts: opts}, nil
}

// Group names the consumer group of a sink.
func Group(name string) string { return "backchannel-" + name }

// consumer is how a sink reads: committed records only, offsets committed by the runner, and no rebalance between poll
// and commit, so that a partition is not written by two owners while both are alive.
func (r *Runner) consumer() []kgo.Opt {
	def := r.def
	topics := make([]string, len(def.In))
	for i, in := range def.In {
		topics[i] = in.Name
	}
	opts := []kgo.Opt{
		kgo.ConsumerGroup(Group(def.Name)),
		kgo.ConsumeTopics(topics...),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.DisableAutoCommit(),
		kgo.SessionTimeout(sessionTimeout),
		kgo.BlockRebalanceOnPoll(),
		kgo.KeepControlRecords(), // so that offsets are committed past a transaction's marker, and lag ends at 0
		kgo.RebalanceTimeout(def.WriteTimeout + 30*time.Second),
	}
	start := def.Start
	if start == nil {
		start = r.missed
	}
	opts = append(opts, kgo.AdjustFetchOffsetsFn(start))
	lost := func(_ context.Context, _ *kgo.Client, gone map[string][]int32) {
		r.held.forget(gone)
		if def.Lost != nil {
			def.Lost(gone)
		}
	}
	return append(opts, kgo.OnPartitionsRevoked(lost), kgo.OnPartitionsLost(lost))
}

// Run consumes until ctx is done; then it finishes the batch in progress, commits it and leaves the group.
func (r *Runner) Run(ctx context.Context) error {
	work, stop := drainable(ctx, r.opts.Drain)
	defer stop()
	for ctx.Err() == nil {
		if err := r.session(ctx, work); err != nil && ctx.Err() == nil {
			r.opts.Health(err)
			r.opts.Log.Warn("sink session ended, starting another", "sink", r.def.Name, "error", err)
			sleep(ctx, firstPause)
		}
	}
	return nil
}

func (r *Runner) session(ctx, work context.Context) (err error) {
	r.held, r.deferred = newHeld(r.def.Lane), nil
	connected, disconnect := context.WithCancel(context.WithoutCancel(ctx))
	defer disconnect()
	r.client, err = kgo.NewClient(slices.Concat(r.consumer(), []kgo.Opt{kgo.WithContext(connected)}, r.opts.Kafka, r.opts.Consumer)...)
	if err != nil {
		return fmt.Errorf("sink %s: make Kafka client: %w", r.def.Name, err)
	}
	defer r.leave(disconnect)
	var idleAt, failedAt time.Time
	var idle error
	for ctx.Err() == nil {
		batch, waiting := r.poll(ctx)
		if len(batch) > 0 {
			if err := r.deliver(work, batch); err != nil {
				return err // stopping, or starting over; either way the batch is read again
			}
		}
		if r.def.Idle != nil && time.Since(idleAt) >= idleEvery {
			idleAt = time.Now()
			if idle = r.def.Idle(work); errors.Is(idle, ErrStartOver) {
				return idle
			}
		}
		if waiting = errors.Join(waiting, idle); waiting != nil {
			failedAt = time.Now()
			r.opts.Health(waiting)
		} else if len(batch) == 0 && time.Since(failedAt) > quiet && (r.deferred == nil || r.held.waiting() == 0) {
			r.opts.Health(nil) // nothing to read shows that what was waited for has passed; deliver tells of a batch
		}
		r.client.AllowRebalance()
	}
	return nil
}

// leave leaves the group, or goes without having left when that takes too long: the group then notices by itself.
func (r *Runner) leave(disconnect context.CancelFunc) {
	ctx, cancel := context.WithTimeout(context.Background(), leaveWithin)
	defer cancel()
	r.client.AllowRebalance()
	_ = r.client.LeaveGroupContext(ctx) // there is nothing to do about it
	disconnect()
	r.client.CloseAllowingRebalance()
}

// poll gathers a batch: what was deferred, then up to MaxBatch records, for up to MaxWait after the first. The error is
// what kept it from reading some partitions.
func (r *Runner) poll(ctx context.Context) (batch []*kgo.Record, failed error) {
	wait := idleEvery
	if r.held.waiting() > 0 {
		wait = deferredEvery
		if r.progress {
			wait = r.def.MaxWait // there may be more where that came from
		}
	}
	if r.held.waiting() >= maxWaiting {
		sleep(ctx, wait)
		return r.offered(ctx)
	}
	for deadline := time.Now().Add(wait); len(batch) < r.def.MaxBatch; {
		until, cancel := context.WithDeadline(ctx, deadline)
		fetches := r.client.PollRecords(until, r.def.MaxBatch-len(batch))
		cancel()
		fetches.EachError(func(topic string, partition int32, err error) {
			if !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, context.Canceled) {
				failed = fmt.Errorf("fetch %s/%d: %w", topic, partition, err)
			}
		})
		first := len(batch) == 0
		fetches.EachPartition(func(p kgo.FetchTopicPartition) {
			r.held.seen(p.Records)
			batch = append(batch, p.Records...)
		})
		if first && len(batch) > 0 {
			deadline = time.Now().Add(r.def.MaxWait)
		}
		if ctx.Err() != nil || !time.Now().Before(deadline) {
			break
		}
	}
	// Taken only now: having polled keeps partitions ours until AllowRebalance, and those that went before are forgotten.
	batch = r.held.admit(batch, time.Now())
	deferred, err := r.offered(ctx)
	return append(deferred, batch...), errors.Join(failed, err)
}

// offered is what waited and may be tried again, as far as it can be fetched.
func (r *Runner) offered(ctx context.Context) ([]*kgo.Record, error) {
	records, missing := r.held.offer(time.Now())
	err := r.recall(ctx, missing)
	r.opts.Metrics.waiting(r.def.Name, r.held.waiting())
	return records, err
}

// deliver writes a batch, trying until it is in, and commits it.
func (r *Runner) deliver(ctx context.Context, batch []*kgo.Record) error {
	started := time.Now()
	if !r.def.Control {
		batch = slices.DeleteFunc(batch, func(rec *kgo.Record) bool { return rec.Attrs.IsControl() })
	}
	var result Result
	if len(batch) > 0 {
		var err error
		if result, err = r.write(ctx, batch); err != nil {
			return err
		}
	}
	if err := r.untilDone(ctx, func() error { return r.deadLetters(ctx, result.Rejected) }); err != nil {
		return err
	}
	r.held.settle(result, time.Now())
	r.progress = len(result.Deferred) < len(batch)
	if err := r.untilDone(ctx, func() error { return r.commit(ctx) }); err != nil {
		return err
	}
	if result.Waiting != nil || len(result.Deferred) < len(batch) { // that all was deferred again shows nothing new
		r.deferred = result.Waiting
		r.opts.Health(result.Waiting)
	}
	if len(batch) > 0 {
		r.opts.Metrics.written(r.def.Name, len(batch), result, time.Since(started))
		if r.opts.Trace != nil {
			// What was deferred comes again, five times a second: its last attempt tells.
			r.opts.Trace(r.def.Name, slices.DeleteFunc(batch, func(rec *kgo.Record) bool { return slices.Contains(result.Deferred, rec) }), started)
		}
	}
	return nil
}

// commit commits what was written. When the group has moved on without us (we were away for longer than the rebalance
// timeout), there is nothing to commit: the partitions' new owners write the batch again, to the same effect.
func (r *Runner) commit(ctx context.Context) error {
	var err error
	r.client.CommitOffsetsSync(ctx, r.held.offsets(), func(_ *kgo.Client, _ *kmsg.OffsetCommitRequest, resp *kmsg.OffsetCommitResponse, failed error) {
		err = commitError(resp, failed)
	})
	for _, moved := range []error{kerr.IllegalGeneration, kerr.UnknownMemberID, kerr.RebalanceInProgress, kerr.FencedInstanceID, kerr.StaleMemberEpoch} {
		if errors.Is(err, moved) {
			r.opts.Log.Info("offsets not committed: the group has rebalanced; the batch will be written again", "sink", r.def.Name)
			return nil
		}
	}
	if err != nil {
		return fmt.Errorf("commit offsets: %w", err)
	}
	return nil
}

func commitError(resp *kmsg.OffsetCommitResponse, err error) error {
	if err != nil || resp == nil {
		return err
	}
	for _, t := range resp.Topics {
		for _, p := range t.Partitions {
			if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
				return err
			}
		}
	}
	return nil
}

// write calls the sink until it succeeds. A batch that is refused for good is halved until the bad record is alone.
func (r *Runner) write(ctx context.Context, batch []*kgo.Record) (Result, error) {
	var result Result
	err := r.untilDone(ctx, func() (err error) {
		bounded, cancel := context.WithTimeout(ctx, r.def.WriteTimeout)
		defer cancel()
		result, err = r.def.Sink.Write(bounded, batch)
		return err
	})
	switch {
	case err == nil:
		return result, nil
	case !IsPermanent(err):
		return Result{}, err
	case len(batch) == 1:
		result = Result{}
		result.Reject(batch[0], schemas.RefusedStore, err.Error())
		return result, nil
	}
	middle := len(batch) / 2
	first, err := r.write(ctx, batch[:middle])
	if err != nil {
		return Result{}, err
	}
	second, err := r.write(ctx, batch[middle:])
	return Result{
		Rejected: append(first.Rejected, second.Rejected...),
		Deferred: append(first.Deferred, second.Deferred...),
		Waiting:  errors.Join(first.Waiting, second.Waiting),
		Happened: append(first.Happened, second.Happened...),
		waits:    merged(first.waits, second.waits),
	}, err
}

func merged(a, b map[*kgo.Record]wait) map[*kgo.Record]wait {
	if a == nil {
		return b
	}
	maps.Copy(a, b)
	return a
}

// untilDone calls f until it succeeds, fails for good, asks to start over, or ctx ends.
func (r *Runner) untilDone(ctx context.Context, f func() error) error {
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		err := f()
		if err == nil || IsPermanent(err) || errors.Is(err, ErrStartOver) {
			return err
		}
		if ctx.Err() != nil {
			return fmt.Errorf("sink %s: stopped while it waited: %w", r.def.Name, err)
		}
		r.opts.Health(err)
		r.opts.Metrics.stalled(r.def.Name)
		sleep(ctx, pause)
	}
}
