package diagnose

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/bigmind/backchannel/ingest"
	"github.com/bigmind/backchannel/ingest/directory"
	"github.com/bigmind/backchannel/schemas"
)

// matched checks whom the person is in Slack. Whether they are anybody is the pipeline's verdict; why they are nobody is found here.
func (p *person) matched(ctx context.Context, v *Verdict) (Check, error) {
	switch {
	case p.user == nil && v.User != "":
		return pass(UserMatched, fmt.Sprintf("%s in %s has the email %s. Bigmind's directory does not know it, so no preference of the person's own counts.", v.User, p.workspace(v.Team), p.email())), nil
	case p.user == nil:
		return fail(UserMatched, fmt.Sprintf("Bigmind has no user %s.", p.called()), "Add the person to Bigmind's directory (directory.users).", OpenPeople), nil
	case p.user.Disabled:
		return fail(UserMatched, p.called()+" is disabled in Bigmind.", "Enable the user, if notifications are wanted.", OpenPeople), nil
	case p.email() == "":
		return fail(UserMatched, p.called()+" has no email address in Bigmind, by which people are matched.", "Add the address to Bigmind's directory.", OpenPeople), nil
	case v.User != "":
		return pass(UserMatched, fmt.Sprintf("%s is %s in %s, by the email %s.", p.called(), v.User, p.workspace(v.Team), p.email())), nil
	case !slices.ContainsFunc(p.workspaces, func(in schemas.Installation) bool { return in.Callable() }):
		return unknown(UserMatched, "Nobody is matched while Slack is not connected.", connectNext), nil
	}
	same, err := p.withSameEmail(ctx)
	if err != nil {
		return Check{}, err
	}
	if len(same) > 0 {
		return p.notMatchable(same), nil
	}
	if c, is, err := p.notRead(ctx); is || err != nil {
		return c, err
	}
	like, err := p.alike(ctx)
	if err != nil {
		return Check{}, err
	}
	if like != nil {
		return fail(UserMatched, fmt.Sprintf("The emails do not match: Bigmind has %s as %s, and Slack has %s (%s) as %s.", p.called(), p.email(), like.Name, like.UserID, like.Email),
			"Change one of the two addresses, so that they are the same.", OpenPeople), nil
	}
	return fail(UserMatched, fmt.Sprintf("Nobody in the connected workspaces has the email %s.", p.email()),
		"The person must exist in the connected workspace, with the same email as in Bigmind: invite them, or change one of the addresses.", OpenPeople), nil
}

func (p *person) workspace(team schemas.TeamID) string {
	for i := range p.workspaces {
		if p.workspaces[i].TeamID == team {
			return workspace(&p.workspaces[i])
		}
	}
	return string(team)
}

// withSameEmail are the Slack users that have the person's email, and yet are not the person.
func (p *person) withSameEmail(ctx context.Context) ([]schemas.SlackUser, error) {
	var members *redis.StringSliceCmd
	if err := ingest.Lookup(ctx, p.examiner.Redis, func(pipe redis.Pipeliner) { members = pipe.SMembers(ctx, schemas.ViewOrgSlackEmail(p.org, p.email())) }); err != nil {
		return nil, err
	}
	ids := members.Val()
	if len(ids) == 0 {
		return nil, nil
	}
	slices.Sort(ids)
	var users *redis.SliceCmd
	if err := ingest.Lookup(ctx, p.examiner.Redis, func(pipe redis.Pipeliner) { users = pipe.HMGet(ctx, schemas.ViewOrgSlackUsers(p.org), ids...) }); err != nil {
		return nil, err
	}
	var same []schemas.SlackUser
	for _, value := range users.Val() { // the index only grows: the record decides
		text, _ := value.(string)
		u, err := ingest.Viewed[schemas.SlackUser](text)
		if err != nil {
			return nil, err
		}
		if u != nil && schemas.NormalEmail(u.Email) == p.email() {
			same = append(same, *u)
		}
	}
	return same, nil
}

// notMatchable says why a Slack user with the same email is not the person.
func (p *person) notMatchable(same []schemas.SlackUser) Check {
	u := &same[0]
	for i := range same { // of several, one of a workspace that is connected
		if p.active(same[i].TeamID) {
			u = &same[i]
		}
	}
	who := fmt.Sprintf("The Slack account with the email %s (%s)", p.email(), u.UserID)
	switch {
	case !p.active(u.TeamID):
		return fail(UserMatched, who+" is in "+p.workspace(u.TeamID)+", which is no longer connected.", "Connect that workspace again, or invite the person to one that is.", ConnectSlack)
	case u.Deleted:
		return fail(UserMatched, who+" is deactivated.", "Reactivate it in Slack, or choose Email in Notification Settings.", OpenPreferences)
	case u.IsBot:
		return fail(UserMatched, who+" is a bot.", "Give the person's own account this email.", OpenPeople)
	}
	return fail(UserMatched, who+" is another company's, met in a shared channel.", "Invite the person to the workspace itself.", OpenPeople)
}

func (p *person) active(team schemas.TeamID) bool {
	return slices.ContainsFunc(p.workspaces, func(in schemas.Installation) bool { return in.TeamID == team && in.Callable() })
}

// notRead finds reasons why nobody can have been matched yet: people not read, or read without their emails.
func (p *person) notRead(ctx context.Context) (Check, bool, error) {
	for i := range p.workspaces {
		in := &p.workspaces[i]
		if !in.Callable() {
			continue
		}
		if lacks := Lacks(in, []string{schemas.ScopeUsersRead, schemas.ScopeUsersReadEmail}); len(lacks) > 0 {
			return fail(UserMatched, fmt.Sprintf("%s did not grant %s: without it Slack tells no email to match by.", workspace(in), strings.Join(lacks, ", ")),
				"An admin connects Slack again, and allows it.", ConnectSlack), true, nil
		}
		progress, err := directory.PeopleProgress(ctx, p.examiner.Redis, in.TeamID)
		if err != nil {
			return Check{}, false, err
		}
		if progress.Complete.IsZero() && progress.Reading {
			return unknown(UserMatched, fmt.Sprintf("%s: %s.", workspace(in), progress), "Wait until all are read; 200 a call, 20 calls a minute."), true, nil
		}
	}
	return Check{}, false, nil
}

// alike is a Slack user of a connected workspace with the person's name, or the same name before the @ of another domain.
func (p *person) alike(ctx context.Context) (*schemas.SlackUser, error) {
	local, _, _ := strings.Cut(p.email(), "@")
	name := strings.ToLower(strings.TrimSpace(p.user.Name))
	var best *schemas.SlackUser
	iter := p.examiner.Redis.HScan(ctx, schemas.ViewOrgSlackUsers(p.org), 0, "", 2000).Iterator()
	for field := true; iter.Next(ctx); field = !field {
		if field { // fields and values take turns
			continue
		}
		// Decoding all of a large workspace would take a while: only what holds the name or the address is.
		lower := strings.ToLower(iter.Val())
		if !strings.Contains(lower, `"`+local+`@`) && (name == "" || !strings.Contains(lower, name)) {
			continue
		}
		u, err := ingest.Viewed[schemas.SlackUser](iter.Val())
		if err != nil {
			return nil, err
		}
		if u == nil || !u.Matchable() || !p.active(u.TeamID) || !p.resembles(u, local, name) {
			continue
		}
		if best == nil || u.UserID < best.UserID {
			best = u
		}
	}
	if err := iter.Err(); err != nil && !errors.Is(err, redis.Nil) {
		return nil, fmt.Errorf("look for people of the same name: %w", err)
	}
	return best, nil
}

func (p *person) resembles(u *schemas.SlackUser, local, name string) bool {
	other, _, _ := strings.Cut(schemas.NormalEmail(u.Email), "@")
	return other == local || name != "" && strings.ToLower(strings.TrimSpace(u.Name)) == name
}
