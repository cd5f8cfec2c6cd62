package route

import (
	"context"
	"fmt"

	"github.com/redis/go-redis/v9"

	"github.com/bigmind/backchannel/processors"
	"github.com/bigmind/backchannel/schemas"
)

// found is whom a name means, or why nobody.
type found struct {
	user   schemas.UserID // empty: the name is an email that the directory does not have
	email  string         // as the request named the person
	reason schemas.Reason
	detail string
}

// find looks up whom roles mean, which takes a round trip for each step that leads to a person: from an email to the person,
// and from there to the manager, it is three. Ids and emails are load's to look up, in the round trip that asks for everything
// else; but who is named by email in a request that is not decided here is found here, as is whether its organization exists.
func (p *Processor) find(ctx context.Context, todo []work) error {
	var exists map[schemas.OrgID]*redis.IntCmd
	var asking []*search
	for i := range todo {
		w := &todo[i]
		byRole := w.named.Role != ""
		if byRole || !w.here {
			if exists == nil {
				exists = map[schemas.OrgID]*redis.IntCmd{}
			}
			exists[w.request.OrgID] = nil
		}
		switch {
		case byRole || !w.here && w.named.UserID == "":
			asking = append(asking, &search{work: w, org: w.request.OrgID})
		case w.named.UserID != "":
			w.found = found{user: w.named.UserID, email: w.named.Email}
		}
	}
	for first := true; first && len(exists) > 0 || len(asking) > 0; first = false {
		err := processors.Lookup(ctx, p.redis, func(pipe redis.Pipeliner) {
			for org := range exists {
				if first {
					exists[org] = pipe.Exists(ctx, schemas.ViewOrgUsers(org), schemas.ViewOrgInstalls(org), schemas.ViewOrgPreferences(org))
				}
			}
			for _, s := range asking {
				s.ask(ctx, pipe)
			}
		})
		if err != nil {
			return err
		}
		var more []*search
		for _, s := range asking {
			over, err := s.read()
			if err != nil {
				return fmt.Errorf("read the Redis views: %w", err)
			}
			if !over {
				more = append(more, s)
			}
		}
		asking = more
	}
	for i := range todo {
		w := &todo[i]
		if there, asked := exists[w.request.OrgID]; asked && there.Val() == 0 {
			w.found = found{reason: schemas.UnknownOrg}
		}
	}
	return nil
}

// search is where the search for one person is: it has one question at a time.
type search struct {
	work *work
	org  schemas.OrgID

	candidates []string // of an email: directory user ids
	account    schemas.AccountID

	members *redis.StringSliceCmd
	records *redis.SliceCmd
	record  *redis.StringCmd
}

func (s *search) ask(ctx context.Context, pipe redis.Pipeliner) {
	s.members, s.records, s.record = nil, nil, nil
	named := s.work.named
	switch {
	case s.account != "":
		s.record = pipe.HGet(ctx, schemas.ViewOrgAccounts(s.org), string(s.account))
	case len(s.candidates) > 0:
		s.records = pipe.HMGet(ctx, schemas.ViewOrgUsers(s.org), s.candidates...)
	case named.Role == schemas.AccountOwner:
		s.record = pipe.HGet(ctx, schemas.ViewOrgAccounts(s.org), string(named.AccountID))
	case named.Role == schemas.DealOwner:
		s.record = pipe.HGet(ctx, schemas.ViewOrgDeals(s.org), string(named.DealID))
	case named.UserID != "":
		s.records = pipe.HMGet(ctx, schemas.ViewOrgUsers(s.org), string(named.UserID))
	default:
		s.members = pipe.SMembers(ctx, schemas.ViewOrgEmail(s.org, named.Email))
	}
}

// read takes the answer up, and reports whether the search is over.
func (s *search) read() (over bool, err error) {
	named := s.work.named
	switch {
	case s.members != nil:
		s.candidates = s.members.Val()
		if len(s.candidates) > 0 {
			return false, nil
		}
		return s.person(nil)
	case s.records != nil:
		return s.readUsers(named)
	case s.account != "" || named.Role == schemas.AccountOwner:
		v, err := schemas.DecodeView[schemas.Account](s.record.Val())
		if err != nil {
			return false, err
		}
		if v == nil {
			return s.fail(schemas.UnknownAccount, "the organization's CRM records have no such account")
		}
		return s.owner(v.OwnerID, "the account has no owner")
	default:
		v, err := schemas.DecodeView[schemas.Deal](s.record.Val())
		switch {
		case err != nil:
			return false, err
		case v == nil:
			return s.fail(schemas.UnknownDeal, "the organization's CRM records have no such deal")
		case v.OwnerID == "" && v.AccountID != "":
			s.account = v.AccountID
			return false, nil
		}
		return s.owner(v.OwnerID, "neither the deal nor its account has an owner")
	}
}

// readUsers chooses the directory user that is named.
func (s *search) readUsers(to schemas.Recipient) (over bool, err error) {
	var best *schemas.DirectoryUser
	for _, v := range s.records.Val() {
		text, _ := v.(string)
		u, err := schemas.DecodeView[schemas.DirectoryUser](text)
		if err != nil {
			return false, err
		}
		if u == nil || !named(u, to) {
			continue // the index by email has also who once had it
		}
		if best == nil || before(u, best) {
			best = u
		}
	}
	return s.person(best)
}

// person ends the search with whom an id or email means, or with their manager.
func (s *search) person(u *schemas.DirectoryUser) (over bool, err error) {
	named := s.work.named
	switch {
	case named.Role == schemas.ManagerOf && u == nil:
		return s.fail(schemas.UnknownRecipient, "the directory does not have the person whose manager is meant")
	case named.Role == schemas.ManagerOf && u.ManagerID == "":
		return s.fail(schemas.NoManager, "")
	case named.Role == schemas.ManagerOf:
		s.work.found = found{user: u.ManagerID}
	case u == nil:
		s.work.found = found{email: named.Email}
	default:
		s.work.found = found{user: u.UserID, email: named.Email}
	}
	return true, nil
}

func (s *search) owner(id schemas.UserID, otherwise string) (over bool, err error) {
	if id == "" {
		return s.fail(schemas.NoOwner, otherwise)
	}
	s.work.found = found{user: id}
	return true, nil
}

func (s *search) fail(reason schemas.Reason, detail string) (over bool, err error) {
	s.work.found = found{reason: reason, detail: detail}
	return true, nil
}
