//go:build sdks

package sdks

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bigmind/backchannel/deploy/slacksim"
)

// Bolt for JavaScript over HTTP: its installer goes through OAuth, its receiver verifies our signatures.
func TestBoltHTTP(t *testing.T) {
	s := newStage(t)
	p := s.run([]string{"MODE=http"}, "node", "javascript/app.mjs")
	base := fmt.Sprint("http://127.0.0.1:", p.await("ready")["port"])
	redirects, events := []string{base + "/slack/oauth_redirect"}, base+"/slack/events"
	_, err := s.UpdateApp(t.Context(), s.app.ID, slacksim.AppPatch{
		RedirectURLs: &redirects, EventsURL: &events, InteractivityURL: &events, OptionsURL: &events, Verify: true,
	})
	check(t, err)
	s.walkInstaller(base + "/slack/install")
	got := p.await("installed")
	s.install, err = s.Installed(t.Context(), s.team.ID, s.app.ID)
	check(t, err)
	if got["team"] != string(s.team.ID) || got["bot"] != string(s.install.BotUserID) || !slices.Equal(s.install.Scopes, scopes) {
		t.Errorf("the installer stored %v, the simulator has %+v", got, s.install)
	}
	s.room()
	s.setUp(p)
	s.webAPI(p)
	s.blameless()
}

// walkInstaller goes from the app's install page through Slack's consent and back, as Ada's browser. The installer's cookie is
// marked Secure, which a browser sends to a loopback address too.
func (s *stage) walkInstaller(from string) {
	s.t.Helper()
	to, cookie := s.redirected(from, "")
	if !strings.HasPrefix(to, s.base+"/oauth/v2/authorize?") {
		s.t.Fatalf("the installer leads to %s", to)
	}
	s.redirected(s.allow(to), cookie)
}

// allow is Ada's answer to a consent page: where her browser goes next.
func (s *stage) allow(page string) string {
	s.t.Helper()
	u, err := url.Parse(page)
	check(s.t, err)
	q := u.Query()
	back, err := s.Consent(s.t.Context(), slacksim.Consent{
		ClientID: q.Get("client_id"), RedirectURI: q.Get("redirect_uri"), State: q.Get("state"), Scope: q.Get("scope"), Team: s.team.ID, User: s.ada.ID,
	})
	check(s.t, err)
	return back.URL
}

// redirected opens a page and returns where it leads and the cookie that it sets.
func (s *stage) redirected(page, cookie string) (to, set string) {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, page, nil)
	check(s.t, err)
	if cookie != "" {
		req.Header.Set("Cookie", cookie)
	}
	res, err := http.DefaultTransport.RoundTrip(req)
	check(s.t, err)
	defer res.Body.Close()
	if res.StatusCode >= http.StatusBadRequest {
		s.t.Fatalf("%s answered %s", page, res.Status)
	}
	set, _, _ = strings.Cut(res.Header.Get("Set-Cookie"), ";")
	return res.Header.Get("Location"), set
}

// Bolt for JavaScript over Socket Mode, whose connection Slack refreshes in the middle.
func TestBoltSocketMode(t *testing.T) {
	s := newStage(t)
	on := true
	var err error
	s.app, err = s.UpdateApp(t.Context(), s.app.ID, slacksim.AppPatch{SocketMode: &on})
	check(t, err)
	s.installed()
	p := s.run([]string{"MODE=socket"}, "node", "javascript/app.mjs")
	p.await("ready")
	s.setUp(p)
	s.refreshed(p)
	s.silenced(p)
	s.webAPI(p)
	s.blameless()
}

// silenced has the connection go half open: it stands, and nothing gets through. The SDK has to notice by itself and connect anew; what it
// left behind may still be sent envelopes that nobody hears, so that it takes more than one message until it hears again.
func (s *stage) silenced(p *program) {
	s.t.Helper()
	check(s.t, s.Disconnect(s.t.Context(), s.app.ID, slacksim.Disconnection{Reason: "half_open"}))
	for deadline := time.Now().Add(2 * patience); time.Now().Before(deadline); {
		_, err := s.Say(s.t.Context(), s.team.ID, s.channel.ID, s.ada.ID, "do you hear me?")
		check(s.t, err)
		select {
		case line, open := <-p.lines:
			if !open {
				s.t.Fatal("the program ended")
			}
			if p.seen = append(p.seen, line); line["text"] == "do you hear me?" {
				return
			}
		case <-time.After(2 * time.Second):
		}
	}
	s.t.Fatalf("the program hears nothing any more; it said %v", p.seen)
}

// refreshed has Slack refresh the connection. What is said while the SDK is away is sent again, so it arrives all the same.
func (s *stage) refreshed(p *program) {
	s.t.Helper()
	check(s.t, s.Disconnect(s.t.Context(), s.app.ID, slacksim.Disconnection{Reason: "refresh_requested"}))
	missing := map[any]bool{}
	for i := range 3 {
		text := fmt.Sprint("still there? ", i)
		_, err := s.Say(s.t.Context(), s.team.ID, s.channel.ID, s.ada.ID, text)
		check(s.t, err)
		missing[text] = true
	}
	for len(missing) > 0 {
		delete(missing, p.await("message")["text"])
	}
}
