package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/ingest"
	"github.com/bigmind/backchannel/ingest/actor"
	"github.com/bigmind/backchannel/ingest/apitoken"
	"github.com/bigmind/backchannel/schemas"
)

func tokenCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{Use: "token", Short: "Tokens of the JSON API: create, list, revoke"}
	cmd.AddCommand(tokenCreateCommand(a), tokenListCommand(a), tokenRevokeCommand(a))
	return cmd
}

func tokenCreateCommand(a *app) *cobra.Command {
	var org, role, user, name string
	var life time.Duration
	cmd := &cobra.Command{
		Use: "create --org ORG --role ROLE [--user USER] [--name NAME] [--for 8760h]", Short: "Make a token, and print it once", Args: cobra.NoArgs,
		Long: `Make a token of the JSON API, and print it, once: only a hash of it is kept.

Whoever holds it acts for the organization in the role. With --user it acts for that person of the directory, and never as more than the
person is at that moment; a member's token needs one, since members may only see to themselves.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if org == "" || role == "" {
				return errors.New("--org and --role are missing: name the organization, and owner, admin or member")
			}
			as, err := actor.ParseRole(role)
			switch {
			case err != nil:
				return err
			case as == actor.Member && user == "":
				return errors.New("--user is missing: a member's token acts for a person of the directory")
			case life < 0:
				return errors.New("--for must not be negative; 0 is for ever")
			}
			if user != "" {
				if err := knownUser(cmd.Context(), a, schemas.OrgID(org), schemas.UserID(user)); err != nil {
					return err
				}
			} else if err := knownOrgOf(cmd.Context(), a, schemas.OrgID(org)); err != nil { // it may come to be; or its name was misspelt
				fmt.Fprintln(cmd.ErrOrStderr(), "note:", err)
			}
			token, record := apitoken.New()
			now := time.Now().UTC().Truncate(time.Microsecond)
			record.OrgID, record.Name, record.Role, record.UserID = schemas.OrgID(org), name, string(as), schemas.UserID(user)
			record.CreatedBy, record.CreatedAt, record.UpdatedAt = "backchannel token", now, now
			if life > 0 {
				record.ExpiresAt = now.Add(life)
			}
			if err := publishToken(cmd.Context(), a, &record); err != nil {
				return err
			}
			fmt.Fprintf(cmd.ErrOrStderr(), "token %s of %s, role %s, %s; it is shown only here:\n", record.TokenID, org, as, untilWhen(&record))
			_, err = fmt.Fprintln(cmd.OutOrStdout(), token)
			return err
		},
	}
	f := cmd.Flags()
	f.StringVar(&org, "org", "", "organization")
	f.StringVar(&role, "role", "", "owner, admin or member")
	f.StringVar(&user, "user", "", "directory user for whom it acts")
	f.StringVar(&name, "name", "", "what it is for")
	f.DurationVar(&life, "for", 365*24*time.Hour, "how long it is good; 0: for ever")
	return cmd
}

func tokenListCommand(a *app) *cobra.Command {
	var org string
	var asJSON bool
	cmd := &cobra.Command{
		Use: "list [--org ORG]", Short: "Tokens with role and end; never the tokens themselves", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			all, err := tokens(cmd.Context(), a, schemas.OrgID(org))
			if err == nil && org != "" && len(all) == 0 {
				err = knownOrgOf(cmd.Context(), a, schemas.OrgID(org))
			}
			if err != nil {
				return err
			}
			return printTokens(cmd.OutOrStdout(), all, asJSON, time.Now())
		},
	}
	cmd.Flags().StringVar(&org, "org", "", "organization; all when absent")
	cmd.Flags().BoolVar(&asJSON, "json", false, "a JSON object a line")
	return cmd
}

func tokenRevokeCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "revoke ID", Short: "Make a token useless, within a moment and for ever", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			all, err := tokens(cmd.Context(), a, "")
			if err != nil {
				return err
			}
			i := slices.IndexFunc(all, func(t schemas.APIToken) bool { return string(t.TokenID) == args[0] })
			switch {
			case i < 0:
				return fmt.Errorf("there is no token %s; 'backchannel token list' lists them", args[0])
			case !all[i].RevokedAt.IsZero():
				fmt.Fprintln(cmd.OutOrStdout(), "it was revoked before, at", all[i].RevokedAt.Format(time.RFC3339))
				return nil
			}
			now := time.Now().UTC().Truncate(time.Microsecond)
			all[i].RevokedAt, all[i].UpdatedAt = now, now
			return publishToken(cmd.Context(), a, &all[i])
		},
	}
}

// publishToken records a token. The views show it some moments later.
func publishToken(ctx context.Context, a *app, t *schemas.APIToken) error {
	value, err := schemas.APITokens.Encode(*t)
	if err != nil {
		return err
	}
	client, err := kafkaClient(a)
	if err != nil {
		return err
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	return ingest.Kafka{Client: client}.Publish(ctx, &kgo.Record{Topic: schemas.APITokens.Name, Key: []byte(schemas.OrgKey(t.OrgID, t.TokenID)), Value: value})
}

// tokens are the organization's, or everybody's, the newest first.
func tokens(ctx context.Context, a *app, org schemas.OrgID) ([]schemas.APIToken, error) {
	rdb, err := redisClient(a.config)
	if err != nil {
		return nil, err
	}
	defer rdb.Close()
	var found *redis.MapStringStringCmd
	if err := ingest.Lookup(ctx, rdb, func(pipe redis.Pipeliner) { found = pipe.HGetAll(ctx, schemas.ViewAPITokens()) }); err != nil {
		return nil, err
	}
	var all []schemas.APIToken
	for _, value := range found.Val() {
		t, err := ingest.Viewed[schemas.APIToken](value)
		if err != nil {
			return nil, err
		}
		if t != nil && (org == "" || t.OrgID == org) {
			all = append(all, *t)
		}
	}
	slices.SortFunc(all, func(a, b schemas.APIToken) int {
		return cmp.Or(b.CreatedAt.Compare(a.CreatedAt), cmp.Compare(a.TokenID, b.TokenID))
	})
	return all, nil
}

func knownUser(ctx context.Context, a *app, org schemas.OrgID, user schemas.UserID) error {
	rdb, err := redisClient(a.config)
	if err != nil {
		return err
	}
	defer rdb.Close()
	var found *redis.StringCmd
	if err := ingest.Lookup(ctx, rdb, func(pipe redis.Pipeliner) { found = pipe.HGet(ctx, schemas.ViewOrgUsers(org), string(user)) }); err != nil {
		return err
	}
	u, err := ingest.Viewed[schemas.DirectoryUser](found.Val())
	if err == nil && u == nil {
		err = fmt.Errorf("the directory of %s has no user %s; 'backchannel people --org %[1]s' lists them", org, user)
	}
	return err
}

func untilWhen(t *schemas.APIToken) string {
	if t.ExpiresAt.IsZero() {
		return "good for ever"
	}
	return "good until " + t.ExpiresAt.Format(time.RFC3339)
}

func printTokens(out io.Writer, all []schemas.APIToken, asJSON bool, now time.Time) error {
	if asJSON {
		enc := json.NewEncoder(out)
		for i := range all {
			all[i].Hash = "" // of no use to anybody, and none of their business
			if err := enc.Encode(all[i]); err != nil {
				return fmt.Errorf("print: %w", err)
			}
		}
		return nil
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "TOKEN\tORG\tROLE\tUSER\tNAME\tCREATED\tSTATE")
	for i := range all {
		t := &all[i]
		state := untilWhen(t)
		switch {
		case !t.RevokedAt.IsZero():
			state = "revoked at " + t.RevokedAt.Format(time.RFC3339)
		case !t.Good(now):
			state = "expired at " + t.ExpiresAt.Format(time.RFC3339)
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", t.TokenID, t.OrgID, t.Role, cmp.Or(string(t.UserID), "-"), cmp.Or(t.Name, "-"), t.CreatedAt.Format(time.DateOnly), state)
	}
	if err := table.Flush(); err != nil {
		return fmt.Errorf("print: %w", err)
	}
	return nil
}
