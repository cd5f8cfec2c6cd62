package console

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/bigmind/backchannel/ingest"
	"github.com/bigmind/backchannel/ingest/actor"
	"github.com/bigmind/backchannel/ingest/console/signin"
	"github.com/bigmind/backchannel/schemas"
)

// visit is a request, and who it comes from.
type visit struct {
	w        http.ResponseWriter
	r        *http.Request
	me       *schemas.DirectoryUser // nil: nobody is signed in
	who      actor.Actor
	late     []change                // what an earlier form has changed, and the views do not show yet
	installs []*schemas.Installation // of the organization, by team id
}

func (v *visit) org() schemas.OrgID   { return v.me.OrgID }
func (v *visit) ctx() context.Context { return v.r.Context() }

func (v *visit) may(p actor.Permission) bool { return v.who.May(p) }

// part says that htmx asks for a part of the page.
func (v *visit) part() bool { return v.r.Header.Get("HX-Request") == "true" }

// install is the organization's installation in a workspace, if it has one.
func (v *visit) install(team schemas.TeamID) *schemas.Installation {
	for _, in := range v.installs {
		if in.TeamID == team {
			return in
		}
	}
	return nil
}

// syncs says whether channel sync is authorised in any workspace: until then there is no Channels tab.
func (v *visit) syncs() bool {
	for _, in := range v.installs {
		if in.Active() && in.MayKeep("") {
			return true
		}
	}
	return false
}

// answer is a page, a part of one, or where to go on.
type answer struct {
	status   int    // 0: 200
	template string // of templates/, without .html
	part     string // set: only this block of it
	title    string
	data     any
	location string
	written  bool // the handler has answered by itself
}

// goOn is where a form leads in the end, so that a page that is loaded again does nothing again.
func goOn(path string) (answer, error) { return answer{location: path}, nil }

var errNotFound = errors.New("there is no such page, or nothing of your organization")

// errSentence is what is wrong with a form, for who filled it in.
type errSentence string

func (e errSentence) Error() string { return string(e) }

const maxForm = 1 << 20

// serve guards a route: where a form comes from, who is signed in, what they may. Only then the handler is asked.
func (c *Console) serve(rt route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		started := time.Now()
		v := &visit{w: w, r: r}
		secureHeaders(w.Header())
		a, err := c.admit(v, rt)
		if err == nil && a.location == "" && a.template == "" {
			a, err = rt.handle(c, v)
		}
		if err != nil {
			a = c.failed(rt, err)
		}
		c.count(rt, c.write(v, a), started)
	})
}

// admit returns an answer only to whoever may not go on.
func (c *Console) admit(v *visit, rt route) (answer, error) {
	if a, bad := c.refuseForm(v); bad {
		return a, nil
	}
	if rt.gate.open {
		return answer{}, nil
	}
	me, err := c.opts.SignIn.Person(v.r)
	switch {
	case errors.Is(err, signin.ErrSignedOut) && (v.r.Method != http.MethodGet || v.part()):
		v.w.Header().Set("HX-Redirect", Home+"signin")
		return problem(http.StatusUnauthorized, "You are signed out", "Sign in, and try again. Nothing was changed."), nil
	case errors.Is(err, signin.ErrSignedOut):
		return answer{location: Home + "signin?" + url.Values{"next": {v.r.URL.RequestURI()}}.Encode()}, nil
	case err != nil:
		return answer{}, err
	}
	v.me, v.who = me, actor.Of(me)
	if err := c.lookAround(v); err != nil {
		return answer{}, err
	}
	if !rt.gate.lets(v.who) {
		return problem(http.StatusForbidden, "This is not yours to see", "It takes "+whoMay(rt.gate)+" of your organization. Ask one of them."), nil
	}
	return answer{}, c.lookForLate(v)
}

// refuseForm is what a form is told that comes from elsewhere, or that cannot be read.
func (c *Console) refuseForm(v *visit) (a answer, bad bool) {
	if v.r.Method == http.MethodGet || v.r.Method == http.MethodHead {
		return answer{}, false
	}
	if c.guard.Check(v.r) != nil || v.r.Header.Get("Sec-Fetch-Site") == "" && v.r.Header.Get("Origin") == "" {
		return problem(http.StatusForbidden, "That did not come from here", "The form was not sent from a page of this console. Nothing was changed."), true
	}
	v.r.Body = http.MaxBytesReader(v.w, v.r.Body, maxForm)
	if v.r.ParseForm() != nil {
		return problem(http.StatusBadRequest, "The form could not be read", "It is too large, or damaged. Nothing was changed."), true
	}
	return answer{}, false
}

// lookAround reads what every page shows of the organization.
func (c *Console) lookAround(v *visit) error {
	var installs *redis.MapStringStringCmd
	err := ingest.Lookup(v.ctx(), c.opts.Redis, func(pipe redis.Pipeliner) { installs = pipe.HGetAll(v.ctx(), schemas.ViewOrgInstalls(v.org())) })
	if err != nil {
		return err
	}
	for _, team := range sortedKeys(installs.Val()) {
		in, err := ingest.Viewed[schemas.Installation](installs.Val()[team])
		if err != nil {
			return err
		}
		if in != nil && in.OrgID == v.org() {
			v.installs = append(v.installs, in)
		}
	}
	return nil
}

// failed is the page of an error. What went wrong on our side is logged, and not shown.
func (c *Console) failed(rt route, err error) answer {
	what, ours := errors.AsType[errSentence](err)
	switch {
	case errors.Is(err, errNotFound):
		return problem(http.StatusNotFound, "There is nothing here", "Either there never was, or it is gone, or it is not your organization's.")
	case ours:
		return problem(http.StatusUnprocessableEntity, "That does not work", string(what))
	case errors.Is(err, ingest.ErrViewsIncomplete):
		return problem(http.StatusServiceUnavailable, "We are still starting", "What the pages show is being built up. Try again in a minute.")
	}
	c.opts.Log.Warn("a page of the console could not be answered", "route", rt.path, "error", err)
	return problem(http.StatusServiceUnavailable, "Not right now", "One of our systems does not answer. If you changed something, look whether it was taken before you try again, in a minute.")
}

// said is a page that says something.
type said struct{ Title, Text string }

func problem(status int, title, text string) answer {
	return answer{status: status, template: "problem", title: title, data: said{title, text}}
}

// secureHeaders let a page use what this site serves as files, and nothing else; and nobody keep, frame or sniff it.
func secureHeaders(h http.Header) {
	h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "+
		"form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
}
