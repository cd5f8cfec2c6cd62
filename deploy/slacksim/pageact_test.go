package slacksim_test

import (
	"cmp"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/slack-go/slack"

	"github.com/bigmind/backchannel/deploy/slacksim"
)

// form posts a form of the page, and returns the page that it leads to.
func (st *stage) form(f url.Values) string {
	st.t.Helper()
	f.Set("as", string(st.ada.ID))
	f.Set("channel", cmp.Or(f.Get("into"), string(st.rooms[0].ID)))
	w := httptest.NewRecorder()
	r := httptest.NewRequestWithContext(st.t.Context(), http.MethodPost, "/t/"+string(st.team.ID)+"/act", strings.NewReader(f.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	st.sim.Handler().ServeHTTP(w, r)
	if w.Code != http.StatusSeeOther {
		st.t.Fatalf("the form led to %d %s", w.Code, w.Body)
	}
	page := httptest.NewRecorder()
	st.sim.Handler().ServeHTTP(page, httptest.NewRequestWithContext(st.t.Context(), http.MethodGet, w.Header().Get("Location"), nil))
	return page.Body.String()
}

func shows(t *testing.T, page string, wants ...string) {
	t.Helper()
	for _, want := range wants {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q:\n%s", want, page)
		}
	}
}

// TestTheSetupFlowIsWalkedByHand: a person types, edits, presses, searches, is told what is wrong, and submits.
func TestTheSetupFlowIsWalkedByHand(t *testing.T) {
	inStage(t, func(t *testing.T, st *stage) {
		shows(t, st.form(url.Values{"do": {"say"}, "text": {"<b>hi</b> & <@" + string(st.ada.ID) + ">"}}), "&lt;b&gt;hi&lt;/b&gt; &amp; ", "@ada</span>")
		record := must(st.Messages(t.Context(), st.team.ID, st.rooms[0].ID, slacksim.MessageQuery{}))(t).Messages
		ts := string(record[0].TS)
		shows(t, st.form(url.Values{"do": {"edit"}, "ts": {ts}, "text": {"hello"}}), "hello", "(edited)")
		shows(t, st.form(url.Values{"do": {"say"}, "thread": {ts}, "text": {"a reply"}}), "a reply", "1 reply")
		v := st.openSetup()
		fields := func(do string, more url.Values) url.Values {
			f := url.Values{"do": {do}, "view": {v.ID}, "v|deal|pick": {""}, "v|note|text": {"kept"}}
			for k, values := range more {
				f[k] = values
			}
			return f
		}
		shows(t, st.form(fields("submit", nil)), "Deal is required", `value="kept"`)
		st.answer = func(_ slack.InteractionCallback, w http.ResponseWriter) {
			_, _ = io.WriteString(w, `{"options":[{"text":{"type":"plain_text","text":"Big <deal>"},"value":"d1"}]}`)
		}
		shows(t, st.form(fields("options|deal|pick", url.Values{"q|deal|pick": {"big"}})), "Big &lt;deal&gt;", `value="kept"`)
		st.answer = func(_ slack.InteractionCallback, w http.ResponseWriter) {
			_, _ = io.WriteString(w, `{"response_action":"errors","errors":{"deal":"That deal is closed"}}`)
		}
		chosen := url.Values{"v|deal|pick": {"d1"}}
		shows(t, st.form(fields("submit", chosen)), "That deal is closed", `<option value="d1" selected>`)
		st.answer = func(slack.InteractionCallback, http.ResponseWriter) {}
		if page := st.form(fields("submit", chosen)); strings.Contains(page, "modal-title") {
			t.Error("the modal is still open")
		}
		shows(t, st.form(url.Values{"do": {"delete"}, "ts": {ts}}), "This message was deleted.")
	})
}

// TestAForeignFormIsRefused: another site cannot use the page.
func TestAForeignFormIsRefused(t *testing.T) {
	inStage(t, func(t *testing.T, st *stage) {
		w := httptest.NewRecorder()
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/t/"+string(st.team.ID)+"/act", strings.NewReader("do=say"))
		r.Header.Set("Sec-Fetch-Site", "cross-site")
		st.sim.Handler().ServeHTTP(w, r)
		if w.Code != http.StatusForbidden {
			t.Errorf("a form of another site led to %d", w.Code)
		}
	})
}

// TestADependentSelectIsWalkedByHand: choosing an account brings the choice of a deal, and the account stays chosen.
func TestADependentSelectIsWalkedByHand(t *testing.T) {
	inStage(t, func(t *testing.T, st *stage) {
		view := st.openDependent()
		form := func(do string, more url.Values) string {
			more["do"], more["view"] = []string{do}, []string{view}
			return st.form(more)
		}
		shows(t, form("options|account|pick", url.Values{"q|account|pick": {""}}), "Nothing is offered for")
		shows(t, form("options|account|pick", url.Values{"q|account|pick": {"ac"}, "v|note|text": {"kept"}}), `<option value="acme">Acme`, `data-tells="choose|account|pick"`)
		chosen := url.Values{"v|account|pick": {"acme"}, "v|note|text": {"kept"}}
		page := form("choose|account|pick", chosen)
		shows(t, page, `<option value="acme" selected>Acme`, "Renewal", `value="kept"`)
		if page = form("submit", url.Values{"v|account|pick": {"acme"}, "v|deal|deal": {""}, "v|note|text": {"kept"}}); strings.Contains(page, "modal-title") {
			t.Error("the modal is still open")
		}
		values := st.got[len(st.got)-1].View.State.Values
		if values["account"]["pick"].SelectedOption.Value != "acme" || values["deal"]["deal"].SelectedOption.Value != "" {
			t.Errorf("submitted %+v", values)
		}
	})
}

// TestAWhisperIsShownToOne: what an app shows through a response_url to one person, no other sees.
func TestAWhisperIsShownToOne(t *testing.T) {
	inStage(t, func(t *testing.T, st *stage) {
		bob := must(st.CreatePerson(t.Context(), st.team.ID, slacksim.Person{Name: "bob"}))(t)
		cb := st.press()
		u := must(url.Parse(cb.ResponseURL))(t)
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, u.Path, strings.NewReader(`{"text":"linked to *Acme*"}`))
		st.sim.Handler().ServeHTTP(httptest.NewRecorder(), r)
		page := func(as slacksim.UserID) string {
			w := httptest.NewRecorder()
			st.sim.Handler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/t/"+string(st.team.ID)+"/c/"+string(st.rooms[0].ID)+"?as="+string(as), nil))
			return w.Body.String()
		}
		shows(t, page(st.ada.ID), "Only visible to you", "linked to <b>Acme</b>")
		if strings.Contains(page(bob.ID), "linked to") {
			t.Error("another person sees it")
		}
	})
}
