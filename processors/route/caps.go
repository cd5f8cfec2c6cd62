package route

import (
	"time"

	"github.com/bigmind/backchannel/schemas"
)

// caps count what people and organizations get of a type in a clock hour. All of an organization is in one partition of
// notification.addressed, so that one owner counts it. It counts requests by their id: a batch that is processed again
// counts once. What a former owner let through is known from the outcomes that the views have counted.
type caps struct {
	hour    int64
	counted map[capKey]map[schemas.RequestID]bool
}

type capKey struct {
	org    schemas.OrgID
	kind   schemas.NotificationType
	person string // empty: the whole organization
}

// hourOf numbers clock hours since the epoch, in UTC.
func hourOf(now time.Time) int64 { return now.Unix() / int64(time.Hour/time.Second) }

// admit counts a request, unless the person or the organization has had as many as it may this hour.
func (c *caps) admit(r *schemas.NotificationRequest, p *person, now time.Time) bool {
	if hour := hourOf(now); c.counted == nil || hour != c.hour {
		c.hour, c.counted = hour, map[capKey]map[schemas.RequestID]bool{}
	}
	limit := p.settings.CapOf(r.Type)
	person, org := c.of(capKey{r.OrgID, r.Type, r.Recipient.KeyPart()}), c.of(capKey{r.OrgID, r.Type, ""})
	if !person[r.RequestID] && max(len(person), p.sent.person) >= limit.PerRecipient {
		return false
	}
	one := r.RequestID + "\x00" + schemas.RequestID(r.Recipient.KeyPart()) // a request for several people is several
	if !org[one] && max(len(org), p.sent.org) >= limit.PerOrg {
		return false
	}
	person[r.RequestID], org[one] = true, true
	return true
}

func (c *caps) of(key capKey) map[schemas.RequestID]bool {
	if c.counted[key] == nil {
		c.counted[key] = map[schemas.RequestID]bool{}
	}
	return c.counted[key]
}
