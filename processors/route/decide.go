package route

import (
	"cmp"
	"slices"
	"time"

	"github.com/bigmind/backchannel/schemas"
)

// decision is what becomes of a request: deliveries now or later, outcomes, or several of them.
type decision struct {
	now      []send
	held     []schemas.HeldNotification
	outcomes []schemas.Outcome
}

type send struct {
	by       schemas.DeliveryChannel
	delivery schemas.Delivery
}

// decide follows the product page: is the request valid and in time, is the person known, is the type enabled, does the
// preference include the channel, is Slack connected, is the person matched. Then: when. It is good until the next one: the
// processor makes records of one decision before it comes to another.
func (p *Processor) decide(r *schemas.NotificationRequest, who *person, now time.Time) *decision {
	d, e := &p.decision, &p.evaluation
	*d = decision{now: d.now[:0]}
	e.evaluate(r, who, now)
	if e.status != "" {
		d.outcomes = []schemas.Outcome{e.outcome("", e.status, e.reason, e.detail)}
		return d
	}
	works := false
	for i := range e.channels {
		if c := &e.channels[i]; c.reason == "" {
			works = true
		} else {
			d.outcomes = append(d.outcomes, e.outcome(c.by, c.status, c.reason, c.detail))
		}
	}
	if !works {
		return d
	}
	wait := e.wait(p.caps.admit(r, who, now))
	for i := range e.channels {
		c := &e.channels[i]
		switch {
		case c.reason != "":
		case wait.drop:
			d.outcomes = append(d.outcomes, e.outcome(c.by, schemas.Suppressed, schemas.InQuietHours, ""))
		case wait.until.IsZero():
			d.now = append(d.now, send{by: c.by})
			e.delivery(c, &d.now[len(d.now)-1].delivery)
		default:
			d.held = append(d.held, schemas.HeldNotification{OrgID: r.OrgID, Group: wait.group, Channel: c.by, Why: wait.why, DueAt: wait.until})
			delivery := &d.held[len(d.held)-1].Delivery
			e.delivery(c, delivery)
			held := e.decision
			held.Held, held.HeldUntil = wait.why, wait.until
			delivery.Decision = &held
		}
	}
	return d
}

// evaluation is all that follows from a request and what is known of its person; nothing in it counts or waits, so that
// 'explain' asks the same.
type evaluation struct {
	request  *schemas.NotificationRequest
	person   *person
	kind     schemas.TypeInfo
	decision schemas.Decision
	now      time.Time

	status schemas.OutcomeStatus // when it ended before any channel was chosen
	reason schemas.Reason
	detail string

	channels []channel
}

// channel is one that the preference asks for, or that takes its place; with a reason when it cannot work.
type channel struct {
	by     schemas.DeliveryChannel
	slack  *schemas.SlackUser
	email  string
	status schemas.OutcomeStatus
	reason schemas.Reason
	detail string
}

func evaluate(r *schemas.NotificationRequest, p *person, now time.Time) *evaluation {
	return new(evaluation).evaluate(r, p, now)
}

// evaluate replaces what e was.
func (e *evaluation) evaluate(r *schemas.NotificationRequest, p *person, now time.Time) *evaluation {
	*e = evaluation{request: r, person: p, now: now.UTC(), channels: e.channels[:0]}
	kind, known := schemas.LookupType(r.Type)
	if !known && p.kind != nil {
		kind, known = p.kind.Info(), true
	}
	e.kind = kind
	switch {
	case !p.known:
		return e.end(schemas.Failed, schemas.UnknownOrg, "no installation, user or preference names this organization")
	case !known:
		return e.end(schemas.Failed, schemas.UnknownType, "neither the catalogue nor the organization has such a type")
	case !e.expiry().IsZero() && !e.expiry().After(now):
		return e.end(schemas.Expired, schemas.PastExpiry, "")
	case p.user == nil && r.Recipient.UserID != "":
		return e.end(schemas.Failed, schemas.UnknownRecipient, "the directory has no user with this id")
	case p.user != nil && p.user.Disabled:
		return e.end(schemas.Suppressed, schemas.RecipientDisabled, "")
	}
	e.decision = schemas.Choose(kind, p.own, p.orgWide)
	e.decision.Named = r.Named
	if e.decision.Choice == schemas.PreferOff {
		return e.end(schemas.Suppressed, schemas.TypeOff, "")
	}
	e.choose()
	return e
}

func (e *evaluation) end(status schemas.OutcomeStatus, reason schemas.Reason, detail string) *evaluation {
	e.status, e.reason, e.detail = status, reason, detail
	return e
}

// choose finds which channels of the preference work, and what takes the place of one that does not.
func (e *evaluation) choose() {
	choice := e.decision.Choice
	slack, email := e.bySlack(), e.byEmail()
	if choice.Message() {
		e.channels = append(e.channels, slack)
	}
	if choice.Email() {
		e.channels = append(e.channels, email)
	}
	preferred, other, word := &slack, email, "by email"
	if choice == schemas.PreferEmail {
		preferred, other, word = &email, slack, "by Slack"
	}
	if choice == schemas.PreferBoth || preferred.reason == "" || other.reason != "" {
		return
	}
	if e.person.settings == nil || e.person.settings.Fallback != schemas.OtherChannel {
		return
	}
	e.decision.Fallback = true
	e.channels[0].detail = "sent " + word + " instead, as the organization's settings have it"
	e.channels = append(e.channels, other)
}

// bySlack finds the person in a connected workspace: by email, never a bot, a deactivated person or one of another
// company. Of several it takes the lowest team and user id, so that a repeat decides the same.
func (e *evaluation) bySlack() channel {
	p := e.person
	if p.workspaces != p.orgViews {
		p.bySlack, p.workspaces = p.findInSlack(), p.orgViews
	}
	return p.bySlack
}

func (p *person) findInSlack() channel {
	c := channel{by: schemas.BySlack, status: schemas.Suppressed}
	if len(p.active) == 0 {
		c.reason = schemas.SlackNotConnected
		return c
	}
	if len(p.slack) > 1 {
		slices.SortFunc(p.slack, func(a, b *schemas.SlackUser) int {
			return cmp.Or(cmp.Compare(a.TeamID, b.TeamID), cmp.Compare(a.UserID, b.UserID))
		})
	}
	c.reason = schemas.NoSlackMatch
	for _, u := range p.slack {
		if p.active[u.TeamID] == nil {
			continue
		}
		if u.Matchable() {
			return channel{by: schemas.BySlack, slack: u}
		}
		if u.Deleted {
			c.status, c.reason = schemas.Failed, schemas.AccountInactive
		}
	}
	return c
}

func (e *evaluation) byEmail() channel {
	c := channel{by: schemas.ByEmail, email: e.person.mail}
	if c.email == "" {
		c.status, c.reason = schemas.Suppressed, schemas.NoEmail
	}
	return c
}

// requested is when the request was made.
func (e *evaluation) requested() time.Time {
	if e.request.CreatedAt.IsZero() {
		return e.now
	}
	return e.request.CreatedAt
}

// expiry is the earlier of the request's and the type's; zero for never.
func (e *evaluation) expiry() time.Time {
	at := e.request.ExpiresAt
	if d := e.kind.Expiry(); d > 0 {
		if byType := e.requested().Add(d); at.IsZero() || byType.Before(at) {
			at = byType
		}
	}
	return at
}

// delivery fills in what c sends.
func (e *evaluation) delivery(c *channel, d *schemas.Delivery) {
	r := e.request
	*d = schemas.Delivery{
		DeliveryID: schemas.NewDeliveryID(r.OrgID, r.RequestID, r.DedupID, r.Recipient.KeyPart(), c.by),
		RequestID:  r.RequestID, OrgID: r.OrgID, Type: r.Type, Recipient: r.Recipient, Email: c.email, Content: r.Content,
		Thread: r.Thread, ThreadMode: r.ThreadMode, OnAmbiguous: cmp.Or(r.OnAmbiguous, e.kind.OnAmbiguous), Decision: &e.decision,
		ExpiresAt: e.expiry(), RequestedAt: e.requested(), RoutedAt: e.now,
	}
	if cmp.Or(r.Priority, e.kind.Priority) == schemas.Urgent {
		d.Priority = schemas.Urgent
	}
	if e.person.kind != nil {
		d.TypeName = e.kind.Name
	}
	if c.slack != nil {
		d.TeamID, d.SlackUserID = c.slack.TeamID, c.slack.UserID
	}
}

func (e *evaluation) outcome(by schemas.DeliveryChannel, status schemas.OutcomeStatus, reason schemas.Reason, detail string) schemas.Outcome {
	o := outcome(e.request, by, status, reason, detail, e.now)
	if e.decision.Rule != "" {
		why := e.decision
		o.Decision = &why
	}
	o.RequestedAt, o.RoutedAt = e.requested(), e.now
	return o
}

func outcome(r *schemas.NotificationRequest, by schemas.DeliveryChannel, status schemas.OutcomeStatus, reason schemas.Reason, detail string, now time.Time) schemas.Outcome {
	return schemas.Outcome{
		OrgID: r.OrgID, RequestID: r.RequestID, Type: r.Type, Recipient: r.Recipient, Channel: by,
		Status: status, Reason: reason, Detail: detail, At: now,
	}
}
