package route

import (
	"iter"

	"github.com/redis/go-redis/v9"

	"github.com/bigmind/backchannel/schemas"
)

// What one call of the script asks, since a script that runs keeps Redis from all else; and what one round trip asks: the embedded
// Redis takes about a millisecond for a question, and an answer has to come within the client's timeout of 3 s.
const (
	mostByCall = 100
	mostAtOnce = 500
)

// parties are the requests of a batch by whom they are for: what is known of somebody is asked once. They are numbered, and hang
// together by number, so that nothing is allocated for each.
type parties struct {
	questions []question
	all       []party
	byOrg     map[schemas.OrgID]int32 // in orgs
	orgs      []chain                 // of all
	byWhom    map[whom]int32          // in all: the latest, if there are several
	order     []int32
	inquiries []inquiry
}

// question is a request, and the next of its party.
type question struct {
	index   int
	request *schemas.NotificationRequest
	next    int32
}

// party is up to mostByCall requests for one person, and the next of its organization.
type party struct {
	chain
	request *schemas.NotificationRequest // the first of them
	email   string
	n       int
	next    int32
}

// chain is from where to where numbers hang together.
type chain struct{ first, last int32 }

type whom struct {
	org   schemas.OrgID
	id    schemas.UserID
	email string
}

// inquiry is one call of the script: parties of one organization.
type inquiry struct {
	org     schemas.OrgID
	parties []int32
	cmd     *redis.Cmd
}

func (p *parties) start() {
	p.questions, p.all, p.orgs = p.questions[:0], p.all[:0], p.orgs[:0]
	if p.byOrg == nil {
		p.byOrg, p.byWhom = map[schemas.OrgID]int32{}, map[whom]int32{}
	}
	clear(p.byOrg)
	clear(p.byWhom)
}

// add notes that request index is to be asked about, and the email to look for.
func (p *parties) add(index int, r *schemas.NotificationRequest, email string) {
	q := int32(len(p.questions))
	p.questions = append(p.questions, question{index: index, request: r})
	who := whom{r.OrgID, r.Recipient.UserID, email}
	if at, there := p.byWhom[who]; there && p.all[at].n < mostByCall {
		one := &p.all[at]
		p.questions[one.last].next = q
		one.last = q
		one.n++
		return
	}
	at := int32(len(p.all))
	p.all = append(p.all, party{chain: chain{q, q}, request: r, email: email, n: 1})
	p.byWhom[who] = at
	org, there := p.byOrg[r.OrgID]
	if !there {
		org = int32(len(p.orgs))
		p.byOrg[r.OrgID] = org
		p.orgs = append(p.orgs, chain{at, at})
		return
	}
	p.all[p.orgs[org].last].next = at
	p.orgs[org].last = at
}

// of yields the questions of a party.
func (p *parties) of(one *party) iter.Seq2[int, *question] {
	return func(yield func(int, *question) bool) {
		at := one.first
		for i := range one.n {
			q := &p.questions[at]
			if !yield(i, q) {
				return
			}
			at = q.next
		}
	}
}

// trips yields what to ask together.
func (p *parties) trips() iter.Seq[[]inquiry] {
	return func(yield func([]inquiry) bool) {
		p.inquire()
		for rest := p.inquiries; len(rest) > 0; {
			n, asked := 0, 0
			for n < len(rest) && (n == 0 || asked+p.asks(&rest[n]) <= mostAtOnce) {
				asked += p.asks(&rest[n])
				n++
			}
			if !yield(rest[:n]) {
				return
			}
			rest = rest[n:]
		}
	}
}

// inquire cuts all there is to ask into calls.
func (p *parties) inquire() {
	p.order, p.inquiries = p.order[:0], p.inquiries[:0]
	for _, org := range p.orgs {
		from, asked := len(p.order), 0
		end := func() {
			p.inquiries = append(p.inquiries, inquiry{org: p.all[org.first].request.OrgID, parties: p.order[from:len(p.order):len(p.order)]})
			from, asked = len(p.order), 0
		}
		for at := org.first; ; at = p.all[at].next {
			if asked > 0 && asked+p.all[at].n > mostByCall {
				end()
			}
			p.order, asked = append(p.order, at), asked+p.all[at].n
			if at == org.last {
				break
			}
		}
		end()
	}
}

func (p *parties) asks(in *inquiry) (n int) {
	for _, at := range in.parties {
		n += p.all[at].n
	}
	return n
}
