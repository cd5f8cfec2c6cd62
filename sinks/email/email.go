// Package email sends deliveries as mail, once each: by SMTP, or into a folder where no mail server is configured.
package email

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-redis/redis_rate/v10"
	"github.com/redis/go-redis/v9"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/schemas"
	"github.com/bigmind/backchannel/sinks"
	"github.com/bigmind/backchannel/sinks/ledger"
)

// Transport sends one mail. A nil error: it is the mail server's now, which replied. ErrRefused: the server refused it for good.
// ErrBusy: the server wants this mail later. ErrUnanswered: the connection was lost when the server may have had it.
// Anything else: the mail server is away, or refuses us whatever we bring.
type Transport interface {
	// Send hands a mail over. The reply is what the server said to it, also beside ErrRefused.
	Send(ctx context.Context, d *schemas.Delivery) (reply string, err error)
}

// What a transport's error may be.
var (
	ErrRefused    = errors.New("the mail server refused the message")
	ErrBusy       = errors.New("the mail server cannot take the message now")
	ErrUnanswered = errors.New("the mail server did not say whether it took the message")
)

// Options of the sink.
type Options struct {
	Redis     redis.UniversalClient
	Transport Transport
	// PerMinute bounds the mails of a minute, of all replicas together. 0: no bound.
	PerMinute int
	// Publish hands an outcome to Kafka and returns when the brokers have it.
	Publish func(ctx context.Context, o schemas.Outcome) error
	Now     func() time.Time
	// Urgent makes it the sink of the lane for what is urgent. Both lanes share the ledger.
	Urgent bool
}

// Sink sends deliveries, one after another.
type Sink struct {
	opts   Options
	ledger *ledger.Ledger
	rate   *redis_rate.Limiter
	busy   map[schemas.DeliveryID]postponed
	full   time.Time // until then the mails of a minute are spent
}

// postponed is a mail that the server wanted later. It is kept in memory: a restart asks the server once more, which is no harm.
type postponed struct {
	until    time.Time
	pause    time.Duration
	attempts int
}

// Pauses before a mail that the server wanted later comes again (greylisting asks for some minutes).
const (
	firstRetry = 30 * time.Second
	lastRetry  = 15 * time.Minute
)

// settle is longer than an attempt can take (attemptTimeout): an entry that was begun so long ago has lost its owner.
const (
	attemptTimeout = 150 * time.Second
	settle         = 3 * time.Minute
)

// Definition is the node of the graph.
func Definition(opts Options) sinks.Definition {
	name, lane := "email", schemas.DeliveriesEmail.Spec
	if opts.Urgent {
		name, lane = "email-urgent", schemas.DeliveriesEmailUrgent.Spec
	}
	return sinks.Definition{
		Name: name, In: []schemas.Spec{lane},
		Sink:     &Sink{opts: opts, ledger: ledger.New(opts.Redis, settle), rate: redis_rate.NewLimiter(opts.Redis), busy: map[schemas.DeliveryID]postponed{}},
		MaxBatch: 64, MaxWait: 10 * time.Millisecond, WriteTimeout: 5 * time.Minute, Lane: laneOf,
	}
}

// Write sends what was not sent before.
func (s *Sink) Write(ctx context.Context, batch []*kgo.Record) (sinks.Result, error) {
	var result sinks.Result
	for _, rec := range batch {
		d, err := schemas.DeliveriesEmail.Decode(rec.Value)
		if err != nil {
			result.Reject(rec, schemas.Malformed, err.Error())
			continue
		}
		again, err := s.deliver(sinks.Traced(ctx, rec), &d)
		if err != nil {
			return result, err
		}
		if again {
			result.DeferFor(rec, s.waitOf(&d))
		}
	}
	return result, nil
}

// waitOf is how long to leave a mail alone that has to wait.
func (s *Sink) waitOf(d *schemas.Delivery) time.Duration {
	now := s.opts.Now()
	return max(s.busy[d.DeliveryID].until.Sub(now), s.full.Sub(now), time.Second)
}

// mayMail spends one of the mails of a minute, which all replicas share.
func (s *Sink) mayMail(ctx context.Context) (bool, error) {
	perMinute := s.opts.PerMinute
	switch now := s.opts.Now(); {
	case perMinute == 0:
		return true, nil
	case now.Before(s.full):
		return false, nil
	}
	res, err := s.rate.Allow(ctx, schemas.BudgetKey("", "mail"), redis_rate.Limit{Rate: perMinute, Burst: max(perMinute/12, 1), Period: time.Minute})
	if err != nil {
		return false, fmt.Errorf("ask for mail budget: %w", err)
	}
	if res.Allowed == 0 {
		s.full = s.opts.Now().Add(res.RetryAfter)
	}
	return res.Allowed > 0, nil
}

// laneOf: what waits, waits with its mail domain.
func laneOf(rec *kgo.Record) sinks.Lane {
	domain, expires := schemas.DeliveryLane(rec.Value)
	return sinks.Lane{Name: domain, Expires: expires}
}

// deliver sends one mail between two ledger entries. again: it has to wait.
func (s *Sink) deliver(ctx context.Context, d *schemas.Delivery) (again bool, err error) {
	now := s.opts.Now()
	if now.Before(s.busy[d.DeliveryID].until) {
		return true, nil
	}
	if o, known := s.ledger.Unwritten(d.DeliveryID); known {
		return false, s.ledger.Conclude(ctx, o, s.opts.Publish)
	}
	entry, err := s.look(ctx, d.DeliveryID)
	if err != nil {
		return false, err
	}
	switch {
	case entry != nil && entry.Done != nil:
		return false, s.opts.Publish(ctx, ledger.Repeated(d, *entry.Done))
	case entry != nil && s.ledger.Wait(entry, now) > 0:
		return true, nil
	case entry != nil && d.OnAmbiguous == schemas.Silence:
		return false, s.conclude(ctx, d, schemas.Failed, schemas.AmbiguousSilenced, "", true)
	case !d.ExpiresAt.IsZero() && !d.ExpiresAt.After(now):
		return false, s.conclude(ctx, d, schemas.Expired, schemas.PastExpiry, "", entry != nil)
	case ctx.Err() != nil:
		return true, ctx.Err()
	}
	if may, err := s.mayMail(ctx); err != nil || !may {
		return true, err
	}
	// Once begun, the attempt is not cancelled with the batch or at shutdown: it would leave the delivery in doubt.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), attemptTimeout)
	defer cancel()
	if ours, err := s.ledger.Begin(ctx, d.DeliveryID, entry, now); err != nil || !ours {
		return true, err
	}
	return s.send(ctx, d, entry)
}

func (s *Sink) send(ctx context.Context, d *schemas.Delivery, earlier *ledger.Entry) (again bool, err error) {
	attempts := s.busy[d.DeliveryID].attempts
	if earlier != nil {
		attempts += earlier.Attempts
	}
	inDoubt := earlier != nil
	reply, err := s.opts.Transport.Send(ctx, d)
	end := func(status schemas.OutcomeStatus, reason schemas.Reason, detail string, ambiguous bool) error {
		o := d.Outcome(schemas.ByEmail, status, reason, detail, s.opts.Now().UTC())
		o.Ambiguous, o.Reply, o.Attempts = ambiguous, reply, attempts+1
		return s.ledger.Conclude(ctx, o, s.opts.Publish)
	}
	if errors.Is(err, ErrBusy) {
		s.postpone(d.DeliveryID)
	} else {
		delete(s.busy, d.DeliveryID)
	}
	switch {
	case err == nil:
		return false, end(schemas.Delivered, "", "", inDoubt)
	case errors.Is(err, ErrRefused):
		return false, end(schemas.Failed, schemas.EmailRefused, err.Error(), inDoubt)
	case errors.Is(err, ErrUnanswered) && d.OnAmbiguous == schemas.Silence:
		return false, end(schemas.Failed, schemas.AmbiguousSilenced, "", true)
	case errors.Is(err, ErrUnanswered):
		return true, s.ledger.Doubt(ctx, d.DeliveryID, attempts+1, s.opts.Now())
	case inDoubt: // still, about the earlier attempt
		return true, s.ledger.Doubt(ctx, d.DeliveryID, attempts, s.opts.Now())
	case errors.Is(err, ErrBusy): // one recipient's greylisting holds up nobody else
		return true, s.ledger.Release(ctx, d.DeliveryID)
	}
	return false, errors.Join(err, s.ledger.Release(ctx, d.DeliveryID))
}

func (s *Sink) postpone(id schemas.DeliveryID) {
	before := s.busy[id]
	pause := min(max(2*before.pause, firstRetry), lastRetry)
	s.busy[id] = postponed{until: s.opts.Now().Add(pause), pause: pause, attempts: before.attempts + 1}
}

// look reads the ledger, which can be trusted only while the views are complete: they rebuild it.
func (s *Sink) look(ctx context.Context, id schemas.DeliveryID) (*ledger.Entry, error) {
	pipe := s.opts.Redis.Pipeline()
	entry := pipe.Get(ctx, schemas.LedgerKey(id))
	complete := pipe.Get(ctx, schemas.ViewsCompleteKey)
	if _, err := pipe.Exec(ctx); err != nil && !errors.Is(err, redis.Nil) {
		return nil, fmt.Errorf("read the ledger: %w", err)
	}
	if complete.Val() != "1" {
		return nil, errors.New("the Redis views are not complete yet: the ledger may be missing mails that were sent")
	}
	return ledger.Parse(entry.Val())
}

func (s *Sink) conclude(ctx context.Context, d *schemas.Delivery, status schemas.OutcomeStatus, reason schemas.Reason, detail string, ambiguous bool) error {
	o := d.Outcome(schemas.ByEmail, status, reason, detail, s.opts.Now().UTC())
	o.Ambiguous = ambiguous
	return s.ledger.Conclude(ctx, o, s.opts.Publish)
}
