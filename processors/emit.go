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
	if err := result.EmitOutcome(i, &o); err != nil {
		return err
	}
	result.Reject(i, reason, detail)
	return nil
}
