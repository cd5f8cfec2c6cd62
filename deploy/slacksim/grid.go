package slacksim

import (
	"net/http"
	"slices"
)

// Enterprise Grid: an app that an organization has installed once, for those of its workspaces that it was granted. The token is one,
// and so is the bot user; which workspace a call is about follows from its arguments, and lists need team_id.

// access grants an org-wide installation to a workspace, or takes it away.
type access struct {
	Team    TeamID  `json:"team"`
	Install Install `json:"install"`
	Revoked bool    `json:"revoked,omitempty"`
}

// needTeam are the methods that need team_id from an org-wide token (docs.slack.dev/enterprise/developing-for-enterprise-orgs).
var needTeam = []string{"users.list", "conversations.list", "users.conversations"}

func (s *Simulator) gridRoutes(mux *http.ServeMux) {
	mux.HandleFunc("POST /control/teams/{team}/installs/{app}/access", inTeam(s, func(r *http.Request, t *team, in OrgInstall) (Install, error) {
		return s.grantAccess(t, AppID(r.PathValue("app")), in.Scopes)
	}))
	mux.HandleFunc("DELETE /control/teams/{team}/installs/{app}/access", inTeam(s, func(r *http.Request, t *team, _ none) (none, error) {
		return none{}, s.revokeAccess(t, AppID(r.PathValue("app")))
	}))
}

// OrgInstall installs an app for the whole organization of a workspace, or grants what is installed to one more.
type OrgInstall struct {
	Scopes []string `json:"scopes"`
}

// orgInstall is an app's org-wide installation as some workspace of the organization has it.
func (s *state) orgInstall(enterprise string, app AppID) *Install {
	for _, id := range s.teamOrder {
		if in := s.teams[id].installs[app]; in != nil && in.Org == enterprise && enterprise != "" && !in.Removed {
			return in
		}
	}
	return nil
}

func (s *Simulator) grantAccess(t *team, id AppID, scopes []string) (Install, error) {
	a, err := s.app(id)
	if err != nil {
		return Install{}, err
	}
	org := t.enterpriseID()
	if org == "" {
		return Install{}, refuse("workspace %s is in no Enterprise Grid organization", t.ID)
	}
	in := Install{
		App: a.ID, Org: org, Scopes: scopes, Token: newBotToken(), BotUserID: UserID(newID("U")), BotID: BotID(newID("B")), Installed: s.now().Unix(),
	}
	if there := s.state.orgInstall(org, id); there != nil {
		in = *there
		in.Scopes = slices.Compact(slices.Sorted(slices.Values(append(slices.Clone(there.Scopes), scopes...))))
	}
	in.Team = t.ID
	if len(in.Scopes) == 0 {
		return in, refuse("scopes is empty: give those granted, such as chat:write")
	}
	if err := s.putBotUser(t, a, in); err != nil {
		return in, err
	}
	return in, s.commit(change{Access: &access{Team: t.ID, Install: in}})
}

// installOrg grants an app all workspaces of an organization.
func (s *Simulator) installOrg(t *team, app AppID, scopes []string) (in Install, err error) {
	for _, id := range s.state.teamOrder {
		if other := s.state.teams[id]; t.enterpriseID() != "" && other.enterpriseID() == t.enterpriseID() {
			if in, err = s.grantAccess(other, app, scopes); err != nil {
				return in, err
			}
		}
	}
	if in.Org == "" {
		return in, fail("org_login_required")
	}
	return in, nil
}

func (s *Simulator) revokeAccess(t *team, id AppID) error {
	in, err := s.installed(t, id)
	if err != nil {
		return err
	}
	if in.Org == "" {
		return refuse("app %s is installed in workspace %s alone; uninstall it there", id, t.ID)
	}
	return s.commit(change{Access: &access{Team: t.ID, Install: in, Revoked: true}})
}

// access tells an app through a workspace that it still has, or has now.
func (s *state) access(do *access) []event {
	t := s.teams[do.Team]
	if do.Revoked {
		delete(t.installs, do.Install.App)
		t.installOrder = slices.DeleteFunc(slices.Clone(t.installOrder), func(id AppID) bool { return id == do.Install.App })
		left := s.orgInstall(do.Install.Org, do.Install.App)
		if left == nil {
			return nil
		}
		s.tokens[left.Token] = left
		return []event{{team: s.teams[left.Team], name: "team_access_revoked", app: do.Install.App, with: do.Team}}
	}
	first := s.orgInstall(do.Install.Org, do.Install.App) == nil
	if t.installs[do.Install.App] == nil {
		t.installOrder = append(t.installOrder, do.Install.App)
	}
	in := do.Install
	t.installs[in.App], s.tokens[in.Token] = &in, &in
	if first {
		return nil
	}
	return []event{{team: t, name: "team_access_granted", app: in.App, with: do.Team}}
}

// about finds the workspace that an org-wide token's call is about.
func (c *call) about(in *Install) (*Install, error) {
	granted := func(id TeamID) *Install {
		if t := c.state.teams[id]; t != nil && t.installs[in.App] != nil && t.installs[in.App].Org == in.Org {
			return t.installs[in.App]
		}
		return nil
	}
	if id := TeamID(c.args.str("team_id")); id != "" {
		if there := granted(id); there != nil {
			return there, nil
		}
		return nil, fail("team_access_not_granted")
	}
	if slices.Contains(needTeam, c.method) {
		return nil, &apiError{code: "missing_argument", messages: []string{"[ERROR] missing required field: team_id"}}
	}
	for _, id := range c.state.teamOrder {
		there, t := granted(id), c.state.teams[id]
		if there == nil {
			continue
		}
		user := UserID(c.args.str("user"))
		if list := splitUsers(c.args.str("users")); len(list) > 0 {
			user = list[0]
		}
		target := c.args.str("channel")
		if t.channels[ChannelID(target)] != nil || t.users[UserID(target)] != nil || t.users[user] != nil {
			return there, nil
		}
	}
	return in, nil
}
