package console

import (
	"github.com/bigmind/backchannel/ingest/actor"
	"github.com/bigmind/backchannel/ingest/slackapp"
)

// gate is who may use a route: everybody, else whoever is signed in and, where it needs a permission, has that.
type gate struct {
	open  bool
	needs actor.Permission
}

var (
	everybody = gate{open: true}
	signedIn  = gate{}
)

func needs(p actor.Permission) gate { return gate{needs: p} }

// lets says whether somebody may use a route.
func (g gate) lets(who actor.Actor) bool {
	return g.open || who.Known() && (g.needs == "" || who.May(g.needs))
}

// route is a page, a part of one, or what a form does.
type route struct {
	method, path string
	gate         gate
	handle       func(*Console, *visit) (answer, error)
}

// routes are all there are. Whom the private channels, colleagues and others' notifications of an organization are shown is its
// administrators; a member sees what is their own.
var routes = []route{
	{"GET", Home + "assets/{version}/{file}", everybody, (*Console).asset},
	{"GET", Home + "signin", everybody, (*Console).signInPage},
	{"GET", Home + "signin/start", everybody, (*Console).signInStart},
	{"GET", CallbackPath, everybody, (*Console).signInCallback},
	{"POST", Home + "signout", signedIn, (*Console).signOut},
	{"GET", Home + "account", signedIn, (*Console).accountPage},
	{"POST", Home + "switch", signedIn, (*Console).switchOrg},

	{"GET", Home + "{$}", signedIn, (*Console).overview},
	{"GET", Home + "workspaces/{team}/disconnect", needs(actor.ConnectSlack), (*Console).disconnectPage},
	{"POST", Home + "workspaces/{team}/disconnect", needs(actor.ConnectSlack), (*Console).disconnect},

	{"GET", Home + "channels", needs(actor.SeeChannels), (*Console).channels},
	{"POST", Home + "channels/accept", needs(actor.LinkChannels), (*Console).accept},
	{"GET", Home + "channels/{team}/{channel}", needs(actor.SeeChannels), (*Console).channel},
	{"GET", Home + "channels/{team}/{channel}/accounts", needs(actor.SeeChannels), (*Console).accounts},
	{"GET", Home + "channels/{team}/{channel}/sync", needs(actor.SeeChannels), (*Console).syncPart},
	{"POST", Home + "channels/{team}/{channel}/link", needs(actor.LinkChannels), (*Console).link},
	{"POST", Home + "channels/{team}/{channel}/unlink", needs(actor.LinkChannels), (*Console).unlink},

	{"GET", Home + "people", needs(actor.SeePeople), (*Console).people},

	{"GET", Home + "notifications", signedIn, (*Console).mine},
	{"POST", Home + "notifications", signedIn, (*Console).saveMine},
	{"POST", Home + "notifications/quiet-hours", signedIn, (*Console).saveMyQuiet},
	{"GET", Home + "defaults", needs(actor.ChangeDefaults), (*Console).defaults},
	{"POST", Home + "defaults", needs(actor.ChangeDefaults), (*Console).saveDefaults},
	{"POST", Home + "defaults/quiet-hours", needs(actor.ChangeDefaults), (*Console).saveOrgQuiet},

	{"GET", Home + "waiting", signedIn, (*Console).waitingPart},

	{"GET", Home + "log", signedIn, (*Console).deliveries},
	{"GET", Home + "diagnose", signedIn, (*Console).diagnose},
}

// CallbackPath is where the issuer leads back to, once somebody has signed in.
const CallbackPath = slackapp.SignInPath
