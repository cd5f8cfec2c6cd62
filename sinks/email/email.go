// Package email sends deliveries as mail, once each: by SMTP, or into a folder where no mail server is configured.
package email

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/schemas"
	"github.com/bigmind/backchannel/sinks"
	"github.com/bigmind/backchannel/sinks/ledger"
)

// Transport sends one mail. A nil error: it is the mail server's now. ErrRefused: the server refused it for good.
// ErrUnanswered: the connection was lost when the server may have had it. Anything else: not now.
type Transport interface {
	Send(ctx context.Context, d *schemas.Delivery) error
}

// What a transport's error may be.
var (
	ErrRefused    = errors.New("the mail server refused the message")
	ErrUnanswered = errors.New("the mail server did not say whether it took the message")
)

// Options of the sink.
type Options struct {
	Redis     redis.UniversalClient
	Transport Transport
	// Publish hands an outcome to Kafka and returns when the brokers have it.
	Publish func(ctx context.Context, o schemas.Outcome) error
	Now     func() time.Time
}

// Sink sends deliveries, one after another.
type Sink struct {
	opts   Options
	ledger ledger.Ledger
}

// Definition is the node of the graph.
func Definition(opts Options) sinks.Definition {
	return sinks.Definition{
		Name: "email", In: []schemas.Spec{schemas.DeliveriesEmail.Spec},
		Sink:     &Sink{opts: opts, ledger: ledger.Ledger{Redis: opts.Redis}},
		MaxBatch: 64, MaxWait: 10 * time.Millisecond, WriteTimeout: 5 * time.Minute,
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
		again, err := s.deliver(ctx, &d)
		if err != nil {
			return result, err
		}
		if again {
			result.Defer(rec)
		}
	}
	return result, nil
}

// deliver sends one mail between two ledger entries. again: it has to wait.
func (s *Sink) deliver(ctx context.Context, d *schemas.Delivery) (again bool, err error) {
	entry, err := s.look(ctx, d.DeliveryID)
	if err != nil {
		return false, err
	}
	now := s.opts.Now()
	switch {
	case entry != nil && entry.Done != nil:
		return false, s.opts.Publish(ctx, ledger.Repeated(d, *entry.Done))
	case entry != nil && !entry.Ambiguous && now.Sub(entry.BegunAt) < ledger.Settle:
		return true, nil
	case entry != nil && d.OnAmbiguous == schemas.Silence:
		return false, s.conclude(ctx, d, schemas.Failed, schemas.AmbiguousSilenced, "", true)
	case !d.ExpiresAt.IsZero() && !d.ExpiresAt.After(now):
		return false, s.conclude(ctx, d, schemas.Expired, schemas.PastExpiry, "", entry != nil)
	}
	if entry != nil {
		if err := s.ledger.Set(ctx, d.DeliveryID, schemas.LedgerEntry{BegunAt: now, Ambiguous: true}); err != nil {
			return false, err
		}
	} else if ours, err := s.ledger.Begin(ctx, d.DeliveryID, now); err != nil || !ours {
		return true, err
	}
	return s.send(ctx, d, entry != nil)
}

func (s *Sink) send(ctx context.Context, d *schemas.Delivery, inDoubt bool) (again bool, err error) {
	err = s.opts.Transport.Send(ctx, d)
	switch {
	case err == nil:
		return false, s.conclude(ctx, d, schemas.Delivered, "", "", inDoubt)
	case errors.Is(err, ErrRefused):
		return false, s.conclude(ctx, d, schemas.Failed, schemas.EmailRefused, err.Error(), inDoubt)
	case errors.Is(err, ErrUnanswered) && d.OnAmbiguous == schemas.Silence:
		return false, s.conclude(ctx, d, schemas.Failed, schemas.AmbiguousSilenced, "", true)
	case errors.Is(err, ErrUnanswered) || inDoubt:
		return true, s.ledger.Set(ctx, d.DeliveryID, schemas.LedgerEntry{BegunAt: s.opts.Now(), Ambiguous: true})
	}
	return false, errors.Join(err, s.ledger.Release(ctx, d.DeliveryID))
}

// look reads the ledger, which can be trusted only while the views are complete: they rebuild it.
func (s *Sink) look(ctx context.Context, id schemas.DeliveryID) (*schemas.LedgerEntry, error) {
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
	return s.ledger.Conclude(ctx, schemas.Outcome{
		OrgID: d.OrgID, RequestID: d.RequestID, DeliveryID: d.DeliveryID, Type: d.Type, Recipient: d.Recipient,
		Channel: schemas.ByEmail, Status: status, Reason: reason, Detail: detail, Ambiguous: ambiguous, At: s.opts.Now().UTC(),
	}, s.opts.Publish)
}
