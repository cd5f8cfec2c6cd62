package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/cmd/backchannel/config"
	"github.com/bigmind/backchannel/deploy/apply"
)

func applyCommand(a *app) *cobra.Command {
	var check, grants bool
	var wait time.Duration
	cmd := &cobra.Command{
		Use: "apply", Short: "Create or update topics and ClickHouse tables, and print what changed", Args: cobra.NoArgs,
		Long: "Create or update topics and ClickHouse tables, and print what changed. Running it again changes nothing.\n" +
			"With --check nothing is changed, and the exit code is 3 when something is not as declared.\n\n" +
			"With --grants, instead, a role is made in ClickHouse for each organization, backchannel_ORG, which reads the tables and views, and of their rows its\n" +
			"own alone. It needs a ClickHouse server, and a user who may manage access; with --check the statements are printed and not run.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, cancel := context.WithTimeout(cmd.Context(), wait)
			defer cancel()
			if grants {
				return applyGrants(ctx, a.config, check, cmd.OutOrStdout())
			}
			return applyAll(ctx, a.config, check, cmd.OutOrStdout())
		},
	}
	cmd.Flags().BoolVar(&check, "check", false, "change nothing; exit 3 on drift")
	cmd.Flags().BoolVar(&grants, "grants", false, "make a role and row policies for each organization")
	cmd.Flags().DurationVar(&wait, "timeout", time.Minute, "give up after this long")
	return cmd
}

// exitDrift is the exit code of apply when something is not as declared and applying does not, or may not, mend it.
const exitDrift = 3

func applyAll(ctx context.Context, c *config.Config, check bool, out io.Writer) error {
	kafka, err := kafkaOptions(c)
	if err != nil {
		return err
	}
	client, err := kgo.NewClient(kafka...)
	if err != nil {
		return fmt.Errorf("make the Kafka client: %w", err)
	}
	defer client.Close()
	topics, err := apply.Topics(ctx, kadm.NewClient(client), int16(c.Int("kafka-replication")), check)
	printReport(out, topics, check)
	if err != nil {
		return err
	}
	opts, err := clickhouseOptions(c)
	if err != nil {
		return err
	}
	tables, err := apply.ClickHouseOn(ctx, opts, c.String("clickhouse-cluster"), check)
	printReport(out, tables, check)
	if err != nil {
		return err
	}
	problems := len(topics.Problems) + len(tables.Problems)
	changes := len(topics.Changes) + len(tables.Changes)
	switch {
	case problems > 0, check && changes > 0:
		return exitError{exitDrift, fmt.Sprintf("%d changes to apply, %d problems", changes, problems)}
	case changes == 0:
		fmt.Fprintln(out, "everything is as declared")
	}
	return nil
}

// applyGrants makes the roles of organizations; with check it prints what it would run.
func applyGrants(ctx context.Context, c *config.Config, check bool, out io.Writer) error {
	opts, err := clickhouseOptions(c)
	if err != nil {
		return err
	}
	report, err := apply.Grants(ctx, opts, c.String("clickhouse-cluster"), check)
	for _, s := range report.Changes {
		fmt.Fprintln(out, s+";")
	}
	return err
}

func printReport(out io.Writer, r apply.Report, check bool) {
	would := ""
	if check {
		would = "would change "
	}
	for _, c := range r.Changes {
		fmt.Fprintln(out, would+c)
	}
	for _, p := range r.Problems {
		fmt.Fprintln(out, "problem:", p)
	}
}
