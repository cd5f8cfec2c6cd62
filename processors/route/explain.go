package route

import (
	"context"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/bigmind/backchannel/schemas"
)

// Explanation is what would become of a notification of a type for a person now, and why.
type Explanation struct {
	Person   schemas.UserID // empty: the directory does not know the email
	Email    string
	Type     schemas.TypeInfo
	Decision schemas.Decision
	Ended    schemas.Reason // why nobody would get anything, before a channel is chosen
	Channels []ExplainedChannel
	Until    time.Time      // when it would wait: until then
	Why      schemas.Reason // it would wait
	Dropped  bool           // it would not be sent, since these are quiet hours and it is of no use later
	TimeZone string         // of the quiet hours; empty: there are none now
	Sent     int            // of this type to this person in this clock hour
	Cap      schemas.Cap
	// Slack is who the person is there, or why nobody, whatever the preference asks for.
	Slack ExplainedChannel
}

// ExplainedChannel is one that the preference asks for, or that takes its place.
type ExplainedChannel struct {
	By     schemas.DeliveryChannel
	To     string         // "T…/U…", or an address
	Team   schemas.TeamID // Slack only
	User   schemas.SlackUserID
	Reason schemas.Reason // why it cannot work; empty: it can
	Detail string
}

// Explain decides about each of the types as the processor does, and neither sends nor counts anything. The recipient is one with an id
// or an email.
func Explain(ctx context.Context, rdb redis.UniversalClient, org schemas.OrgID, to schemas.Recipient, now time.Time, kinds ...schemas.NotificationType) ([]Explanation, error) {
	requests := make([]*schemas.NotificationRequest, len(kinds))
	for i, kind := range kinds {
		requests[i] = &schemas.NotificationRequest{OrgID: org, RequestID: "explain", Type: kind, Recipient: to, CreatedAt: now}
	}
	var look lookup
	people, err := look.load(ctx, rdb, requests, hourOf(now))
	if err != nil {
		return nil, err
	}
	all := make([]Explanation, len(kinds))
	for i, r := range requests {
		all[i] = explain(r, &people[i], now)
	}
	return all, nil
}

func explain(r *schemas.NotificationRequest, who *person, now time.Time) Explanation {
	e := evaluate(r, who, now)
	x := Explanation{
		Email: who.mail, Type: e.kind, Decision: e.decision, Ended: e.reason, Slack: explained(e.bySlack()),
		Sent: who.sent.person, Cap: who.settings.CapOf(r.Type),
	}
	if who.user != nil {
		x.Person = who.user.UserID
	}
	for _, c := range e.channels {
		x.Channels = append(x.Channels, explained(c))
	}
	w := e.wait(who.sent.person < x.Cap.PerRecipient && who.sent.org < x.Cap.PerOrg)
	x.Until, x.Why, x.Dropped, x.TimeZone = w.until, w.why, w.drop, e.decision.TimeZone
	return x
}

func explained(c channel) ExplainedChannel {
	one := ExplainedChannel{By: c.by, To: c.email, Reason: c.reason, Detail: c.detail}
	if c.slack != nil {
		one.Team, one.User = c.slack.TeamID, c.slack.UserID
		one.To = string(one.Team) + "/" + string(one.User)
	}
	return one
}
