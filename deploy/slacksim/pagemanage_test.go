package slacksim_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/bigmind/backchannel/deploy/slacksim"
)

// TestAWorkspaceIsMadeByHand: a person joins, is given another email, opens a private channel, adds the app to it, and goes.
func TestAWorkspaceIsMadeByHand(t *testing.T) {
	inStage(t, func(t *testing.T, st *stage) {
		shows(t, st.form(url.Values{"do": {"add-person"}, "name": {"Cleo Duarte"}, "email": {"cleo@acme.example"}, "kind": {"guest"}}))
		var cleo slacksim.Person
		for _, p := range must(st.People(t.Context(), st.team.ID))(t) {
			if p.RealName == "Cleo Duarte" {
				cleo = p
			}
		}
		if cleo.Email != "cleo@acme.example" || !cleo.IsRestricted || cleo.Name != "cleo-duarte" {
			t.Fatalf("the person is %+v", cleo)
		}
		page := st.form(url.Values{"do": {"add-channel"}, "name": {"acme-legal"}, "private": {"1"}})
		shows(t, page, "🔒 acme-legal", "1 member")
		id := strings.Split(strings.Split(page, `name="channel" value="`)[1], `"`)[0]
		in := func(f url.Values) string { f.Set("into", id); return st.form(f) }
		shows(t, in(url.Values{"do": {"add-member"}, "member": {string(cleo.ID)}}), "2 members", "<li>Cleo Duarte</li>", "Cleo Duarte</span> has joined")
		shows(t, in(url.Values{"do": {"add-member"}, "member": {string(cleo.ID)}}), "is in channel "+id+" already")
		shows(t, in(url.Values{"do": {"rename"}, "name": {"Not A Name"}}), "give 1 to 80 lowercase letters")
		shows(t, in(url.Values{"do": {"rename"}, "name": {"acme-contracts"}}), "🔒 acme-contracts")
		shows(t, in(url.Values{"do": {"remove-member"}, "member": {string(cleo.ID)}}), "1 member")
		shows(t, in(url.Values{"do": {"archive"}}), "archived", "Unarchive")
		st.form(url.Values{"do": {"deactivate"}, "member": {string(cleo.ID)}})
		w := httptest.NewRecorder()
		st.sim.Handler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/t/"+string(st.team.ID)+"/people", nil))
		shows(t, w.Body.String(), "Cleo Duarte", "deactivated", "Reactivate")
	})
}
