package console

import (
	"errors"
	"net/http"

	"github.com/bigmind/backchannel/ingest/console/signin"
	"github.com/bigmind/backchannel/ingest/install"
)

// Visitors are those of the flows that connect Slack: who comes with a ticket is whom it was made for, anybody else who is signed in here.
type Visitors struct {
	SignIn  *signin.SignIn
	Tickets install.Visitors
}

// Visitor returns who a request comes from.
func (s Visitors) Visitor(r *http.Request) (install.Visitor, error) {
	if r.URL.Query().Has("ticket") {
		return s.Tickets.Visitor(r)
	}
	u, err := s.SignIn.Person(r)
	if errors.Is(err, signin.ErrSignedOut) {
		return install.Visitor{}, errSentence("You are not signed in. Sign in to the console, and open this page from its overview.")
	}
	if err != nil {
		return install.Visitor{}, errSentence("One of our systems does not answer. Try again in a minute.")
	}
	return install.Visitor{Org: u.OrgID, User: u.UserID}, nil
}
