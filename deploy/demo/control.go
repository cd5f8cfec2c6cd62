package demo

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/deploy/slacksim"
	"github.com/bigmind/backchannel/schemas"
)

// records are what other parts of the product would say of this workspace.
func (w *world) records(seal func(schemas.TeamID, string) (string, error)) ([]*kgo.Record, error) {
	team := w.team.ID
	sealed, err := seal(team, w.install.Token)
	if err != nil {
		return nil, err
	}
	now := time.Now().UTC()
	b := &recordBuilder{}
	add(b, schemas.SlackInstallations, schemas.TeamKey(team), schemas.Installation{
		OrgID: w.org, TeamID: team, TeamName: w.team.Name, AppID: string(w.app.ID), BotUserID: w.install.BotUserID,
		BotID: string(w.install.BotID), Scopes: w.install.Scopes, SealedToken: sealed, Status: schemas.InstallActive, InstalledBy: w.people[0].ID, InstalledAt: now, UpdatedAt: now,
	})
	for _, p := range w.people {
		w.person(b, team, p, now)
	}
	for _, g := range w.guests { // as Slack tells of people of other companies: without an email
		add(b, schemas.SlackUsers, schemas.TeamUserKey(team, g.ID), schemas.SlackUser{
			OrgID: w.org, TeamID: team, UserID: g.ID, Name: g.RealName, TimeZone: g.TZ, IsExternal: true, HomeTeamID: w.customer.ID, CompanyName: w.customer.Name, UpdatedAt: now,
		})
	}
	for i, c := range w.channels {
		id := c.ID
		add(b, schemas.SlackChannels, schemas.TeamChannelKey(team, id), schemas.SlackChannel{
			OrgID: w.org, TeamID: team, ChannelID: id, Name: c.Name, IsPrivate: c.IsPrivate, IsExtShared: i == 0, IsMember: true, UpdatedAt: now,
		})
		if c.account == "" {
			continue
		}
		account, deal := rooms[i].account, rooms[i].deal
		account.OrgID, deal.OrgID, deal.AccountID = w.org, w.org, account.AccountID
		add(b, schemas.CRMAccounts, schemas.OrgKey(w.org, account.AccountID), account)
		if deal.DealID != "" {
			add(b, schemas.CRMDeals, schemas.OrgKey(w.org, deal.DealID), deal)
		}
		add(b, schemas.ChannelAssociations, schemas.TeamChannelKey(team, id), schemas.ChannelAssociation{
			OrgID: w.org, TeamID: team, ChannelID: id, AccountID: c.account, DealID: c.deal, By: string(w.users[0].UserID), Source: "console", UpdatedAt: now,
		})
	}
	w.strangers(b)
	w.prospects(b)
	add(b, schemas.NotificationPreferences, schemas.OrgKey(w.org, w.users[0].UserID), schemas.Preferences{
		OrgID: w.org, UserID: w.users[0].UserID, UpdatedAt: now,
		Types: map[schemas.NotificationType]schemas.ChannelPreference{"pipeline.daily_todos": schemas.PreferOff},
	})
	return b.records, b.err
}

// person is in Slack's directory and, with an email, in the organization's.
func (w *world) person(b *recordBuilder, team schemas.TeamID, p slacksim.Person, now time.Time) {
	id := p.ID
	add(b, schemas.SlackUsers, schemas.TeamUserKey(team, id), schemas.SlackUser{
		OrgID: w.org, TeamID: team, UserID: id, Name: p.RealName, Email: p.Email, TimeZone: p.TZ, Deleted: p.Deleted, UpdatedAt: now,
	})
	if p.Email == "" {
		return
	}
	u := schemas.DirectoryUser{OrgID: w.org, UserID: schemas.UserID("usr-" + p.Name), Email: p.Email, Name: p.RealName, Role: roleOf(p.Name), UpdatedAt: now}
	w.users = append(w.users, u)
	add(b, schemas.DirectoryUsers, schemas.OrgKey(w.org, u.UserID), u)
}

// roleOf is what somebody may do in the console.
func roleOf(name string) string {
	switch name {
	case "ada":
		return "owner"
	case "ben":
		return "admin"
	}
	return "member"
}

// strangers are directory users whom no Slack workspace knows: their notifications end in a reason.
func (w *world) strangers(b *recordBuilder) {
	u := schemas.DirectoryUser{OrgID: w.org, UserID: "usr-nobody", Email: "nobody@northwind.example", Name: "Not In Slack"}
	w.users = append(w.users, u)
	add(b, schemas.DirectoryUsers, schemas.OrgKey(w.org, u.UserID), u)
}

type recordBuilder struct {
	records []*kgo.Record
	err     error
}

func add[T any](b *recordBuilder, topic schemas.Topic[T], key schemas.Key, v T) {
	value, err := topic.Encode(v)
	if err != nil && b.err == nil {
		b.err = err
	}
	b.records = append(b.records, &kgo.Record{Topic: topic.Name, Key: []byte(key), Value: value})
}

// awaitViews waits until the associations are in the views: messages said before would rightly be left out.
func (r *run) awaitViews(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	team := r.world.team.ID
	want := map[string][]string{schemas.ViewTeamInstall(team): {schemas.FieldInstallation}, schemas.ViewTeamAssociations(team): nil, schemas.ViewTeamUsers(team): nil}
	for _, c := range r.world.channels {
		if c.account != "" {
			want[schemas.ViewTeamAssociations(team)] = append(want[schemas.ViewTeamAssociations(team)], string(c.ID))
		}
	}
	for _, p := range slices.Concat(r.world.people, r.world.guests) {
		want[schemas.ViewTeamUsers(team)] = append(want[schemas.ViewTeamUsers(team)], string(p.ID))
	}
	for _, u := range r.world.users {
		want[schemas.ViewOrgUsers(r.world.org)] = append(want[schemas.ViewOrgUsers(r.world.org)], string(u.UserID))
	}
	for ctx.Err() == nil {
		missing := 0
		for key, fields := range want {
			found, err := r.Redis.HMGet(ctx, key, fields...).Result()
			if err != nil {
				missing++
			}
			for _, v := range found {
				if v == nil {
					missing++
				}
			}
		}
		complete, err := r.Redis.Get(ctx, schemas.ViewsCompleteKey).Result()
		if missing == 0 && err == nil && complete == "1" {
			return nil
		}
		select {
		case <-ctx.Done():
		case <-time.After(50 * time.Millisecond):
		}
	}
	return fmt.Errorf("the control records did not reach the Redis views: %w", ctx.Err())
}
