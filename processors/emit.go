package processors

import (
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/schemas"
)

// DeliveryTopic is where a delivery goes to reach its sink: the lane of its priority.
func DeliveryTopic(by schemas.DeliveryChannel, priority schemas.Priority) schemas.Spec {
	switch {
	case by == schemas.BySlack && priority == schemas.Urgent:
		return schemas.DeliveriesSlackUrgent.Spec
	case by == schemas.ByEmail && priority == schemas.Urgent:
		return schemas.DeliveriesEmailUrgent.Spec
	case by == schemas.ByEmail:
		return schemas.DeliveriesEmail.Spec
	}
	return schemas.DeliveriesSlack.Spec
}

// EmitDelivery makes the record that hands a delivery to its sink.
func EmitDelivery(by schemas.DeliveryChannel, d *schemas.Delivery) *kgo.Record {
	return Emit(DeliveryTopic(by, d.Priority), schemas.OrgKey(d.OrgID, d.Recipient.KeyPart()), d.AppendJSON(nil))
}

// Slab makes the records of a batch out of few allocations, each small enough to be in the processor's cache when it is written.
type Slab struct {
	records []kgo.Record
	buf     []byte
}

const (
	slabRecords = 256
	slabBytes   = 128 << 10
	slabSpare   = 4 << 10 // what a record may take: one that takes more is copied
)

// Emit is Emit for a value that can append itself.
func (s *Slab) Emit(topic string, key schemas.Key, value interface{ AppendJSON(buf []byte) []byte }) *kgo.Record {
	rec := s.Copy(topic, key, nil)
	from := len(s.buf)
	s.buf = value.AppendJSON(s.buf)
	rec.Value = s.buf[from:len(s.buf):len(s.buf)]
	return rec
}

// Copy makes a record of a value that is there already.
func (s *Slab) Copy(topic string, key schemas.Key, value []byte) *kgo.Record {
	if len(s.records) == cap(s.records) {
		s.records = make([]kgo.Record, 0, slabRecords)
	}
	if cap(s.buf)-len(s.buf) < slabSpare {
		s.buf = make([]byte, 0, slabBytes)
	}
	from := len(s.buf)
	s.buf = append(s.buf, key...)
	s.records = append(s.records, kgo.Record{Topic: topic, Key: s.buf[from:len(s.buf):len(s.buf)], Value: value})
	return &s.records[len(s.records)-1]
}

// EmitOutcome makes the record that tells what became of a request.
func EmitOutcome(o *schemas.Outcome) (*kgo.Record, error) {
	value, err := schemas.NotificationOutcomes.Encode(*o)
	if err != nil {
		return nil, err
	}
	return Emit(schemas.NotificationOutcomes.Spec, schemas.OrgKey(o.OrgID, o.RequestID), value), nil
}

// DeliveryTopics are those that EmitDelivery chooses from.
func DeliveryTopics() []schemas.Spec {
	return []schemas.Spec{
		schemas.DeliveriesSlack.Spec, schemas.DeliveriesSlackUrgent.Spec, schemas.DeliveriesEmail.Spec, schemas.DeliveriesEmailUrgent.Spec,
	}
}

// RefuseRequest makes a dead letter of a bad notification request and, when it names itself, an outcome, so that its sender learns of it.
func RefuseRequest(result *Result, i int, r *schemas.NotificationRequest, why error, now time.Time) error {
	if !r.Identified() {
		result.Reject(i, schemas.Malformed, why.Error())
		return nil
	}
	return RejectRequest(result, i, r, schemas.InvalidRequest, why.Error(), now)
}

// RejectRequest makes a dead letter of a request and an outcome of the same reason.
func RejectRequest(result *Result, i int, r *schemas.NotificationRequest, reason schemas.Reason, detail string, now time.Time) error {
	o := schemas.Outcome{
		OrgID: r.OrgID, RequestID: r.RequestID, Type: r.Type, Recipient: r.Recipient,
		Status: schemas.Failed, Reason: reason, Detail: detail, At: now,
	}
	rec, err := EmitOutcome(&o)
	if err != nil {
		return err
	}
	result.Emit(i, rec)
	result.Reject(i, reason, detail)
	return nil
}
