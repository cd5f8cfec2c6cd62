package slacksim

import (
	"bytes"
	"cmp"
	"net/http"
	"net/url"
	"slices"
)

// consentView is the consent page: what an app asks for, and who may answer.
type consentView struct {
	App     App
	Ask     Consent
	Scopes  []string
	OpenID  bool
	Teams   []consentTeam
	Problem string
}

type consentTeam struct {
	Team
	People []listedPerson
}

func consentOf(q url.Values) Consent {
	return Consent{
		ClientID: q.Get("client_id"), RedirectURI: q.Get("redirect_uri"), State: q.Get("state"), Scope: q.Get("scope"), Nonce: q.Get("nonce"), Team: TeamID(q.Get("team")),
	}
}

// showConsent draws the page that Slack shows to whoever installs an app or signs in.
func (s *Simulator) showConsent(w http.ResponseWriter, r *http.Request, openID bool) {
	v := consentView{Ask: consentOf(r.URL.Query())}
	s.mu.Lock()
	req, err := s.checkRequest(v.Ask)
	if err == nil && req.openID != openID {
		err = refuse("invalid_scope: Sign in with Slack has a page of its own, /openid/connect/authorize")
	}
	if err == nil {
		v.App, v.Scopes, v.OpenID = *req.app, req.scopes, req.openID
		v.Teams = s.consentTeams(v.Ask.Team)
	} else {
		v.Problem = err.Error()
	}
	s.mu.Unlock()
	s.drawConsent(w, v)
}

// consentTeams lists the workspaces with who may answer there, the one that is asked for alone.
func (s *Simulator) consentTeams(only TeamID) (out []consentTeam) {
	for _, id := range s.state.teamOrder {
		if only != "" && id != only && s.state.teams[only] != nil {
			continue
		}
		t := s.state.teams[id]
		item := consentTeam{Team: t.Team}
		for _, p := range t.people() {
			if !p.IsBot && !p.Deleted && !p.IsRestricted && !p.IsUltraRestricted {
				item.People = append(item.People, listedPerson{Person: p, Name: t.userName(p.ID)})
			}
		}
		slices.SortStableFunc(item.People, func(a, b listedPerson) int { return cmp.Compare(a.Name, b.Name) })
		out = append(out, item)
	}
	return out
}

// answerConsent takes the page's form. The page is left for the app's redirect URL, which content policies call a form's action.
func (s *Simulator) answerConsent(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		http.Error(w, "the form could not be read", http.StatusBadRequest)
		return
	}
	in := consentOf(r.PostForm)
	in.Deny, in.Granted = r.PostForm.Get("do") == "deny", r.PostForm["granted"]
	team, user, _ := bytes.Cut([]byte(r.PostForm.Get("who")), []byte("/"))
	in.Team, in.User = TeamID(team), UserID(user)
	s.mu.Lock()
	to, err := s.consent(in)
	s.mu.Unlock()
	if err != nil {
		s.drawConsent(w, consentView{Ask: in, Problem: err.Error()})
		return
	}
	http.Redirect(w, r, to.URL, http.StatusSeeOther)
}

func (s *Simulator) drawConsent(w http.ResponseWriter, v consentView) {
	var page bytes.Buffer
	if err := pages.ExecuteTemplate(&page, "consent.html", v); err != nil {
		s.log.Error("the consent page could not be drawn", "error", err)
		http.Error(w, "the page could not be drawn; the simulator's log says why", http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
	if v.Problem != "" {
		w.WriteHeader(http.StatusBadRequest)
	}
	_, _ = w.Write(page.Bytes()) // a failure is the reader's connection
}
