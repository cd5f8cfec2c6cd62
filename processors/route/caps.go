package route

import (
	"hash/maphash"
	"slices"
	"strings"
	"time"

	"github.com/bigmind/backchannel/schemas"
)

// caps count what people and organizations get of a type in a clock hour. All of an organization is in one partition of
// notification.addressed, so that one owner counts it. It counts requests by their id: a batch that is processed again
// counts once. What a former owner let through is known from the outcomes that the views have counted, by the hour in which
// a request was routed. What it let through and is not delivered when its partitions go to another is not known: so much more
// may go through in that hour.
type caps struct {
	hour   int64
	orgs   map[orgCap]*orgCount
	people map[personCap]*personCount
}

// orgCount is what an organization got: requests, each for one person, since a request for several people is several.
type orgCount struct {
	others
	marks map[mark]struct{}
}

type personCount struct {
	others
	marks []mark
}

// others is how many somebody else let through: at least what the views know beyond what we did.
type others int

// and is all that is known of, ours and the others'.
func (o *others) and(ours, known int) int {
	*o = max(*o, others(known-ours))
	return int(*o) + ours
}

type orgCap struct {
	org  schemas.OrgID
	kind schemas.NotificationType
}

type personCap struct {
	orgCap
	person string
}

// mark stands for a request of a person, in eight bytes: an hour of an organization may have 20,000 of a type. That two are
// taken for one is as likely as a guess of 64 bits.
type mark uint64

var seed = maphash.MakeSeed()

// hourOf numbers clock hours since the epoch, in UTC.
func hourOf(now time.Time) int64 { return now.Unix() / int64(time.Hour/time.Second) }

// admit counts a request, unless the person or the organization has had as many as it may this hour.
func (c *caps) admit(r *schemas.NotificationRequest, p *person, now time.Time) bool {
	if hour := hourOf(now); c.orgs == nil || hour != c.hour {
		c.hour, c.orgs, c.people = hour, map[orgCap]*orgCount{}, map[personCap]*personCount{}
	}
	limit := p.settings.CapOf(r.Type)
	org := orgCap{r.OrgID, r.Type}
	who := personCap{org, r.Recipient.KeyPart()}
	one := mark(maphash.Comparable(seed, [2]string{string(r.RequestID), who.person}))
	person, all := c.people[who], c.orgs[org]
	if all == nil {
		all = &orgCount{marks: map[mark]struct{}{}}
		c.orgs[org.kept()] = all
	}
	if person == nil {
		who.orgCap, who.person = who.kept(), strings.Clone(who.person)
		person = &personCount{}
		c.people[who] = person
	}
	if slices.Contains(person.marks, one) {
		return true
	}
	if person.and(len(person.marks), p.sent.person) >= limit.PerRecipient || all.and(len(all.marks), p.sent.org) >= limit.PerOrg {
		return false
	}
	all.marks[one], person.marks = struct{}{}, append(person.marks, one)
	return true
}

// kept shares no memory with the record that it was read from.
func (o orgCap) kept() orgCap {
	return orgCap{schemas.OrgID(strings.Clone(string(o.org))), schemas.NotificationType(strings.Clone(string(o.kind)))}
}
