package install

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"time"
)

// Tickets are links that say who opens them: sealed, and good for a while. 'backchannel install-link' makes one.
type Tickets struct {
	Seals interface {
		SealFor(purpose, text string) (string, error)
		OpenFor(purpose, sealed string) (string, error)
	}
	Now func() time.Time
}

const ticketPurpose = "backchannel/install-ticket"

type ticket struct {
	Visitor
	Expires time.Time
}

// Link is a path of this service, opened as a visitor until it expires.
func (t Tickets) Link(path string, v Visitor, expires time.Time) (string, error) {
	text, err := json.Marshal(ticket{v, expires})
	if err != nil {
		return "", fmt.Errorf("encode a ticket: %w", err)
	}
	sealed, err := t.Seals.SealFor(ticketPurpose, string(text))
	if err != nil {
		return "", err
	}
	return path + "?" + url.Values{"ticket": {sealed}}.Encode(), nil
}

// Visitor opens a request's ticket.
func (t Tickets) Visitor(r *http.Request) (Visitor, error) {
	sealed := r.URL.Query().Get("ticket")
	if sealed == "" {
		return Visitor{}, errText("This link is incomplete. Open the one that you were given.")
	}
	text, err := t.Seals.OpenFor(ticketPurpose, sealed)
	var open ticket
	if err == nil {
		err = json.Unmarshal([]byte(text), &open)
	}
	switch {
	case err != nil:
		return Visitor{}, errText("This link is not one of ours, or it was damaged. Ask for a new one.")
	case !t.Now().Before(open.Expires):
		return Visitor{}, errText("This link has expired. Ask for a new one.")
	}
	return open.Visitor, nil
}
