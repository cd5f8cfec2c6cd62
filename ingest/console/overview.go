package console

import (
	"net/url"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/bigmind/backchannel/ingest"
	"github.com/bigmind/backchannel/ingest/actor"
	"github.com/bigmind/backchannel/ingest/lists"
	"github.com/bigmind/backchannel/ingest/slackapp"
	"github.com/bigmind/backchannel/schemas"
)

// workspace is an installation as the overview shows it.
type workspace struct {
	*schemas.Installation
	By            string // whoever connected it
	Notifications []scope
	Sync          []scope
	Token         string // how the token is, in words
	TokenOK       bool
	HeardAt       time.Time // of the last event; zero: not known
	SyncPath      string    // where channel sync is authorised
}

// scope is one of Slack's, what it is for, and whether it was granted.
type scope struct {
	Name, For string
	Granted   bool
}

// scopeWords are the product page's.
var scopeWords = map[string]string{
	schemas.ScopeChatWrite: "post messages into a conversation", schemas.ScopeIMWrite: "open a direct message with a person",
	schemas.ScopeUsersRead: "list the people of the workspace", schemas.ScopeUsersReadEmail: "read their email addresses, to match them",
	schemas.ScopeChannelsRead: "list public channels that the app is in", schemas.ScopeChannelsHistory: "read messages of public channels that the app is in",
	schemas.ScopeGroupsRead: "list private channels that the app was added to", schemas.ScopeGroupsHistory: "read messages of private channels that the app was added to",
}

func (w *workspace) Lacks() bool {
	return slices.ContainsFunc(w.Notifications, func(s scope) bool { return !s.Granted })
}

// Syncs says whether channel sync is authorised, at least for one kind of channel.
func (w *workspace) Syncs() bool { return w.MayKeep("") }

// SyncLacks says that channel sync was authorised in part.
func (w *workspace) SyncLacks() bool {
	return slices.ContainsFunc(w.Sync, func(s scope) bool { return !s.Granted })
}

func scopesOf(in *schemas.Installation, names []string) (out []scope) {
	for _, name := range names {
		out = append(out, scope{name, scopeWords[name], slices.Contains(in.Scopes, name)})
	}
	return out
}

// overviewData is what the first page shows.
type overviewData struct {
	Workspaces    []workspace
	Connected     bool
	Settling      bool // a workspace was just connected: its people and channels are being read
	MayConnect    bool // an administrator, and a Slack app is configured
	IsOwner       bool
	Configured    bool
	ConnectPath   string
	Matched       int64
	Unmatched     int64
	Linked        int64
	Unlinked      int64
	Syncs         bool
	Admin         bool
	NotifyScopes  []scope
	ChannelScopes []scope
}

// settling is for how long after a workspace was connected the page looks at the numbers often. A large workspace takes longer to be read: then seldom.
const settling = 5 * time.Minute

// overview is Settings, Communication data, Messaging.
func (c *Console) overview(v *visit) (answer, error) {
	d := overviewData{
		Configured: c.opts.Disconnect != nil, MayConnect: v.may(actor.ConnectSlack) && c.opts.Disconnect != nil, IsOwner: v.may(actor.ConnectSync), Admin: v.may(actor.SeePeople),
		ConnectPath: slackapp.ConnectPath, Syncs: v.syncs(),
	}
	none := &schemas.Installation{}
	d.NotifyScopes, d.ChannelScopes = scopesOf(none, schemas.NotificationScopes()), scopesOf(none, schemas.ChannelSyncScopes())
	by, refused := make([]*redis.StringCmd, len(v.installs)), make([]*redis.StringCmd, len(v.installs))
	heard := make([]*redis.StringCmd, len(v.installs))
	var counts [4]*redis.IntCmd
	err := ingest.Lookup(v.ctx(), c.opts.Redis, func(pipe redis.Pipeliner) {
		for i, in := range v.installs {
			by[i] = pipe.HGet(v.ctx(), schemas.ViewTeamUsers(in.TeamID), string(in.InstalledBy))
			refused[i] = pipe.Get(v.ctx(), schemas.SuspendKey(in.TeamID))
			heard[i] = pipe.Get(v.ctx(), schemas.HeardKey(in.TeamID))
		}
		people, channels := lists.People(v.org()), lists.Channels(v.org())
		counts[0] = lists.Count(v.ctx(), pipe, people, schemas.StateDone)
		counts[1] = lists.Count(v.ctx(), pipe, people, schemas.StateOpen)
		counts[2] = lists.Count(v.ctx(), pipe, channels, schemas.StateDone)
		counts[3] = lists.Count(v.ctx(), pipe, channels, schemas.StateOpen)
	})
	if err != nil {
		return answer{}, err
	}
	d.Matched, d.Unmatched, d.Linked, d.Unlinked = counts[0].Val(), counts[1].Val(), counts[2].Val(), counts[3].Val()
	for i, in := range v.installs {
		w := workspace{Installation: in, Notifications: scopesOf(in, schemas.NotificationScopes()), Sync: scopesOf(in, schemas.ChannelSyncScopes())}
		w.By = string(in.InstalledBy)
		if u, err := ingest.Viewed[schemas.SlackUser](by[i].Val()); err == nil && u != nil && u.Name != "" {
			w.By = u.Name
		}
		w.Token, w.TokenOK = tokenWords(in, refused[i].Val())
		w.HeardAt, _ = time.Parse(time.RFC3339, heard[i].Val())
		w.SyncPath = slackapp.ChannelSyncPath + "?" + url.Values{"team": {string(in.TeamID)}}.Encode()
		d.Workspaces = append(d.Workspaces, w)
		d.Connected = d.Connected || in.Active()
		d.Settling = d.Settling || in.Active() && c.opts.Now().Sub(in.UpdatedAt) < settling
	}
	a := answer{template: "overview", title: "Messaging", data: d}
	if v.part() && v.r.Header.Get("HX-Target") == "tiles" {
		a.part = "tiles"
	}
	return a, nil
}

// tokenWords say how an installation's token is. refused is what Slack has last refused a post with, if it has.
func tokenWords(in *schemas.Installation, refused string) (says string, ok bool) {
	switch {
	case in.Status == schemas.InstallUninstalled:
		return "None: the app was uninstalled.", false
	case !in.Active():
		return "Revoked. Connect Slack again.", false
	case !in.Callable():
		return "None. Connect Slack.", false
	case refused != "":
		return "Slack refused it. Connect Slack again.", false
	case !in.TokenExpiresAt.IsZero():
		return "Good; renewed by itself, next before " + when(in.TokenExpiresAt) + ".", true
	}
	return "Good. It is tried every 15 minutes.", true
}
