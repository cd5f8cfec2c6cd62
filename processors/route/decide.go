package route

import (
	"cmp"
	"slices"
	"time"

	"github.com/bigmind/backchannel/schemas"
)

// decision is what becomes of a request: deliveries, outcomes, or both.
type decision struct {
	slack, email *schemas.Delivery
	outcomes     []schemas.Outcome
	reject       schemas.Reason // also a dead letter, so that it can be replayed once mended
	detail       string
}

// decide follows the product page: is the request valid and in time, is the person known, is the type enabled, does the
// preference include the channel, is Slack connected, is the person matched.
func decide(r *schemas.NotificationRequest, p *person, now time.Time) decision {
	ended := func(status schemas.OutcomeStatus, reason schemas.Reason, detail string) decision {
		return decision{outcomes: []schemas.Outcome{outcome(r, "", status, reason, detail, now)}}
	}
	if !p.known {
		d := ended(schemas.Failed, schemas.UnknownOrg, "no installation, user or preference names this organization")
		d.reject, d.detail = schemas.UnknownOrg, "no installation, user or preference names the request's organization"
		return d
	}
	kind, known := schemas.LookupType(r.Type)
	switch {
	case !known:
		return ended(schemas.Failed, schemas.UnknownType, "the catalogue has no such type")
	case !r.ExpiresAt.IsZero() && !r.ExpiresAt.After(now):
		return ended(schemas.Expired, schemas.PastExpiry, "")
	case p.user == nil && r.Recipient.UserID != "":
		return ended(schemas.Failed, schemas.UnknownRecipient, "the directory has no user with this id")
	case p.user != nil && p.user.Disabled:
		return ended(schemas.Suppressed, schemas.RecipientDisabled, "")
	}
	choice := schemas.Choose(kind, p.own, p.orgWide).Choice
	if choice == schemas.PreferOff {
		return ended(schemas.Suppressed, schemas.TypeOff, "")
	}
	var d decision
	if choice.Message() {
		d.bySlack(r, kind, p, now)
	}
	if choice.Email() {
		d.byEmail(r, kind, p, now)
	}
	return d
}

func (d *decision) bySlack(r *schemas.NotificationRequest, kind schemas.TypeInfo, p *person, now time.Time) {
	match, status, reason := matchSlack(p)
	if match == nil {
		d.outcomes = append(d.outcomes, outcome(r, schemas.BySlack, status, reason, "", now))
		return
	}
	d.slack = delivery(r, kind, schemas.BySlack, now)
	d.slack.TeamID, d.slack.SlackUserID = match.TeamID, match.UserID
}

func (d *decision) byEmail(r *schemas.NotificationRequest, kind schemas.TypeInfo, p *person, now time.Time) {
	address := p.email(r.Recipient)
	if address == "" {
		d.outcomes = append(d.outcomes, outcome(r, schemas.ByEmail, schemas.Suppressed, schemas.NoEmail, "", now))
		return
	}
	d.email = delivery(r, kind, schemas.ByEmail, now)
	d.email.Email = address
}

// matchSlack finds the person in a connected workspace: by email, never a bot, a deactivated person or one of another
// company. Of several it takes the lowest team and user id, so that a repeat decides the same.
func matchSlack(p *person) (*schemas.SlackUser, schemas.OutcomeStatus, schemas.Reason) {
	if len(p.active) == 0 {
		return nil, schemas.Suppressed, schemas.SlackNotConnected
	}
	slices.SortFunc(p.slack, func(a, b schemas.SlackUser) int {
		return cmp.Or(cmp.Compare(a.TeamID, b.TeamID), cmp.Compare(a.UserID, b.UserID))
	})
	deactivated := false
	for i := range p.slack {
		u := &p.slack[i]
		if p.active[u.TeamID] == nil {
			continue
		}
		if u.Matchable() {
			return u, "", ""
		}
		deactivated = deactivated || u.Deleted
	}
	if deactivated {
		return nil, schemas.Failed, schemas.AccountInactive
	}
	return nil, schemas.Suppressed, schemas.NoSlackMatch
}

func delivery(r *schemas.NotificationRequest, kind schemas.TypeInfo, by schemas.DeliveryChannel, now time.Time) *schemas.Delivery {
	requested := r.CreatedAt
	if requested.IsZero() {
		requested = now
	}
	return &schemas.Delivery{
		DeliveryID: schemas.NewDeliveryID(r.OrgID, r.RequestID, r.DedupID, r.Recipient.KeyPart(), by),
		RequestID:  r.RequestID, OrgID: r.OrgID, Type: r.Type, Recipient: r.Recipient, Content: r.Content,
		OnAmbiguous: cmp.Or(r.OnAmbiguous, kind.OnAmbiguous), ExpiresAt: r.ExpiresAt, RequestedAt: requested,
	}
}

func outcome(r *schemas.NotificationRequest, by schemas.DeliveryChannel, status schemas.OutcomeStatus, reason schemas.Reason, detail string, now time.Time) schemas.Outcome {
	return schemas.Outcome{
		OrgID: r.OrgID, RequestID: r.RequestID, Type: r.Type, Recipient: r.Recipient, Channel: by,
		Status: status, Reason: reason, Detail: detail, At: now,
	}
}
