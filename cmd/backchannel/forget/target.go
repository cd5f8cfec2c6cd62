package forget

import (
	"errors"
	"slices"
	"strings"

	"github.com/bigmind/backchannel/schemas"
)

// Target is what to forget: of an organization all, or a person, a channel or an account.
type Target struct {
	Org     schemas.OrgID     `json:"org"`
	User    string            `json:"user,omitempty"` // Slack user id, Bigmind user id or email
	Team    schemas.TeamID    `json:"team,omitempty"` // of the channel, where several workspaces have it
	Channel schemas.ChannelID `json:"channel,omitempty"`
	Account schemas.AccountID `json:"account,omitempty"`
	All     bool              `json:"all,omitempty"` // everything of the organization
	Names   Names             `json:"names,omitzero"`
}

// Names are what a person, or an account's channels, were found by when they were forgotten: afterwards nothing leads from an email to a Slack user any more.
type Names struct {
	SlackUsers []string    `json:"slack_users,omitempty"`
	Users      []string    `json:"users,omitempty"`
	Emails     []string    `json:"emails,omitempty"`
	Channels   []channelID `json:"channels,omitempty"`
	Teams      []string    `json:"teams,omitempty"` // the organization's workspaces
}

// Validate says what is missing.
func (t Target) Validate() error {
	n := 0
	for _, named := range []bool{t.User != "", t.Channel != "", t.Account != "", t.All} {
		if named {
			n++
		}
	}
	switch {
	case t.Org == "":
		return errors.New("--org is missing: name the organization")
	case n != 1:
		return errors.New("say what to forget: one of --user, --channel, --account, or --all for the whole organization")
	}
	return nil
}

// known is what of the target is found in the compacted topics, by which more is found.
type known struct{ Target }

// channelID is a channel in its workspace; without one in any.
type channelID struct {
	Team    string `json:"team,omitempty"`
	Channel string `json:"channel"`
}

// fields are those of control records by which somebody or something is named.
type fields struct {
	OrgID     string `json:"org_id"`
	TeamID    string `json:"team_id"`
	ChannelID string `json:"channel_id"`
	AccountID string `json:"account_id"`
	UserID    string `json:"user_id"`
	Email     string `json:"email"`
	Delivery  *struct {
		Recipient struct {
			UserID string `json:"user_id"`
			Email  string `json:"email"`
		} `json:"recipient"`
	} `json:"delivery"`
}

// learn finds the person's other names, or the account's channels, beside those of a run before.
func (k *known) learn(records []control) {
	if k.User != "" {
		k.Names.SlackUsers, k.Names.Users, k.Names.Emails = add(k.Names.SlackUsers, k.User), add(k.Names.Users, k.User), add(k.Names.Emails, schemas.NormalEmail(k.User))
	}
	if k.Channel != "" && !k.isOf(string(k.Team), string(k.Channel)) {
		k.Names.Channels = append(k.Names.Channels, channelID{string(k.Team), string(k.Channel)})
	}
	for range 2 { // the email of a Slack user leads to the Bigmind user, and the other way round
		for _, r := range records {
			k.learnFrom(r)
		}
	}
}

func (k *known) learnFrom(r control) {
	if r.OrgID != string(k.Org) {
		return
	}
	if r.TeamID != "" {
		k.Names.Teams = add(k.Names.Teams, r.TeamID)
	}
	switch r.topic {
	case schemas.SlackUsers.Name, schemas.DirectoryUsers.Name:
		email := schemas.NormalEmail(r.Email)
		ids := &k.Names.SlackUsers
		if r.topic == schemas.DirectoryUsers.Name {
			ids = &k.Names.Users
		}
		if k.User != "" && (slices.Contains(*ids, r.UserID) || email != "" && slices.Contains(k.Names.Emails, email)) {
			*ids = add(*ids, r.UserID)
			if email != "" {
				k.Names.Emails = add(k.Names.Emails, email)
			}
		}
	case schemas.ChannelAssociations.Name:
		if k.Account != "" && r.AccountID == string(k.Account) && !k.isOf(r.TeamID, r.ChannelID) {
			k.Names.Channels = append(k.Names.Channels, channelID{r.TeamID, r.ChannelID})
		}
	}
}

func add(all []string, s string) []string {
	if slices.Contains(all, s) {
		return all
	}
	return append(all, s)
}

func (k *known) isOf(team, channel string) bool {
	return slices.ContainsFunc(k.Names.Channels, func(c channelID) bool { return c.Channel == channel && (c.Team == "" || c.Team == team) })
}

// leads says of a control record that it leads to the names of a person. Such records go last, so that a run that broke off finds the person again.
func (c control) leads() bool {
	return c.topic == schemas.SlackUsers.Name || c.topic == schemas.DirectoryUsers.Name
}

// doomed are the control records that go.
func (k *known) doomed(all []control) []control {
	return slices.DeleteFunc(slices.Clone(all), func(c control) bool { return !k.meant(c) })
}

// meant says whether a control record goes.
func (k *known) meant(r control) bool {
	if r.OrgID != string(k.Org) {
		return false
	}
	if k.All {
		return true
	}
	switch r.topic {
	case schemas.ChannelAssociations.Name, schemas.SyncCheckpoints.Name, schemas.SyncRequests.Name, schemas.SetupPrompts.Name:
		return k.isOf(r.TeamID, r.ChannelID)
	case schemas.CRMAccounts.Name, schemas.CRMDeals.Name:
		return k.Account != "" && r.AccountID == string(k.Account)
	case schemas.SlackUsers.Name:
		return slices.Contains(k.Names.SlackUsers, r.UserID)
	case schemas.DirectoryUsers.Name, schemas.APITokens.Name: // a token of somebody who comes back under the id is not theirs
		return slices.Contains(k.Names.Users, r.UserID)
	case schemas.NotificationPreferences.Name:
		_, user, _ := strings.Cut(r.key, "/")
		return user != "" && slices.Contains(k.Names.Users, user)
	case schemas.NotificationHeld.Name:
		return r.Delivery != nil && (slices.Contains(k.Names.Users, r.Delivery.Recipient.UserID) || slices.Contains(k.Names.Emails, schemas.NormalEmail(r.Delivery.Recipient.Email)))
	}
	return false
}
