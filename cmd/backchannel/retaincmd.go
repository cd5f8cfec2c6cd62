package main

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/bigmind/backchannel/sinks/retention"
)

func retainCommand(a *app) *cobra.Command {
	var check bool
	cmd := &cobra.Command{
		Use: "retain [--check]", Short: "Delete from ClickHouse what organizations do not keep any longer, and what was deleted in Slack", Args: cobra.NoArgs,
		Long: `Delete from ClickHouse what organizations do not keep any longer (retention in their settings), and what was deleted in Slack. The component 'retain' of the sinks
does so by itself, once in retain-every; this does it now. With --check it only says how many rows would go. A run that broke off is run again.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			conn, err := clickhouseConn(a.config)
			if err != nil {
				return err
			}
			defer func() { _ = conn.Close() }() // nothing is pending on it
			all, err := retention.Run(cmd.Context(), retention.Options{ClickHouse: conn, Cluster: a.config.String("clickhouse-cluster"), Now: time.Now}, check)
			enc := json.NewEncoder(cmd.OutOrStdout())
			for _, p := range all {
				_ = enc.Encode(p) // of strings and numbers; a pipe that was closed needs no word
			}
			if err == nil && len(all) == 0 {
				fmt.Fprintln(cmd.ErrOrStderr(), "there is nothing to delete")
			}
			return err
		},
	}
	cmd.Flags().BoolVar(&check, "check", false, "count, and delete nothing")
	return cmd
}
