package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/bigmind/backchannel/cmd/backchannel/backup"
)

func backupCommand(a *app) *cobra.Command {
	var to string
	var withoutTables bool
	cmd := &cobra.Command{
		Use: "backup --to FOLDER", Short: "Copy what cannot be made again: control topics, what is under way, and ClickHouse's rows", Args: cobra.NoArgs,
		Long: `Copy what cannot be made again into a folder: the control topics (of each key its last record), what is under way on the other topics with how far each
component is, and the rows of ClickHouse. Everything may go on meanwhile. The folder has its name when it is complete.

Not in it: slack.events and slack.history, which hold what nobody opted in to; Redis, which is a view; and the key set that opens tokens, which stay sealed: keep it apart.
The folder holds messages and people's names. With --embedded, the engines in --data are started for it; while 'run all --embedded' runs, leave it out.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if to == "" {
				return errors.New("--to is missing: name the folder to make")
			}
			return a.withBackup(cmd, withoutTables, func(ctx context.Context, o backup.Options) error {
				m, err := backup.Make(ctx, o, to, time.Now())
				if err != nil {
					return err
				}
				fmt.Fprintf(cmd.OutOrStdout(), "%s is complete: %s\n", to, sizes(m))
				return nil
			})
		},
	}
	cmd.Flags().StringVar(&to, "to", "", "folder to make")
	cmd.Flags().BoolVar(&withoutTables, "without-tables", false, "leave ClickHouse out: it has a backup of its own, or what Slack and three days of Kafka give is enough")
	return cmd
}

func restoreCommand(a *app) *cobra.Command {
	var from string
	var yes bool
	var choices backup.Choices
	cmd := &cobra.Command{
		Use: "restore --from FOLDER", Short: "Bring a backup back, into an empty system", Args: cobra.NoArgs,
		Long: `Bring a backup back, into an empty system that 'backchannel apply' has prepared and where no component runs. Without --yes it compares the folder with its
manifest and only shows what it would do. Exit code 1 if anything is against it.

A backup without ClickHouse's rows comes back without checkpoints, so that history is read from Slack again; with --keep-clickhouse they come back too.
With --embedded, the engines in --data are started for it.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if from == "" {
				return errors.New("--from is missing: name the folder of a backup")
			}
			return a.withBackup(cmd, false, func(ctx context.Context, o backup.Options) error {
				plan, err := backup.Prepare(ctx, o, from, choices)
				if err != nil {
					return err
				}
				a.tell(cmd.OutOrStdout(), from, plan)
				switch {
				case len(plan.Problems) > 0:
					return exitError{1, "nothing was restored: see the problems above"}
				case !yes:
					fmt.Fprintln(cmd.ErrOrStderr(), "nothing was restored yet: --yes does it")
					return nil
				}
				if err := plan.Run(ctx, o, from); err != nil {
					return fmt.Errorf("%w; a part is restored: mend the cause and run it again with --overwrite", err)
				}
				fmt.Fprintln(cmd.OutOrStdout(), "restored: start the components; /readyz says when the views are complete")
				return nil
			})
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&from, "from", "", "folder of a backup")
	flags.BoolVar(&yes, "yes", false, "do it")
	flags.BoolVar(&choices.Overwrite, "overwrite", false, "also where topics or tables hold something: the backup's records become the truth of their keys, other keys stay")
	flags.BoolVar(&choices.KeepClickHouse, "keep-clickhouse", false, "ClickHouse has its rows still: leave it alone")
	return cmd
}

// withBackup connects to the engines, which --embedded starts.
func (a *app) withBackup(cmd *cobra.Command, withoutTables bool, f func(context.Context, backup.Options) error) error {
	engines, err := startEngines(cmd.Context(), a.config, a.log, cmd.ErrOrStderr())
	if err != nil {
		return err
	}
	defer engines.close()
	o := backup.Options{Version: version(), Progress: cmd.ErrOrStderr(), Groups: consumerGroups(everyComponent)}
	if o.Kafka, err = kafkaOptions(a.config); err != nil {
		return err
	}
	if !withoutTables {
		if o.ClickHouse, err = clickhouseConn(a.config); err != nil {
			return err
		}
		defer func() { _ = o.ClickHouse.Close() }() // nothing is pending on it
	}
	return f(cmd.Context(), o)
}

func sizes(m backup.Manifest) string {
	var records, rows, bytes int64
	for _, t := range m.Topics {
		records, bytes = records+t.Lines, bytes+t.Bytes
	}
	for _, t := range m.Tables {
		rows, bytes = rows+t.Lines, bytes+t.Bytes
	}
	return fmt.Sprintf("%d records of %d topics, %d rows of %d tables, %d bytes", records, len(m.Topics), rows, len(m.Tables), bytes)
}

// tell says what a plan is.
func (a *app) tell(out io.Writer, from string, p backup.Plan) {
	fmt.Fprintf(out, "%s, made by %s at %s, is as it was written: %s\n", from, p.Manifest.MadeBy, p.Manifest.At.Format(time.RFC3339), sizes(p.Manifest))
	fmt.Fprintln(out, a.keysOpen(from, p.Manifest))
	switch {
	case p.KeepClickHouse:
		fmt.Fprintln(out, "ClickHouse is left alone; checkpoints are restored")
	case p.Tables:
		fmt.Fprintln(out, "ClickHouse gets its rows back; checkpoints are restored")
	default:
		fmt.Fprintln(out, "the backup has no rows of ClickHouse: checkpoints are left out, and history is read from Slack again, as far back as the organizations have it read")
	}
	for _, problem := range p.Problems {
		fmt.Fprintln(out, "problem:", problem)
	}
}

// keysOpen says whether the configured keys open the backup's tokens: without them each workspace has to be connected again.
func (a *app) keysOpen(from string, m backup.Manifest) string {
	sealed, err := backup.Tokens(from, m)
	if err != nil || len(sealed) == 0 {
		return "no workspace of it has a token"
	}
	keys, err := sealer(a.config)
	if err != nil {
		return fmt.Sprintf("%d workspaces have a sealed token; whether the keys open them is not known: %v", len(sealed), err)
	}
	open := 0
	for team, token := range sealed {
		if _, err := keys.Open(team, token); err == nil {
			open++
		}
	}
	if open < len(sealed) {
		return fmt.Sprintf("the configured keys open the tokens of %d of %d workspaces: find the key set that sealed the others, or connect those again", open, len(sealed))
	}
	return fmt.Sprintf("the configured keys open the tokens of all %d workspaces", len(sealed))
}
