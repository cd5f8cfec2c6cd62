package main

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/bigmind/backchannel/ingest/slackapp"
)

func manifestCommand(a *app) *cobra.Command {
	var url, name string
	var socketMode bool
	cmd := &cobra.Command{
		Use: "manifest --url https://…", Short: "Print the Slack app manifest (JSON): scopes, events and URLs", Args: cobra.NoArgs,
		Long: `Print the Slack app manifest (JSON): scopes, events and URLs.

At api.slack.com/apps: Create New App, From a manifest, JSON. With --socket-mode Slack needs no address of this service;
--url then only names the way back from Slack's consent page.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if url == "" {
				url = a.config.String("public-url")
			}
			m, err := slackapp.New(name, url, socketMode)
			if err != nil {
				return err
			}
			text, err := json.MarshalIndent(m, "", "  ")
			if err != nil {
				return fmt.Errorf("encode the manifest: %w", err)
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), string(text))
			return err
		},
	}
	cmd.Flags().StringVar(&url, "url", "", "where Slack and browsers reach this service, such as https://bigmind.example (default: public-url)")
	cmd.Flags().BoolVar(&socketMode, "socket-mode", false, "the app speaks Socket Mode: no request URLs")
	cmd.Flags().StringVar(&name, "name", slackapp.Name, "the app's name in Slack")
	return cmd
}
