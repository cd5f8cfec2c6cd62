package route

import (
	"hash/maphash"
	"strings"
	"time"

	"github.com/bigmind/backchannel/schemas"
)

// caps count what people and organizations get of a type in a clock hour. All of an organization comes to one owner, who counts it.
// It counts requests by their id: a batch that is processed again counts once. What a former owner let through is known from the
// outcomes that the views have counted, by the hour in which a request was routed. What it let through and is not delivered when
// its partitions go to another is not known: so much more may go through in that hour.
//
// Whatever there is one of for each person is without pointers, and found through the person's tally: an hour may have millions, which
// the garbage collector would walk through, and each look-up in a large map waits for memory twice.
type caps struct {
	hour   int64
	orgs   map[orgCap]*count
	people []personCount
	whose  map[mark]int32 // of people
	more   map[further]struct{}
}

// count is how many requests somebody got, each for one person, since a request for several people is several.
type count struct {
	others int32 // let through by somebody else: at least what the views know beyond what we did
	ours   int32
}

// with is all that is known of, ours and the others'.
func (c *count) with(known int) int {
	c.others = max(c.others, int32(known)-c.ours)
	return int(c.ours + c.others)
}

type orgCap struct {
	org  schemas.OrgID
	kind schemas.NotificationType
}

// personCount is of a person and a type, with the first requests that count; caps.more has the others.
type personCount struct {
	count
	requests [7]mark
}

// further is a request beyond the first of somebody.
type further struct {
	person  int32
	request mark
}

// tally is where somebody's counts are, by their organization's of the type.
type tally []struct {
	of *count
	at int32
}

// mark stands for a request, or for a person and a type, or for one as they were described, in eight bytes. That two are taken for one is as likely as a guess
// of 64 bits.
type mark uint64

var seed = maphash.MakeSeed()

// markOf marks a value of strings.
func markOf[T comparable](of T) mark { return mark(maphash.Comparable(seed, of)) }

// hourOf numbers clock hours since the epoch, in UTC.
func hourOf(now time.Time) int64 { return now.Unix() / int64(time.Hour/time.Second) }

// admit counts a request, unless the person or the organization has had as many as it may this hour.
func (c *caps) admit(r *schemas.NotificationRequest, p *person, now time.Time) bool {
	if hour := hourOf(now); c.orgs == nil || hour != c.hour {
		*c = caps{hour: hour, orgs: map[orgCap]*count{}, whose: map[mark]int32{}, more: map[further]struct{}{}}
	}
	org := orgCap{r.OrgID, r.Type}
	all := c.orgs[org]
	if all == nil {
		all = &count{}
		c.orgs[org.kept()] = all
	}
	who := c.find(r, p.tally, all)
	one, person := mark(maphash.String(seed, string(r.RequestID))), &c.people[who]
	if c.counted(who, one) {
		return true
	}
	limit := p.settings.CapOf(r.Type)
	if person.with(p.sent.person) >= limit.PerRecipient || all.with(p.sent.org) >= limit.PerOrg {
		return false
	}
	if n := int(person.ours); n < len(person.requests) {
		person.requests[n] = one
	} else {
		c.more[further{who, one}] = struct{}{}
	}
	person.ours++
	all.ours++
	return true
}

// counted says whether a request of a person's is among those that count.
func (c *caps) counted(who int32, one mark) bool {
	person := &c.people[who]
	for i := range min(int(person.ours), len(person.requests)) {
		if person.requests[i] == one {
			return true
		}
	}
	if int(person.ours) <= len(person.requests) {
		return false
	}
	_, is := c.more[further{who, one}]
	return is
}

// find returns where a person's count of a type is, and notes it in their tally.
func (c *caps) find(r *schemas.NotificationRequest, t *tally, all *count) int32 {
	for i := range *t {
		if (*t)[i].of == all {
			return (*t)[i].at
		}
	}
	who := markOf([...]string{string(r.OrgID), string(r.Type), r.Recipient.KeyPart()})
	at, known := c.whose[who]
	if !known {
		at = int32(len(c.people))
		c.people = append(c.people, personCount{})
		c.whose[who] = at
	}
	if len(*t) >= mostTypes {
		*t = (*t)[:0] // of hours that have gone, most of them
	}
	*t = append(*t, struct {
		of *count
		at int32
	}{all, at})
	return at
}

// mostTypes bounds a tally. Few people get notifications of more types in an hour; who does is looked for.
const mostTypes = 8

// kept shares no memory with the record that it was read from.
func (o orgCap) kept() orgCap {
	return orgCap{schemas.OrgID(strings.Clone(string(o.org))), schemas.NotificationType(strings.Clone(string(o.kind)))}
}
