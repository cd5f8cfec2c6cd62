package console

import (
	"errors"

	"github.com/bigmind/backchannel/ingest/console/signin"
	"github.com/bigmind/backchannel/schemas"
)

// signInPage offers to sign in, unless somebody is.
func (c *Console) signInPage(v *visit) (answer, error) {
	next := c.opts.SignIn.Next(v.r.URL.Query().Get("next"))
	if _, err := c.opts.SignIn.Person(v.r); err == nil {
		return goOn(next)
	}
	return answer{template: "signin", title: "Sign in", data: next}, nil
}

func (c *Console) signInStart(v *visit) (answer, error) {
	location, p := c.opts.SignIn.Begin(v.w, v.r, v.r.URL.Query().Get("next"))
	if p != nil {
		return signInProblem(p)
	}
	return goOn(location)
}

func (c *Console) signInCallback(v *visit) (answer, error) {
	next, p := c.opts.SignIn.Callback(v.w, v.r)
	if p != nil {
		return signInProblem(p)
	}
	return goOn(next)
}

func signInProblem(p *signin.Problem) (answer, error) {
	return answer{status: p.Status, template: "signin_problem", title: p.Title, data: said{p.Title, p.Text}}, nil
}

func (c *Console) signOut(v *visit) (answer, error) {
	err := c.opts.SignIn.SignOut(v.w, v.r, v.r.PostForm.Get("everywhere") != "")
	if err != nil && !errors.Is(err, signin.ErrSignedOut) {
		return answer{}, err
	}
	return goOn(Home + "signin")
}

// accountPage says who is signed in, and where else they could be.
func (c *Console) accountPage(v *visit) (answer, error) {
	others, err := c.opts.SignIn.Others(v.r)
	if err != nil {
		return answer{}, err
	}
	return answer{template: "account", title: "Your account", data: struct {
		Me     *schemas.DirectoryUser
		Role   string
		Others []schemas.OrgID
	}{v.me, roleName(v.who.Role), others}}, nil
}

func (c *Console) switchOrg(v *visit) (answer, error) {
	ok, err := c.opts.SignIn.Switch(v.w, v.r, schemas.OrgID(v.r.PostForm.Get("org")))
	switch {
	case err != nil:
		return answer{}, err
	case !ok:
		return answer{}, errNotFound
	}
	return goOn(Home)
}
