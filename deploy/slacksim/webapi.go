package slacksim

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

// method is one method of the Web API.
type method struct {
	// perMinute is its tier: calls per minute, workspace and app (docs.slack.dev/apis/web-api/rate-limits).
	perMinute int
	// scopes are those of which the caller needs one. None: any token will do.
	scopes []string
	args   argSpec
	// open methods take no token: they come with the app's client id and secret.
	open bool
	run  func(*call) (response, error)
}

// methods are those the simulator answers; any other is unknown_method.
var methods = map[string]*method{
	"auth.test":         {perMinute: 300, run: authTest},
	"auth.revoke":       {perMinute: 50, args: argSpec{"test": argBool}, run: authRevoke},
	"apps.uninstall":    {perMinute: 20, args: argSpec{"client_id": argString, "client_secret": argString}, run: appsUninstall},
	"oauth.v2.access":   {perMinute: 600, args: oauthAccessArgs, open: true, run: oauthAccess},
	"oauth.v2.exchange": {perMinute: 600, args: oauthExchangeArgs, open: true, run: oauthExchange},

	"openid.connect.token":    {perMinute: 600, args: oauthAccessArgs, open: true, run: openIDToken},
	"openid.connect.userInfo": {perMinute: 50, open: true, run: openIDUserInfo},

	"users.list":            {perMinute: 20, scopes: []string{"users:read"}, args: usersListArgs, run: usersList},
	"users.info":            {perMinute: 100, scopes: []string{"users:read"}, args: usersInfoArgs, run: usersInfo},
	"users.lookupByEmail":   {perMinute: 50, scopes: []string{"users:read.email"}, args: lookupByEmailArgs, run: usersLookupByEmail},
	"users.conversations":   {perMinute: 50, scopes: infoScopes, args: usersConversationsArgs, run: usersConversations},
	"team.info":             {perMinute: 50, scopes: []string{"team:read"}, args: teamInfoArgs, run: teamInfo},
	"bots.info":             {perMinute: 50, scopes: []string{"users:read"}, args: botsInfoArgs, run: botsInfo},
	"conversations.list":    {perMinute: 20, scopes: infoScopes, args: conversationsListArgs, run: conversationsList},
	"conversations.members": {perMinute: 100, scopes: infoScopes, args: conversationsMembersArgs, run: conversationsMembers},
	"conversations.history": {perMinute: 50, scopes: historyScopes, args: historyArgs, run: conversationsHistory},
	"conversations.replies": {perMinute: 50, scopes: historyScopes, args: repliesArgs, run: conversationsReplies},
	"conversations.open":    {perMinute: 50, scopes: openScopes, args: conversationsOpenArgs, run: conversationsOpen},
	"conversations.info":    {perMinute: 50, scopes: infoScopes, args: conversationsInfoArgs, run: conversationsInfo},
	"chat.postMessage":      {perMinute: 0, scopes: []string{"chat:write"}, args: postMessageArgs, run: postMessage},
	"views.open":            {perMinute: 100, args: viewsOpenArgs, run: viewsOpen},
	"views.push":            {perMinute: 100, args: viewsOpenArgs, run: viewsPush},
	"views.update":          {perMinute: 100, args: viewsUpdateArgs, run: viewsUpdate},
	"chat.delete":           {perMinute: 50, scopes: []string{"chat:write"}, args: chatDeleteArgs, run: chatDelete},
	"chat.scheduleMessage":  {perMinute: 50, scopes: []string{"chat:write"}, args: scheduleArgs, run: scheduleMessage},
	"chat.getPermalink":     {perMinute: 600, args: permalinkArgs, run: chatGetPermalink},
	"chat.postEphemeral":    {perMinute: 100, scopes: []string{"chat:write"}, args: postEphemeralArgs, run: chatPostEphemeral},
	"chat.update":           {perMinute: 50, scopes: []string{"chat:write"}, args: updateArgs, run: updateMessage},
}

// call is one call of a method. Its run holds the simulator's mu.
type call struct {
	*Simulator
	method   string
	args     args
	token    string
	base     string // the simulator's own address, as the caller knows it
	in       *Install
	team     *team
	app      *App
	warnings []string
}

func (c *call) granted(scope string) bool { return slices.Contains(c.in.Scopes, scope) }

// need fails with missing_scope unless one of the scopes is granted.
func (c *call) need(scopes ...string) error {
	if len(scopes) == 0 || slices.ContainsFunc(scopes, c.granted) {
		return nil
	}
	return &apiError{code: "missing_scope", needed: strings.Join(scopes, ","), provided: strings.Join(c.in.Scopes, ",")}
}

// CallStats counts the calls of one Web API method.
type CallStats struct {
	Calls int `json:"calls"`
	OK    int `json:"ok"`
	// Errors counts answers that were not ok, by Slack's code; HTTP statuses of faults as status_503.
	Errors map[string]int `json:"errors,omitempty"`
}

// serveAPI answers /api/{method}.
func (s *Simulator) serveAPI(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("method")
	w.Header().Set("X-Slack-Req-Id", newSecret(32))
	w.Header().Set("Cache-Control", "private, no-cache, no-store, must-revalidate")
	args, token, warnings, err := readArgs(w, r)
	if err != nil {
		s.answer(w, name, nil, err, nil)
		return
	}
	if id, secret, ok := r.BasicAuth(); ok {
		args.set("client_id", id)
		args.set("client_secret", secret)
	}
	c := &call{Simulator: s, method: name, args: args, token: token, base: baseOf(r), warnings: warnings}
	if err := s.latency(r, c, token); err != nil {
		return // the caller has gone
	}
	out, fault, err := s.run(c, w.Header(), token)
	if fault != nil && (fault.Kind == FaultAPIReset || fault.Kind == FaultPartition) {
		reset(w)
		return
	}
	if fault != nil && fault.Kind == FaultAPIStatus {
		s.answerStatus(w, name, fault)
		return
	}
	s.answer(w, name, out, err, c.warnings)
}

// latency waits as a fault says, outside the lock.
func (s *Simulator) latency(r *http.Request, c *call, token string) error {
	s.mu.Lock()
	team, app := s.caller(token)
	f := s.faults.strikeAPI(FaultAPILatency, c.method, team, app, ChannelID(c.args.str("channel")))
	s.mu.Unlock()
	if f == nil {
		return nil
	}
	timer := time.NewTimer(f.delay())
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-r.Context().Done():
		return r.Context().Err()
	}
}

func (s *Simulator) caller(token string) (TeamID, AppID) {
	if in := s.state.tokens[token]; in != nil {
		return in.Team, in.App
	}
	return "", ""
}

// run makes the call under the lock, through the checks in Slack's order: method, token, rate, scope, arguments.
func (s *Simulator) run(c *call, header http.Header, token string) (response, *Fault, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	team, app := s.caller(token)
	channel := ChannelID(c.args.str("channel"))
	var fault *Fault
	for _, kind := range []string{FaultPartition, FaultAPIReset, FaultAPIStatus, FaultAPIError} {
		if fault = s.faults.strikeAPI(kind, c.method, team, app, channel); fault != nil {
			break
		}
	}
	if fault != nil && !fault.After {
		return nil, fault, fault.err()
	}
	out, err := s.checked(c, header, token)
	if fault != nil {
		return nil, fault, fault.err()
	}
	return out, nil, err
}

func (f *Fault) err() error { return &apiError{code: f.Error} }

func (s *Simulator) checked(c *call, header http.Header, token string) (response, error) {
	m := methods[c.method]
	if m == nil {
		return response{"req_method": c.method}, fail("unknown_method")
	}
	if m.open {
		if err := c.checkArgs(m.args); err != nil {
			return nil, err
		}
		return m.run(c)
	}
	if err := s.authenticate(c, token); err != nil {
		return nil, err
	}
	header.Set("X-OAuth-Scopes", strings.Join(c.in.Scopes, ","))
	if len(m.scopes) > 0 {
		header.Set("X-Accepted-OAuth-Scopes", strings.Join(m.scopes, ","))
	}
	if perMinute := c.tier(m); perMinute > 0 {
		if err := c.limit(windowKey{c.method, c.team.ID, c.app.ID}, perMinute); err != nil {
			return nil, err
		}
	}
	if err := c.need(m.scopes...); err != nil {
		return nil, err
	}
	if err := c.checkArgs(m.args); err != nil {
		return nil, err
	}
	return m.run(c)
}

// tier is how often the method may be called a minute: once, for the history of apps that are distributed outside the Marketplace.
func (c *call) tier(m *method) int {
	if c.app.Unlisted && !c.in.Exempt && (c.method == "conversations.history" || c.method == "conversations.replies") {
		return 1
	}
	return m.perMinute
}

// limit fails with 429 when there have been too many calls.
func (c *call) limit(key windowKey, perMinute int) error {
	if c.settings.NoRateLimits {
		return nil
	}
	if wait := c.limits.allow(key, perMinute, c.now()); wait > 0 {
		return &apiError{code: "ratelimited", retryAfter: retrySeconds(wait)}
	}
	return nil
}

// baseOf is the address by which a request came.
func baseOf(r *http.Request) string {
	if r.TLS != nil {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}

func (s *Simulator) authenticate(c *call, token string) error {
	in := s.state.tokens[token]
	if token == "" {
		return fail("not_authed")
	}
	if in == nil {
		return fail("invalid_auth")
	}
	now := s.state.teams[in.Team].installs[in.App]
	if now == nil { // an organization has taken it from all its workspaces
		return fail("account_inactive")
	}
	expires := int64(0)
	switch token {
	case now.Token:
		in, expires = now, now.Expires
	case now.FormerToken:
		in, expires = now, now.FormerExpires
	default: // of an earlier installation, or rotated out
		expires = 1
	}
	switch {
	case in.Removed:
		return fail("account_inactive") // the app's bot user is gone with the app
	case in.Revoked:
		return fail("token_revoked")
	case expires > 0 && c.now().Unix() >= expires:
		return fail("token_expired")
	}
	if in.Org != "" {
		var err error
		if in, err = c.about(in); err != nil {
			return err
		}
	}
	c.in, c.team, c.app = in, s.state.teams[in.Team], s.state.apps[in.App]
	return nil
}
