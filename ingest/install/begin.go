package install

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/bigmind/backchannel/schemas"
)

// begin sends the browser to Slack, or says why not.
func (h *Handler) begin(w http.ResponseWriter, r *http.Request, f flow) page {
	visitor, err := h.opts.Visitors.Visitor(r)
	if err != nil {
		return page{result: "stranger", status: http.StatusForbidden, Title: "Who are you?", Text: err.Error()}
	}
	k, err := h.lookup(r.Context(), visitor)
	if err != nil {
		return h.unavailable("begin", err)
	}
	if why := f.may(k.person); why != "" {
		return page{result: "not_allowed", status: http.StatusForbidden, Title: "You cannot do this", Text: why}
	}
	p := pending{Visitor: visitor, Flow: f.Name, Again: r.URL.RequestURI(), Team: schemas.TeamID(r.URL.Query().Get("team")), Signed: !r.URL.Query().Has("ticket")}
	if f.Name == channelSync.Name {
		if p.Team, err = syncTeam(k, p.Team); err != nil {
			return page{result: "no_workspace", status: http.StatusConflict, Title: "Which workspace?", Text: err.Error()}
		}
	}
	state, err := h.remember(r.Context(), w, p)
	if err != nil {
		return h.unavailable("begin", err)
	}
	to := url.Values{
		"client_id": {h.opts.ClientID}, "scope": {strings.Join(f.scopes, ",")}, "redirect_uri": {h.redirectURL()}, "state": {state},
	}
	if p.Team != "" {
		to.Set("team", string(p.Team))
	}
	return page{result: "begun", status: http.StatusFound, location: h.authorize + "?" + to.Encode()}
}

func (h *Handler) redirectURL() string { return h.opts.PublicURL + CallbackPath }

// errText is an error that is a sentence for a person.
type errText string

func (e errText) Error() string { return string(e) }

// syncTeam is the workspace that channel sync is authorised for: the one that is asked for, or the only one.
func syncTeam(k known, asked schemas.TeamID) (schemas.TeamID, error) {
	var active []schemas.TeamID
	for team, in := range k.installs {
		if in.Active() {
			active = append(active, team)
		}
	}
	in := k.installs[asked]
	switch {
	case asked != "" && in != nil && in.Active():
		return asked, nil
	case asked != "":
		return "", errText("That workspace is not connected. Connect Slack first, then connect channel sync.")
	case len(active) == 0:
		return "", errText("Slack is not connected yet. Connect Slack first, then connect channel sync.")
	case len(active) > 1:
		return "", errText("Your organization has several workspaces. Open this page with ?team= and the workspace's id.")
	}
	return active[0], nil
}
