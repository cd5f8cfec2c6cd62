package signin

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/redis/go-redis/v9"

	"github.com/bigmind/backchannel/schemas"
)

// world is the way in between an issuer of the test and a Redis with views.
type world struct {
	t      *testing.T
	mini   *miniredis.Miniredis
	in     *SignIn
	key    *rsa.PrivateKey
	issuer *httptest.Server
	pkce   bool
	claims map[string]any // of the next ID token, over what is right
	info   map[string]any // of userinfo
	asked  url.Values     // what the issuer's page was asked with
	jar    map[string]*http.Cookie
	now    time.Time
}

var signingKey = func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
}()

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, mini: miniredis.RunT(t), key: signingKey, pkce: true, claims: map[string]any{}, info: map[string]any{}, jar: map[string]*http.Cookie{}, now: time.Now()}
	mux := http.NewServeMux()
	answer := func(rw http.ResponseWriter, v any) {
		rw.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(rw).Encode(v)
	}
	mux.HandleFunc("/.well-known/openid-configuration", func(rw http.ResponseWriter, _ *http.Request) {
		v := map[string]any{
			"issuer": w.issuer.URL, "authorization_endpoint": w.issuer.URL + "/authorize", "token_endpoint": w.issuer.URL + "/token", "jwks_uri": w.issuer.URL + "/keys",
			"userinfo_endpoint": w.issuer.URL + "/userinfo", "id_token_signing_alg_values_supported": []string{"RS256"},
			"token_endpoint_auth_methods_supported": []string{"client_secret_post"},
		}
		if w.pkce {
			v["code_challenge_methods_supported"] = []string{"S256"}
		}
		answer(rw, v)
	})
	mux.HandleFunc("/keys", func(rw http.ResponseWriter, _ *http.Request) {
		answer(rw, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: signingKey.Public(), KeyID: "k", Algorithm: "RS256", Use: "sig"}}})
	})
	mux.HandleFunc("/token", w.token)
	mux.HandleFunc("/userinfo", func(rw http.ResponseWriter, _ *http.Request) { answer(rw, w.info) })
	w.issuer = httptest.NewServer(mux)
	t.Cleanup(w.issuer.Close)
	rdb := redis.NewClient(&redis.Options{Addr: w.mini.Addr()})
	t.Cleanup(func() { _ = rdb.Close() })
	var err error
	w.in, err = New(Options{
		Issuer: w.issuer.URL, ClientID: "1.2", ClientSecret: "s3cr3t", PublicURL: "https://bigmind.example/", CallbackPath: "/console/signin/callback", Home: "/console/",
		Redis: rdb, HTTP: w.issuer.Client(), Now: func() time.Time { return w.now }, Metrics: prometheus.NewRegistry(), Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	w.mini.Set(schemas.ViewsCompleteKey, "1")
	w.user("acme", "olga", "Olga@acme.example", false)
	return w
}

// token is the issuer's: it checks the code's PKCE, and signs who somebody is.
func (w *world) token(rw http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm()
	sum := sha256.Sum256([]byte(r.PostForm.Get("code_verifier")))
	if r.PostForm.Get("client_secret") != "s3cr3t" || r.PostForm.Get("code") != "c1" || w.pkce && base64.RawURLEncoding.EncodeToString(sum[:]) != w.asked.Get("code_challenge") {
		rw.WriteHeader(http.StatusBadRequest)
		_, _ = rw.Write([]byte(`{"error":"invalid_grant"}`))
		return
	}
	claims := map[string]any{
		"iss": w.issuer.URL, "aud": "1.2", "sub": "U1", "iat": w.now.Unix(), "exp": w.now.Add(time.Minute).Unix(), "nonce": w.asked.Get("nonce"),
		"email": "olga@ACME.example", "email_verified": true,
	}
	for name, value := range w.claims {
		claims[name] = value
		if value == nil {
			delete(claims, name)
		}
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: w.key, KeyID: "k"}}, nil)
	if err != nil {
		w.t.Error(err)
		return
	}
	id, err := jwt.Signed(signer).Claims(claims).Serialize()
	if err != nil {
		w.t.Error(err)
	}
	rw.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(rw).Encode(map[string]any{"access_token": "t", "token_type": "Bearer", "id_token": id})
}

func (w *world) user(org schemas.OrgID, id schemas.UserID, email string, disabled bool) {
	w.t.Helper()
	raw, err := json.Marshal(schemas.DirectoryUser{OrgID: org, UserID: id, Email: email, Disabled: disabled})
	if err != nil {
		w.t.Fatal(err)
	}
	w.mini.HSet(schemas.ViewOrgUsers(org), string(id), schemas.ViewValue(1, raw))
	_, _ = w.mini.SAdd(schemas.ViewEmail(email), string(schemas.OrgKey(org, id)))
}

func (w *world) installed(org schemas.OrgID, team schemas.TeamID) {
	w.t.Helper()
	raw, err := json.Marshal(schemas.Installation{OrgID: org, TeamID: team, Status: schemas.InstallActive})
	if err != nil {
		w.t.Fatal(err)
	}
	w.mini.HSet(schemas.ViewOrgInstalls(org), string(team), schemas.ViewValue(1, raw))
}

func (w *world) request(path string) *http.Request {
	r := httptest.NewRequestWithContext(w.t.Context(), http.MethodGet, path, nil)
	for _, c := range w.jar {
		r.AddCookie(c)
	}
	return r
}

// keep does with cookies as a browser does.
func (w *world) keep(rec *httptest.ResponseRecorder) {
	for _, c := range rec.Result().Cookies() {
		if !strings.HasPrefix(c.Name, "__Host-") || !c.Secure || !c.HttpOnly || c.Path != "/" || c.Domain != "" || c.SameSite != http.SameSiteLaxMode {
			w.t.Errorf("the cookie %s is not __Host-, Secure, HttpOnly and Lax", c.Name)
		}
		if w.jar[c.Name] = c; c.MaxAge < 0 {
			delete(w.jar, c.Name)
		}
	}
}

// begins goes to the issuer's page.
func (w *world) begins(next string) {
	w.t.Helper()
	rec := httptest.NewRecorder()
	to, p := w.in.Begin(rec, w.request("/"), next)
	if p != nil {
		w.t.Fatalf("%+v", p)
	}
	w.keep(rec)
	u, err := url.Parse(to)
	if err != nil {
		w.t.Fatal(err)
	}
	w.asked = u.Query()
}

// returns comes back from it.
func (w *world) returns(query string) (next string, p *Problem) {
	w.t.Helper()
	rec := httptest.NewRecorder()
	next, p = w.in.Callback(rec, w.request("/console/signin/callback?"+query))
	w.keep(rec)
	return next, p
}

func (w *world) signsIn() (next string, p *Problem) {
	w.begins("/console/people?q=a")
	return w.returns("code=c1&state=" + w.asked.Get("state"))
}

func (w *world) person() string {
	u, err := w.in.Person(w.request("/"))
	if err != nil {
		return err.Error()
	}
	return string(schemas.OrgKey(u.OrgID, u.UserID))
}

func TestSigningIn(t *testing.T) {
	for _, pkce := range []bool{true, false} {
		w := newWorld(t)
		w.pkce = pkce
		if next, p := w.signsIn(); p != nil || next != "/console/people?q=a" {
			t.Fatalf("%s, %+v", next, p)
		}
		if got := w.person(); got != "acme/olga" || (w.asked.Get("code_challenge_method") == "S256") != pkce {
			t.Errorf("signed in as %s; asked with %v", got, w.asked)
		}
		for _, key := range w.mini.Keys() { // whoever reads Redis has no session
			for _, c := range w.jar {
				if strings.Contains(key, c.Value) {
					t.Errorf("the key %s has the cookie in it", key)
				}
			}
		}
	}
}

// Whatever is not right ends in a page, and in no session.
func TestWhoDoesNotComeIn(t *testing.T) {
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		before func(*world) // at the issuer's page
		query  string       // of the return; empty: as it should be
		result string
	}{
		"unverified":            {func(w *world) { w.claims["email_verified"] = false }, "", "unverified"},
		"nobody says verified":  {func(w *world) { w.claims["email_verified"] = nil }, "", "unverified"},
		"another nonce":         {func(w *world) { w.claims["nonce"] = "x" }, "", "refused"},
		"for another app":       {func(w *world) { w.claims["aud"] = "9.9" }, "", "unavailable"},
		"of another issuer":     {func(w *world) { w.claims["iss"] = "https://evil.example" }, "", "unavailable"},
		"expired":               {func(w *world) { w.claims["exp"] = w.now.Add(-time.Hour).Unix() }, "", "unavailable"},
		"signed by another key": {func(w *world) { w.key = other }, "", "unavailable"},
		"not in the directory":  {func(w *world) { w.claims["email"] = "x@acme.example" }, "", "stranger"},
		"disabled":              {func(w *world) { w.user("acme", "olga", "olga@acme.example", true) }, "", "stranger"},
		"another email now":     {func(w *world) { w.user("acme", "olga", "olga@new.example", false) }, "", "stranger"},
		"another workspace":     {func(w *world) { w.installed("acme", "T1"); w.claims["https://slack.com/team_id"] = "T2" }, "", "stranger"},
		"another person's email": {func(w *world) {
			w.claims["email"] = nil
			w.info = map[string]any{"sub": "U2", "email": "olga@acme.example", "email_verified": true}
		}, "", "unavailable"},
		"a forged state":     {nil, "code=c1&state=forged", "expired"},
		"no state":           {nil, "code=c1", "malformed"},
		"too late":           {func(w *world) { w.mini.FastForward(11 * time.Minute) }, "", "expired"},
		"another browser":    {func(w *world) { w.jar = map[string]*http.Cookie{} }, "", "other_browser"},
		"denied":             {nil, "error=access_denied&state=%s", "denied"},
		"an error":           {nil, "error=server_error&state=%s", "refused"},
		"no code":            {nil, "state=%s", "refused"},
		"a wrong code":       {nil, "code=c2&state=%s", "unavailable"},
		"the views are away": {func(w *world) { w.mini.Del(schemas.ViewsCompleteKey) }, "", "unavailable"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.begins("/console/")
			if tt.before != nil {
				tt.before(w)
			}
			if tt.query == "" {
				tt.query = "code=c1&state=%s"
			}
			_, p := w.returns(strings.Replace(tt.query, "%s", w.asked.Get("state"), 1))
			if p == nil || testutil.ToFloat64(w.in.results.WithLabelValues(tt.result)) != 1 {
				t.Errorf("not %s: %+v", tt.result, p)
			}
			w.mini.Set(schemas.ViewsCompleteKey, "1")
			if got := w.person(); got != ErrSignedOut.Error() {
				t.Errorf("signed in as %s", got)
			}
		})
	}
}

// The email may be at the userinfo endpoint, and a Slack workspace of the organization's own lets in.
func TestWhoComesIn(t *testing.T) {
	for name, before := range map[string]func(*world){
		"by userinfo": func(w *world) {
			w.claims["email"], w.claims["email_verified"] = nil, nil
			w.info = map[string]any{"sub": "U1", "email": "olga@acme.example", "email_verified": "true"}
		},
		"by a workspace of ours":      func(w *world) { w.installed("acme", "T1"); w.claims["https://slack.com/team_id"] = "T1" },
		"by any, while there is none": func(w *world) { w.claims["https://slack.com/team_id"] = "T2" },
		"of two organizations, through its own": func(w *world) {
			w.user("aaa", "o", "olga@acme.example", false)
			w.installed("acme", "T1")
			w.claims["https://slack.com/team_id"] = "T1"
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			before(w)
			if _, p := w.signsIn(); p != nil || w.person() != "acme/olga" {
				t.Errorf("%+v, %s", p, w.person())
			}
		})
	}
}

// An id that was planted before signing in is worth nothing afterwards, and a return is good once.
func TestASessionIsNotFixed(t *testing.T) {
	w := newWorld(t)
	w.jar["__Host-backchannel_session"] = &http.Cookie{Name: "__Host-backchannel_session", Value: "planted"}
	if _, p := w.signsIn(); p != nil {
		t.Fatalf("%+v", p)
	}
	first := w.jar["__Host-backchannel_session"].Value
	if _, p := w.returns("code=c1&state=" + w.asked.Get("state")); p == nil {
		t.Error("a return was good twice")
	}
	if _, p := w.signsIn(); p != nil || w.jar["__Host-backchannel_session"].Value == first {
		t.Fatalf("the id was kept: %+v", p)
	}
	for _, id := range []string{"planted", first} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		r.AddCookie(&http.Cookie{Name: "__Host-backchannel_session", Value: id})
		if _, err := w.in.Person(r); err != ErrSignedOut { //nolint:errorlint // it is returned as it is
			t.Errorf("%s is a session: %v", id, err)
		}
	}
}

// A session ends by itself, by signing out, everywhere at once, and when the directory says so.
func TestSessionsEnd(t *testing.T) {
	out := func(everywhere bool) func(*world) {
		return func(w *world) {
			rec := httptest.NewRecorder()
			if err := w.in.SignOut(rec, w.request("/"), everywhere); err != nil {
				w.t.Error(err)
			}
		}
	}
	for name, tt := range map[string]struct {
		ends  func(*world)
		other string // the session in the other browser
	}{
		"by time":        {func(w *world) { w.mini.FastForward(13 * time.Hour) }, ErrSignedOut.Error()},
		"by signing out": {out(false), "acme/olga"},
		"everywhere":     {out(true), ErrSignedOut.Error()},
		"disabled":       {func(w *world) { w.user("acme", "olga", "olga@acme.example", true) }, ErrSignedOut.Error()},
		"removed":        {func(w *world) { w.mini.HSet(schemas.ViewOrgUsers("acme"), "olga", "2 ") }, ErrSignedOut.Error()},
		"another email":  {func(w *world) { w.user("acme", "olga", "olga@new.example", false) }, ErrSignedOut.Error()},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			_, _ = w.signsIn()
			here := w.jar
			w.jar = map[string]*http.Cookie{}
			_, _ = w.signsIn()
			there := w.jar
			w.jar = here
			tt.ends(w)
			if got := w.person(); got != ErrSignedOut.Error() {
				t.Errorf("still %s", got)
			}
			if w.jar = there; w.person() != tt.other {
				t.Errorf("in the other browser %s", w.person())
			}
		})
	}
}

func TestSwitchingOrganizations(t *testing.T) {
	w := newWorld(t)
	w.user("beta", "o2", "olga@acme.example", false)
	_, _ = w.signsIn()
	if others, err := w.in.Others(w.request("/")); err != nil || len(others) != 1 || others[0] != "beta" {
		t.Fatalf("others %v, %v", others, err)
	}
	if ok, err := w.in.Switch(httptest.NewRecorder(), w.request("/"), "globex"); ok || err != nil {
		t.Errorf("into an organization that does not have them: %v", err)
	}
	rec := httptest.NewRecorder()
	if ok, err := w.in.Switch(rec, w.request("/"), "beta"); !ok || err != nil {
		t.Fatal(err)
	}
	w.keep(rec)
	if got := w.person(); got != "beta/o2" {
		t.Errorf("is %s", got)
	}
}

// Next leads to pages of the console, and nowhere else.
func TestNext(t *testing.T) {
	w := newWorld(t)
	for next, want := range map[string]string{
		"/console/people?q=a": "/console/people?q=a", "/console/": "/console/", "": "/console/", "https://evil.example/console/": "/console/", "//evil.example": "/console/",
		"/\\evil.example": "/console/", "/console/\\evil": "/console/", "/console/../slack/install": "/console/", "/console//evil.example": "/console/", "/slack/install": "/console/",
		"javascript:alert(1)": "/console/", "/console/\tx": "/console/", "/consolex": "/console/", "/console/signin/callback?x": "/console/", "\x00": "/console/",
	} {
		if got := w.in.Next(next); got != want {
			t.Errorf("%q leads to %q", next, got)
		}
	}
}

// Over plain http nobody signs in from elsewhere, and on this machine cookies are kept by every browser.
func TestPlainHTTP(t *testing.T) {
	w := newWorld(t)
	for public, ok := range map[string]bool{"http://bigmind.example": false, "http://10.0.0.1": false, "http://127.0.0.1:8080": true, "http://localhost:8080": true, "http://[::1]:8080": true} {
		opts := w.in.opts
		opts.PublicURL, opts.Metrics = public, prometheus.NewRegistry()
		in, err := New(opts)
		if (err == nil) != ok {
			t.Errorf("%s: %v", public, err)
		}
		if err == nil && (in.secure || in.sessionCookie() != "backchannel_session") {
			t.Errorf("%s: the cookie is %s", public, in.sessionCookie())
		}
	}
}
