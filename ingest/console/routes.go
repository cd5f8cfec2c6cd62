package console

import (
	"github.com/bigmind/backchannel/ingest/actor"
	"github.com/bigmind/backchannel/ingest/slackapp"
	"github.com/bigmind/backchannel/schemas"
)

// role is what somebody is in their organization. Each may do what the ones before it may.
type role int

const (
	anybody role = iota // who is not signed in
	member
	admin
	owner
)

func roleOf(u *schemas.DirectoryUser) role {
	known, _ := actor.ParseRole(u.Role) // one that nobody knows may nothing
	switch known {
	case actor.Owner:
		return owner
	case actor.Admin:
		return admin
	case actor.Member:
		return member
	}
	return anybody
}

func (r role) String() string {
	return [...]string{"Nobody", "Member", "Administrator", "Owner"}[r]
}

// route is a page, a part of one, or what a form does.
type route struct {
	method, path string
	least        role
	handle       func(*Console, *visit) (answer, error)
}

// routes are all there are. Whom the private channels, colleagues and others' notifications of an organization are shown is its
// administrators; a member sees what is their own.
var routes = []route{
	{"GET", Home + "assets/{version}/{file}", anybody, (*Console).asset},
	{"GET", Home + "signin", anybody, (*Console).signInPage},
	{"GET", Home + "signin/start", anybody, (*Console).signInStart},
	{"GET", CallbackPath, anybody, (*Console).signInCallback},
	{"POST", Home + "signout", member, (*Console).signOut},
	{"GET", Home + "account", member, (*Console).accountPage},
	{"POST", Home + "switch", member, (*Console).switchOrg},

	{"GET", Home + "{$}", member, (*Console).overview},
	{"GET", Home + "workspaces/{team}/disconnect", admin, (*Console).disconnectPage},
	{"POST", Home + "workspaces/{team}/disconnect", admin, (*Console).disconnect},

	{"GET", Home + "channels", admin, (*Console).channels},
	{"POST", Home + "channels/accept", admin, (*Console).accept},
	{"GET", Home + "channels/{team}/{channel}", admin, (*Console).channel},
	{"GET", Home + "channels/{team}/{channel}/accounts", admin, (*Console).accounts},
	{"GET", Home + "channels/{team}/{channel}/sync", admin, (*Console).syncPart},
	{"POST", Home + "channels/{team}/{channel}/link", admin, (*Console).link},
	{"POST", Home + "channels/{team}/{channel}/unlink", admin, (*Console).unlink},

	{"GET", Home + "people", admin, (*Console).people},

	{"GET", Home + "notifications", member, (*Console).mine},
	{"POST", Home + "notifications", member, (*Console).saveMine},
	{"POST", Home + "notifications/quiet-hours", member, (*Console).saveMyQuiet},
	{"GET", Home + "defaults", admin, (*Console).defaults},
	{"POST", Home + "defaults", admin, (*Console).saveDefaults},
	{"POST", Home + "defaults/quiet-hours", admin, (*Console).saveOrgQuiet},

	{"GET", Home + "log", member, (*Console).deliveries},
	{"GET", Home + "diagnose", member, (*Console).diagnose},
}

// CallbackPath is where the issuer leads back to, once somebody has signed in.
const CallbackPath = slackapp.SignInPath
