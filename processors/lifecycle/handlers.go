package lifecycle

import (
	"cmp"
	"errors"
	"slices"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/processors"
	"github.com/bigmind/backchannel/schemas"
)

// handler states what an event changes, or says why nothing. The installation is known.
type handler func(e *event, k known) ([]*kgo.Record, schemas.Reason, error)

var handlers = map[string]handler{
	"app_uninstalled": uninstalled, "tokens_revoked": revoked, "team_join": person, "user_change": person,
	"member_joined_channel": joined, "member_left_channel": memberLeft, "channel_left": left, "group_left": left,
	"channel_rename": renamed, "group_rename": renamed, "channel_archive": archived(true), "group_archive": archived(true),
	"channel_unarchive": archived(false), "group_unarchive": archived(false), "channel_deleted": deleted, "group_deleted": deleted,
	"channel_shared": shared, "channel_unshared": shared, "channel_id_changed": identified,
}

// uninstalled: the app is gone from the workspace, and its token with it.
func uninstalled(e *event, k known) ([]*kgo.Record, schemas.Reason, error) {
	return ended(e, *k.install, schemas.InstallUninstalled)
}

// revoked names user ids, not tokens; our bot's is among them or it is not about us (docs.slack.dev/reference/events/tokens_revoked).
// It may come after app_uninstalled (bolt-js #673), which says more.
func revoked(e *event, k known) ([]*kgo.Record, schemas.Reason, error) {
	var body struct {
		Tokens struct {
			Bot []schemas.SlackUserID `json:"bot"`
		} `json:"tokens"`
	}
	if err := read(e.inner, &body); err != nil {
		return nil, "", errors.New("tokens is not as Slack documents it")
	}
	if k.install.BotUserID == "" || !slices.Contains(body.Tokens.Bot, k.install.BotUserID) {
		return nil, schemas.NotOurs, nil
	}
	return ended(e, *k.install, schemas.InstallRevoked)
}

// ended keeps what the installation was, without its token.
func ended(e *event, in schemas.Installation, status schemas.InstallStatus) ([]*kgo.Record, schemas.Reason, error) {
	switch {
	case e.at.Before(in.InstalledAt):
		return nil, schemas.BeforeGrant, nil
	case in.Status == schemas.InstallUninstalled, in.Status == status:
		return nil, schemas.AlreadyEnded, nil
	}
	in.Status, in.Reason, in.UpdatedAt = status, e.kind, e.at
	in.SealedToken, in.SealedRefreshToken = "", ""
	value, err := schemas.SlackInstallations.Encode(in)
	if err != nil {
		return nil, "", err
	}
	return []*kgo.Record{processors.Emit(schemas.SlackInstallations.Spec, schemas.TeamKey(in.TeamID), value)}, "", nil
}

// slackUser is what is read of Slack's user object (docs.slack.dev/reference/objects/user-object). The email is there with the scope
// users:read.email alone.
type slackUser struct {
	ID           schemas.SlackUserID `json:"id"`
	TeamID       schemas.TeamID      `json:"team_id"`
	Name         string              `json:"name"`
	RealName     string              `json:"real_name"`
	TZ           string              `json:"tz"`
	Deleted      flag                `json:"deleted"`
	IsBot        flag                `json:"is_bot"`
	IsRestricted flag                `json:"is_restricted"`
	IsUltra      flag                `json:"is_ultra_restricted"`
	IsStranger   flag                `json:"is_stranger"`
	Enterprise   *struct{}           `json:"enterprise_user"`
	Profile      struct {
		RealName    string `json:"real_name"`
		DisplayName string `json:"display_name"`
		Email       string `json:"email"`
	} `json:"profile"`
}

// person states what somebody now is.
func person(e *event, k known) ([]*kgo.Record, schemas.Reason, error) {
	in := k.install
	if !in.Active() {
		return nil, schemas.NotInstalled, nil
	}
	var body struct {
		User slackUser `json:"user"`
	}
	if err := read(e.inner, &body); err != nil || body.User.ID == "" {
		return nil, "", errors.New("user is not as Slack documents it")
	}
	u := &body.User
	out := schemas.SlackUser{
		OrgID: in.OrgID, TeamID: e.team, UserID: u.ID, Name: cmp.Or(u.RealName, u.Profile.RealName, u.Profile.DisplayName, u.Name), Email: u.Profile.Email,
		TimeZone: u.TZ, IsBot: bool(u.IsBot) || u.ID == "USLACKBOT", IsGuest: bool(u.IsRestricted || u.IsUltra), Deleted: bool(u.Deleted),
		IsExternal: bool(u.IsStranger) || u.TeamID != "" && u.TeamID != e.team && u.Enterprise == nil, HomeTeamID: u.TeamID, UpdatedAt: e.at,
	}
	value, err := schemas.SlackUsers.Encode(out)
	if err != nil {
		return nil, "", err
	}
	return []*kgo.Record{processors.Emit(schemas.SlackUsers.Spec, schemas.TeamUserKey(out.TeamID, out.UserID), value)}, "", nil
}
