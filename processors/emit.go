package processors

import (
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/schemas"
)

// EmitDelivery makes the record that hands a delivery to its sink: in the lane of its priority.
func EmitDelivery(by schemas.DeliveryChannel, d *schemas.Delivery) (*kgo.Record, error) {
	to := schemas.DeliveriesSlack
	switch {
	case by == schemas.BySlack && d.Priority == schemas.Urgent:
		to = schemas.DeliveriesSlackUrgent
	case by == schemas.ByEmail && d.Priority == schemas.Urgent:
		to = schemas.DeliveriesEmailUrgent
	case by == schemas.ByEmail:
		to = schemas.DeliveriesEmail
	}
	value, err := to.Encode(*d)
	if err != nil {
		return nil, err
	}
	return Emit(to.Spec, schemas.OrgKey(d.OrgID, d.Recipient.KeyPart()), value), nil
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
