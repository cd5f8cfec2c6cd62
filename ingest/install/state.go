package install

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
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/bigmind/backchannel/schemas"
)

// stateTTL is as long as Slack's codes live. usedTTL is how long a second use is told apart from a flow that expired.
const (
	stateTTL = 10 * time.Minute
	usedTTL  = time.Hour
)

// pending is a flow that a browser has begun.
type pending struct {
	Visitor
	Flow string
	// Team is the workspace that was meant; empty: any.
	Team schemas.TeamID `json:",omitempty"`
	// Again is where the flow was begun, to begin it once more.
	Again string
	// Signed: whoever began is signed in to the console, and came without a ticket.
	Signed bool `json:",omitempty"`
	// Browser is a hash of the cookie that the browser was given.
	Browser string
}

var (
	errUnknownState = errors.New("unknown state")
	errUsedState    = errors.New("used state")
)

// remember keeps a flow and returns its state. The browser gets a cookie of its own for each, so that two tabs do not disturb
// each other.
func (h *Handler) remember(ctx context.Context, w http.ResponseWriter, p pending) (state string, err error) {
	state, browser := rand.Text()+rand.Text(), rand.Text()+rand.Text()
	p.Browser = digest(browser)
	value, err := json.Marshal(p)
	if err != nil {
		return "", fmt.Errorf("encode an OAuth flow: %w", err)
	}
	if err := h.opts.Redis.Set(ctx, schemas.OAuthStateKey(digest(state)), value, stateTTL).Err(); err != nil {
		return "", fmt.Errorf("remember an OAuth flow: %w", err)
	}
	h.setCookie(w, state, browser, int(stateTTL.Seconds()))
	return state, nil
}

// setCookie binds a flow to the browser. Lax, since Slack's redirect comes from another site; without Secure only where the
// public URL is plain http, as on a developer's machine.
func (h *Handler) setCookie(w http.ResponseWriter, state, value string, maxAge int) {
	http.SetCookie(w, &http.Cookie{ //nolint:gosec // see above
		Name: cookieOf(state), Value: value, Path: CallbackPath, MaxAge: maxAge, HttpOnly: true, Secure: h.secure, SameSite: http.SameSiteLaxMode,
	})
}

// recall takes a flow: whoever asks first has it.
func (h *Handler) recall(ctx context.Context, state string) (p pending, err error) {
	hash := digest(state)
	value, err := h.opts.Redis.GetDel(ctx, schemas.OAuthStateKey(hash)).Bytes()
	if errors.Is(err, redis.Nil) {
		used, err := h.opts.Redis.Exists(ctx, schemas.OAuthUsedKey(hash)).Result()
		switch {
		case err != nil:
			return p, fmt.Errorf("recall an OAuth flow: %w", err)
		case used > 0:
			return p, errUsedState
		}
		return p, errUnknownState
	}
	if err == nil {
		err = h.opts.Redis.Set(ctx, schemas.OAuthUsedKey(hash), "1", usedTTL).Err()
	}
	if err == nil {
		err = json.Unmarshal(value, &p)
	}
	if err != nil {
		return p, fmt.Errorf("recall an OAuth flow: %w", err)
	}
	return p, nil
}

// sameBrowser says whether the request comes from the browser that began the flow.
func (p pending) sameBrowser(r *http.Request, state string) bool {
	cookie, err := r.Cookie(cookieOf(state))
	return err == nil && subtle.ConstantTimeCompare([]byte(digest(cookie.Value)), []byte(p.Browser)) == 1
}

func cookieOf(state string) string { return "backchannel_install_" + digest(state)[:12] }

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}
