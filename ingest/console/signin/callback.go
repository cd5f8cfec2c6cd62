package signin

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/bigmind/backchannel/ingest"
	"github.com/bigmind/backchannel/schemas"
)

// Callback is where the issuer leads a browser back to, with a code or an error. It returns the page to go on to, signed in.
func (s *SignIn) Callback(w http.ResponseWriter, r *http.Request) (next string, problem *Problem) {
	q := r.URL.Query()
	state := q.Get("state")
	if state == "" {
		return "", s.problem("malformed", http.StatusBadRequest, "This page is not yours to open", "It is where signing in ends. Begin at the console.")
	}
	p, err := s.recall(r.Context(), state)
	switch {
	case errors.Is(err, errUnknownState):
		return "", s.problem("expired", http.StatusGone, "That took too long", "Signing in has to be done within ten minutes, and once. Begin again.")
	case err != nil:
		return "", s.unavailable("recall", err)
	}
	s.setCookie(w, s.stateCookie(state), "", -1)
	switch {
	case !s.sameBrowser(r, state, p):
		return "", s.problem("other_browser", http.StatusForbidden, "This was begun in another browser", "You are not signed in. Begin again in this one.")
	case q.Get("error") == "access_denied":
		return "", s.problem("denied", http.StatusForbidden, "You did not allow it", "Bigmind asks who you are, and for nothing else. You can sign in at any time.")
	case q.Get("error") != "" || q.Get("code") == "":
		return "", s.problem("refused", http.StatusBadGateway, "Signing in was refused", "Whoever signs you in answered with an error. Begin again; if it stays so, tell your administrator.")
	}
	who, problem := s.identify(r.Context(), p, q.Get("code"))
	if problem != nil {
		return "", problem
	}
	people, err := s.people(r.Context(), who)
	switch {
	case err != nil:
		return "", s.unavailable("look up", err)
	case len(people) == 0:
		return "", s.problem("stranger", http.StatusForbidden, "You are not in the directory",
			"You signed in as "+who.Email+". No user of Bigmind has this email, or your organization is connected to another workspace than the one you signed in with. Ask an administrator.")
	}
	if err := s.start(r.Context(), w, r, &people[0], who); err != nil {
		return "", s.unavailable("start a session", err)
	}
	s.results.WithLabelValues("signed_in").Inc()
	s.opts.Log.Info("somebody signed in to the console", "org", people[0].OrgID, "user", people[0].UserID)
	return p.Next, nil
}

// identity is what the issuer vouches for.
type identity struct {
	Email string
	Team  schemas.TeamID // of Sign in with Slack; empty with other issuers
}

// claims are those of an ID token, or of the userinfo endpoint where the token has no email.
type claims struct {
	Email    string         `json:"email"`
	Verified any            `json:"email_verified"` // some issuers send it as text
	Team     schemas.TeamID `json:"https://slack.com/team_id"`
}

// identify exchanges the code for an ID token, and reads who it is about.
func (s *SignIn) identify(ctx context.Context, p pending, code string) (who identity, problem *Problem) {
	issuer, err := s.discover(ctx)
	if err != nil {
		return who, s.unavailable("discover", err)
	}
	ctx = oidc.ClientContext(ctx, s.opts.HTTP)
	var options []oauth2.AuthCodeOption
	if p.Verifier != "" {
		options = append(options, oauth2.VerifierOption(p.Verifier))
	}
	token, err := issuer.oauth.Exchange(ctx, code, options...)
	if err != nil {
		return who, s.unavailable("exchange the code", ingest.WithoutURL(withoutBody(err)))
	}
	raw, _ := token.Extra("id_token").(string)
	id, err := issuer.verifier.Verify(ctx, raw)
	if err != nil {
		return who, s.unavailable("verify the ID token", ingest.WithoutURL(err))
	}
	if id.Nonce != p.Nonce {
		return who, s.problem("refused", http.StatusForbidden, "Signing in was refused", "The answer belongs to another sign-in. Begin again.")
	}
	var c claims
	if err := id.Claims(&c); err != nil {
		return who, s.unavailable("read the ID token", err)
	}
	if c.Email == "" {
		info, err := issuer.userInfo(ctx, oauth2.StaticTokenSource(token))
		if err == nil && info.Subject != id.Subject {
			err = errors.New("userinfo is about somebody else")
		}
		if err == nil {
			err = info.Claims(&c)
		}
		if err != nil {
			return who, s.unavailable("ask for the email", ingest.WithoutURL(err))
		}
	}
	if verified := strings.EqualFold(fmt.Sprint(c.Verified), "true"); c.Email == "" || !verified {
		return who, s.problem("unverified", http.StatusForbidden, "Your email is not verified", "You are recognised by your email, and whoever signs you in does not vouch for it. Verify it there, and sign in again.")
	}
	return identity{schemas.NormalEmail(c.Email), c.Team}, nil
}

// withoutBody keeps what an issuer answered, which may hold anything, out of the log: its error code is enough.
func withoutBody(err error) error {
	if refused, ok := errors.AsType[*oauth2.RetrieveError](err); ok {
		return fmt.Errorf("the issuer answered %d %.40q", refused.Response.StatusCode, refused.ErrorCode)
	}
	return err
}
