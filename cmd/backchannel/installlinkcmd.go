package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"github.com/bigmind/backchannel/ingest/install"
)

func installLinkCommand(a *app) *cobra.Command {
	var visitor install.Visitor
	var channelSync bool
	var within time.Duration
	cmd := &cobra.Command{
		Use: "install-link --org ORG --user USER", Short: "A link by which an owner or administrator connects Slack", Args: cobra.NoArgs,
		Long: `A link by which an owner or administrator of an organization connects Slack, or with --channel-sync an owner authorises channel sync.

Whoever opens the link acts as that user of directory.users; the user's role decides what the link may begin. It is a secret while it lasts.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if visitor.Org == "" || visitor.User == "" {
				return errors.New("--org and --user are missing: name the organization and the directory user who will open the link")
			}
			if err := knownUser(cmd.Context(), a, visitor.Org, visitor.User); err != nil {
				return err
			}
			if err := embeddedKeys(a.config); err != nil {
				return err
			}
			tokens, err := sealer(a.config)
			if err != nil {
				return err
			}
			path := install.ConnectPath
			if channelSync {
				path = install.ChannelSyncPath
			}
			link, err := install.Tickets{Seals: tokens, Now: time.Now}.Link(path, visitor, time.Now().Add(within))
			if err != nil {
				return err
			}
			if err := pagesServed(cmd.Context(), publicURL(a.config)+path); err != nil {
				return err
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), publicURL(a.config)+link)
			return err
		},
	}
	cmd.Flags().StringVar((*string)(&visitor.Org), "org", "", "organization")
	cmd.Flags().StringVar((*string)(&visitor.User), "user", "", "directory user who opens the link")
	cmd.Flags().BoolVar(&channelSync, "channel-sync", false, "authorise channel sync, instead of connecting Slack")
	cmd.Flags().DurationVar(&within, "for", time.Hour, "how long the link is good")
	return cmd
}

// pagesWithin is how long public-url may take to answer.
const pagesWithin = 5 * time.Second

// pagesServed fails where the link would lead to no page: ingest serves them only with slack-client-id. That nobody can be asked from here is no reason to give no link.
func pagesServed(ctx context.Context, page string) error {
	ctx, cancel := context.WithTimeout(ctx, pagesWithin)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, page, http.NoBody)
	if err != nil {
		return fmt.Errorf("public-url: %w", err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil // public-url may be for browsers only
	}
	_ = resp.Body.Close() // only whether there is a page was asked
	if resp.StatusCode == http.StatusNotFound {
		return fmt.Errorf("the link would lead nowhere: %s answers 404. Set slack-client-id and slack-client-secret for the process that runs ingest, or mend public-url", page)
	}
	return nil
}
