package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/redis/go-redis/v9"
	"github.com/spf13/cobra"

	"github.com/bigmind/backchannel/ingest"
	"github.com/bigmind/backchannel/ingest/directory"
	"github.com/bigmind/backchannel/ingest/people"
	"github.com/bigmind/backchannel/schemas"
)

// match is a directory user, and who that is in Slack, or why nobody.
type match struct {
	UserID schemas.UserID      `json:"user_id"`
	Email  string              `json:"email"`
	Team   schemas.TeamID      `json:"team_id,omitempty"`
	Slack  schemas.SlackUserID `json:"slack_user_id,omitempty"`
	Reason string              `json:"reason,omitempty"`
}

func peopleCommand(a *app) *cobra.Command {
	var org string
	var asJSON, unmatched bool
	cmd := &cobra.Command{
		Use: "people --org ORG", Short: "Who of an organization is who in Slack, and why somebody is nobody", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if org == "" {
				return errors.New("--org is missing: name the organization")
			}
			rdb, err := redisClient(a.config)
			if err != nil {
				return err
			}
			defer rdb.Close()
			if err := knownOrg(cmd.Context(), rdb, schemas.OrgID(org)); err != nil {
				return err
			}
			all, err := matches(cmd.Context(), rdb, schemas.OrgID(org))
			if err != nil {
				return err
			}
			if err := printProgress(cmd.Context(), rdb, schemas.OrgID(org), cmd.ErrOrStderr()); err != nil {
				return err
			}
			if unmatched {
				all = slices.DeleteFunc(all, func(m match) bool { return m.Reason == "" })
			}
			return printMatches(cmd.OutOrStdout(), all, asJSON)
		},
	}
	cmd.Flags().StringVar(&org, "org", "", "organization")
	cmd.Flags().BoolVar(&asJSON, "json", false, "a JSON object a line")
	cmd.Flags().BoolVar(&unmatched, "unmatched", false, "only those who match nobody")
	return cmd
}

// printProgress says of each connected workspace how far its people are read: whoever is nobody may only not be read yet.
func printProgress(ctx context.Context, rdb redis.UniversalClient, org schemas.OrgID, out io.Writer) error {
	installs, err := rdb.HGetAll(ctx, schemas.ViewOrgInstalls(org)).Result()
	if err != nil {
		return fmt.Errorf("look up workspaces: %w", err)
	}
	for _, team := range slices.Sorted(maps.Keys(installs)) {
		in, err := ingest.Viewed[schemas.Installation](installs[team])
		if err != nil || in == nil || !in.Active() {
			continue // said by matches
		}
		p, err := directory.PeopleProgress(ctx, rdb, in.TeamID)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "%s: %s\n", in.TeamID, p)
	}
	return nil
}

// matches reads the views of an organization. Slack users are matched by email: never bots, deactivated people or people of another
// company, and never of a workspace that is no longer installed.
func matches(ctx context.Context, rdb redis.UniversalClient, org schemas.OrgID) ([]match, error) {
	var users, people, installs *redis.MapStringStringCmd
	err := ingest.Lookup(ctx, rdb, func(pipe redis.Pipeliner) {
		users, people = pipe.HGetAll(ctx, schemas.ViewOrgUsers(org)), pipe.HGetAll(ctx, schemas.ViewOrgSlackUsers(org))
		installs = pipe.HGetAll(ctx, schemas.ViewOrgInstalls(org))
	})
	if err != nil {
		return nil, err
	}
	active := map[schemas.TeamID]bool{}
	for _, value := range installs.Val() {
		in, err := ingest.Viewed[schemas.Installation](value)
		if err != nil {
			return nil, err
		}
		if in != nil && in.Active() {
			active[in.TeamID] = true
		}
	}
	byEmail := map[string][]schemas.SlackUser{}
	for _, value := range people.Val() {
		u, err := ingest.Viewed[schemas.SlackUser](value)
		if err != nil {
			return nil, err
		}
		if u != nil && u.Email != "" {
			email := schemas.NormalEmail(u.Email)
			byEmail[email] = append(byEmail[email], *u)
		}
	}
	var all []match
	for _, value := range users.Val() {
		u, err := ingest.Viewed[schemas.DirectoryUser](value)
		if err != nil {
			return nil, err
		}
		if u != nil {
			all = append(all, matchOf(u, byEmail[schemas.NormalEmail(u.Email)], active))
		}
	}
	slices.SortFunc(all, func(a, b match) int { return strings.Compare(string(a.UserID), string(b.UserID)) })
	return all, nil
}

func matchOf(u *schemas.DirectoryUser, candidates []schemas.SlackUser, active map[schemas.TeamID]bool) match {
	m := people.Of(u, candidates, active)
	return match{UserID: u.UserID, Email: u.Email, Team: m.Team, Slack: m.User, Reason: m.Reason}
}

func printMatches(out io.Writer, all []match, asJSON bool) error {
	if asJSON {
		enc := json.NewEncoder(out)
		for _, m := range all {
			if err := enc.Encode(m); err != nil {
				return fmt.Errorf("print: %w", err)
			}
		}
		return nil
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "USER\tEMAIL\tSLACK\tREASON")
	for _, m := range all {
		slack := "-"
		if m.Slack != "" {
			slack = string(m.Team) + "/" + string(m.Slack)
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", m.UserID, m.Email, slack, m.Reason)
	}
	if err := table.Flush(); err != nil {
		return fmt.Errorf("print: %w", err)
	}
	return nil
}
