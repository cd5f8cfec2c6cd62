package signin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/bigmind/backchannel/ingest"
	"github.com/bigmind/backchannel/schemas"
)

// sessionTTL is how long somebody stays signed in.
const sessionTTL = 12 * time.Hour

// session is what Redis holds of one.
type session struct {
	Org   schemas.OrgID
	User  schemas.UserID
	Email string
	Team  schemas.TeamID `json:",omitempty"` // through which Slack workspace
}

// ErrSignedOut means that nobody, or nobody any more, is signed in in this browser.
var ErrSignedOut = errors.New("nobody is signed in in this browser")

// start makes a session with a fresh id, and ends the one that the browser had.
func (s *SignIn) start(ctx context.Context, w http.ResponseWriter, r *http.Request, u *schemas.DirectoryUser, who identity) error {
	id := newSecret()
	value, err := json.Marshal(session{u.OrgID, u.UserID, who.Email, who.Team})
	if err != nil {
		return fmt.Errorf("encode a session: %w", err)
	}
	all := schemas.SessionsKey(u.OrgID, u.UserID)
	_, err = s.opts.Redis.Pipelined(ctx, func(pipe redis.Pipeliner) error {
		if former, err := r.Cookie(s.sessionCookie()); err == nil {
			pipe.Del(ctx, schemas.SessionKey(digest(former.Value)))
		}
		pipe.Set(ctx, schemas.SessionKey(digest(id)), value, sessionTTL)
		pipe.SAdd(ctx, all, digest(id))
		pipe.Expire(ctx, all, sessionTTL)
		return nil
	})
	if err != nil {
		return fmt.Errorf("keep a session: %w", err)
	}
	s.setCookie(w, s.sessionCookie(), id, int(sessionTTL.Seconds()))
	return nil
}

// Start begins a session for a user of the directory of whom somebody else is certain that they are here.
func (s *SignIn) Start(w http.ResponseWriter, r *http.Request, u *schemas.DirectoryUser, email string) error {
	return s.start(r.Context(), w, r, u, identity{Email: schemas.NormalEmail(email)})
}

func (s *SignIn) sessionCookie() string { return s.cookie("backchannel_session") }

// Person returns whoever is signed in, as the directory has them now. It fails with ErrSignedOut, or when Redis or its views are away.
func (s *SignIn) Person(r *http.Request) (*schemas.DirectoryUser, error) {
	_, u, err := s.session(r)
	return u, err
}

func (s *SignIn) session(r *http.Request) (*session, *schemas.DirectoryUser, error) {
	cookie, err := r.Cookie(s.sessionCookie())
	if err != nil {
		return nil, nil, ErrSignedOut
	}
	value, err := s.opts.Redis.Get(r.Context(), schemas.SessionKey(digest(cookie.Value))).Bytes()
	if errors.Is(err, redis.Nil) {
		return nil, nil, ErrSignedOut
	}
	var has session
	if err == nil {
		err = json.Unmarshal(value, &has)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("look up a session: %w", err)
	}
	var user *redis.StringCmd
	err = ingest.Lookup(r.Context(), s.opts.Redis, func(pipe redis.Pipeliner) {
		user = pipe.HGet(r.Context(), schemas.ViewOrgUsers(has.Org), string(has.User))
	})
	if err != nil {
		return nil, nil, err
	}
	u, err := ingest.Viewed[schemas.DirectoryUser](user.Val())
	if err != nil {
		return nil, nil, err
	}
	if !is(u, has.Email) {
		return nil, nil, ErrSignedOut
	}
	return &has, u, nil
}

// SignOut ends the browser's session, or with everywhere all of the person's.
func (s *SignIn) SignOut(w http.ResponseWriter, r *http.Request, everywhere bool) error {
	cookie, err := r.Cookie(s.sessionCookie())
	if err != nil {
		return nil //nolint:nilerr // there is none
	}
	ctx, ends := r.Context(), []string{digest(cookie.Value)}
	if everywhere {
		has, _, err := s.session(r)
		if err != nil {
			return err
		}
		all := schemas.SessionsKey(has.Org, has.User)
		if ends, err = s.opts.Redis.SMembers(ctx, all).Result(); err != nil {
			return fmt.Errorf("look up sessions: %w", err)
		}
	}
	_, err = s.opts.Redis.Pipelined(ctx, func(pipe redis.Pipeliner) error {
		for _, hash := range ends {
			pipe.Del(ctx, schemas.SessionKey(hash))
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("end sessions: %w", err)
	}
	s.setCookie(w, s.sessionCookie(), "", -1)
	return nil
}

// Others are the other organizations that have the person who is signed in.
func (s *SignIn) Others(r *http.Request) ([]schemas.OrgID, error) {
	has, _, err := s.session(r)
	if err != nil {
		return nil, err
	}
	people, err := s.people(r.Context(), identity{has.Email, has.Team})
	if err != nil {
		return nil, err
	}
	var orgs []schemas.OrgID
	for _, p := range people {
		if p.OrgID != has.Org {
			orgs = append(orgs, p.OrgID)
		}
	}
	return orgs, nil
}

// Switch goes on in another of the person's organizations, with a new session. ok is false where they are not in it.
func (s *SignIn) Switch(w http.ResponseWriter, r *http.Request, org schemas.OrgID) (ok bool, err error) {
	has, _, err := s.session(r)
	if err != nil {
		return false, err
	}
	who := identity{has.Email, has.Team}
	people, err := s.people(r.Context(), who)
	if err != nil {
		return false, err
	}
	for i := range people {
		if people[i].OrgID == org {
			return true, s.start(r.Context(), w, r, &people[i], who)
		}
	}
	return false, nil
}
