package directory

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/slack-go/slack"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/ingest"
	"github.com/bigmind/backchannel/schemas"
)

// pageSize is what Slack advises for its lists.
const pageSize = 200

// lists are those that the installation's scopes allow. Without channel sync no list of channels is ever asked for.
func (w *workspace) lists() []list {
	var all []list
	if slices.Contains(w.in.Scopes, schemas.ScopeUsersRead) {
		all = append(all, list{name: "users", method: "users.list", fetch: w.users})
	}
	if len(w.channelTypes()) > 0 {
		all = append(all, list{name: "channels", method: "conversations.list", fetch: w.channels, swept: w.left})
	}
	return all
}

func (w *workspace) channelTypes() (types []string) {
	if slices.Contains(w.in.Scopes, schemas.ScopeChannelsRead) {
		types = append(types, "public_channel")
	}
	if slices.Contains(w.in.Scopes, schemas.ScopeGroupsRead) {
		types = append(types, "private_channel")
	}
	return types
}

func (w *workspace) users(ctx context.Context, cursor string) ([]*kgo.Record, string, error) {
	page, err := w.slack.GetUsersPaginated(slack.GetUsersOptionLimit(pageSize), slack.GetUsersOptionCursor(cursor)).Next(ctx)
	if err != nil {
		return nil, "", err
	}
	records := make([]*kgo.Record, 0, len(page.Users))
	for i := range page.Users {
		u := w.user(&page.Users[i])
		value, err := schemas.SlackUsers.Encode(u)
		if err != nil {
			return nil, "", err
		}
		records = append(records, &kgo.Record{Topic: schemas.SlackUsers.Name, Key: []byte(schemas.TeamUserKey(u.TeamID, u.UserID)), Value: value})
	}
	return records, page.Cursor, nil
}

// user is a member as our records have them. Slackbot is no bot by Slack's word, and nobody to us either.
func (w *workspace) user(u *slack.User) schemas.SlackUser {
	return schemas.SlackUser{
		OrgID: w.in.OrgID, TeamID: w.in.TeamID, UserID: schemas.SlackUserID(u.ID), Name: cmp.Or(u.RealName, u.Profile.RealName, u.Profile.DisplayName, u.Name),
		Email: u.Profile.Email, TimeZone: u.TZ, IsBot: u.IsBot || u.ID == "USLACKBOT", IsGuest: u.IsRestricted || u.IsUltraRestricted, Deleted: u.Deleted,
		IsExternal: u.IsStranger || u.TeamID != "" && schemas.TeamID(u.TeamID) != w.in.TeamID && u.Enterprise.EnterpriseID == "",
		HomeTeamID: schemas.TeamID(u.TeamID), UpdatedAt: u.Updated.Time().UTC(),
	}
}

// channels are those that the app is in.
func (w *workspace) channels(ctx context.Context, cursor string) ([]*kgo.Record, string, error) {
	page, next, err := w.slack.GetConversationsContext(ctx, &slack.GetConversationsParameters{Types: w.channelTypes(), Limit: pageSize, Cursor: cursor})
	if err != nil {
		return nil, "", err
	}
	var records []*kgo.Record
	for i := range page {
		if !page[i].IsMember {
			continue
		}
		rec, err := w.channel(&page[i])
		if err != nil {
			return nil, "", err
		}
		records = append(records, rec)
	}
	return records, next, nil
}

// channel is the record of a channel that the app is in.
func (w *workspace) channel(c *slack.Channel) (*kgo.Record, error) {
	return w.record(schemas.SlackChannel{
		OrgID: w.in.OrgID, TeamID: w.in.TeamID, ChannelID: schemas.ChannelID(c.ID), Name: c.Name, IsPrivate: c.IsPrivate,
		IsArchived: c.IsArchived, IsExtShared: c.IsExtShared, IsMember: true, ExternalTeamIDs: w.others(c), UpdatedAt: time.Now().UTC(),
	})
}

// others are the companies that a channel is shared with: those connected that are not of our own organization.
func (w *workspace) others(c *slack.Channel) (teams []schemas.TeamID) {
	if !c.IsExtShared {
		return nil
	}
	for _, id := range c.ConnectedTeamIDs {
		if id != string(w.in.TeamID) && id != string(w.in.EnterpriseID) && !slices.Contains(c.InternalTeamIDs, id) {
			teams = append(teams, schemas.TeamID(id))
		}
	}
	return teams
}

func (w *workspace) record(c schemas.SlackChannel) (*kgo.Record, error) {
	value, err := schemas.SlackChannels.Encode(c)
	if err != nil {
		return nil, err
	}
	return &kgo.Record{Topic: schemas.SlackChannels.Name, Key: []byte(schemas.TeamChannelKey(c.TeamID, c.ChannelID)), Value: value}, nil
}

// left finds channels that we took the app to be in, and that the list does not have so: it has left them. A private one exists
// for us only while the app is in it.
func (w *workspace) left(ctx context.Context, seen map[string]bool) ([]*kgo.Record, error) {
	var known *redis.MapStringStringCmd
	err := ingest.Lookup(ctx, w.opts.Redis, func(pipe redis.Pipeliner) {
		known = pipe.HGetAll(ctx, schemas.ViewTeamChannels(w.in.TeamID))
	})
	if err != nil {
		return nil, err
	}
	var gone []*kgo.Record
	for _, value := range known.Val() {
		c, err := ingest.Viewed[schemas.SlackChannel](value)
		if err != nil {
			return nil, err
		}
		if c == nil || !c.IsMember || seen[string(schemas.TeamChannelKey(c.TeamID, c.ChannelID))] {
			continue
		}
		c.IsMember, c.UpdatedAt = false, time.Now().UTC()
		rec, err := w.record(*c)
		if err != nil {
			return nil, err
		}
		if c.IsPrivate {
			rec.Value = nil
		}
		gone = append(gone, rec)
	}
	return gone, nil
}
