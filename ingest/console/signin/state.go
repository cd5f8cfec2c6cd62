package signin

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"golang.org/x/oauth2"

	"github.com/bigmind/backchannel/schemas"
)

// stateTTL is as long as somebody may take at the issuer's page, and as Slack's codes live.
const stateTTL = 10 * time.Minute

// pending is a sign-in that a browser has begun.
type pending struct {
	Nonce    string
	Verifier string `json:",omitempty"` // of PKCE
	Next     string
	Browser  string // hash of the cookie that the browser was given
}

// Begin returns the issuer's page to which the browser goes. next is where it wants to be in the end.
func (s *SignIn) Begin(w http.ResponseWriter, r *http.Request, next string) (location string, problem *Problem) {
	p, err := s.discover(r.Context())
	if err != nil {
		return "", s.unavailable("discover", err)
	}
	state, browser := newSecret(), newSecret()
	pend := pending{Nonce: newSecret(), Next: s.Next(next), Browser: digest(browser)}
	options := []oauth2.AuthCodeOption{oauth2.SetAuthURLParam("nonce", pend.Nonce)}
	if p.pkce {
		pend.Verifier = oauth2.GenerateVerifier()
		options = append(options, oauth2.S256ChallengeOption(pend.Verifier))
	}
	value, err := json.Marshal(pend)
	if err == nil {
		err = s.opts.Redis.Set(r.Context(), schemas.SignInKey(digest(state)), value, stateTTL).Err()
	}
	if err != nil {
		return "", s.unavailable("remember", err)
	}
	s.setCookie(w, s.stateCookie(state), browser, int(stateTTL.Seconds()))
	s.results.WithLabelValues("begun").Inc()
	return p.oauth.AuthCodeURL(state, options...), nil
}

var errUnknownState = errors.New("unknown state")

// recall takes a sign-in: whoever asks first has it.
func (s *SignIn) recall(ctx context.Context, state string) (p pending, err error) {
	value, err := s.opts.Redis.GetDel(ctx, schemas.SignInKey(digest(state))).Bytes()
	if errors.Is(err, redis.Nil) {
		return p, errUnknownState
	}
	if err == nil {
		err = json.Unmarshal(value, &p)
	}
	if err != nil {
		return p, fmt.Errorf("recall a sign-in: %w", err)
	}
	return p, nil
}

// sameBrowser says whether the request comes from the browser that began the sign-in.
func (s *SignIn) sameBrowser(r *http.Request, state string, p pending) bool {
	cookie, err := r.Cookie(s.stateCookie(state))
	return err == nil && subtle.ConstantTimeCompare([]byte(digest(cookie.Value)), []byte(p.Browser)) == 1
}

// Next is the page that is gone on to: one of ours as it was asked for, or else the first. Whatever a browser might take for another site
// is none of ours.
func (s *SignIn) Next(next string) string {
	u, err := url.Parse(next)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || u.Opaque != "" || strings.ContainsAny(next, "\\\t\r\n") || strings.Contains(next, "//") ||
		strings.Contains(u.Path, "..") || !strings.HasPrefix(next, s.opts.Home) || strings.HasPrefix(next, s.opts.CallbackPath) {
		return s.opts.Home
	}
	return next
}

// setCookie sets a cookie of the whole host. Lax, since the issuer's redirect and links in mails come from other sites.
func (s *SignIn) setCookie(w http.ResponseWriter, name, value string, maxAge int) {
	http.SetCookie(w, &http.Cookie{ //nolint:gosec // not Secure on loopback only: see the package's comment
		Name: name, Value: value, Path: "/", MaxAge: maxAge, HttpOnly: true, Secure: s.secure, SameSite: http.SameSiteLaxMode,
	})
}

func (s *SignIn) cookie(name string) string {
	if s.secure {
		return "__Host-" + name
	}
	return name
}

// stateCookie has a name of its own for each sign-in, so that two tabs do not disturb each other.
func (s *SignIn) stateCookie(state string) string {
	return s.cookie("backchannel_signin_" + digest(state)[:12])
}

func newSecret() string { return rand.Text() + rand.Text() }

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}
