package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/redis/go-redis/v9"
	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/cmd/backchannel/forget"
	"github.com/bigmind/backchannel/schemas"
)

// syncEndsWithin is how long a channel's sync may take to note that it has ended, once its association has a tombstone: the watcher of associations wakes it at once.
const syncEndsWithin = 5 * time.Second

func forgetCommand(a *app) *cobra.Command {
	var org, user, team, channel, account, check, again string
	var all, yes bool
	cmd := &cobra.Command{
		Use: "forget --org O (--user U | --channel C | --account A | --all) [--yes]", Short: "Take a person, a channel, an account or an organization out of everything that is kept", Args: cobra.NoArgs,
		Long: `Take a person, a channel, an account or an organization out of everything that is kept. Without --yes it only shows what would go.

Control records get tombstones, which end the sync of the channel, account or organization and empty the Redis views, and the brokers are made to remove what
they replaced; rows are deleted from ClickHouse, and places of theirs from Redis. A person is
named by Slack user id, Bigmind user id or email; the others are found by email. Of a person's messages markers without content stay, so that polling does not
bring the messages back into any answer. A run that broke off is run again. What comes after a run, of a person who goes on writing, goes with
'backchannel forget --again RECEIPT --yes': it names the person as that run did, when no email leads to a Slack user any more.

The receipt on standard output says what was forgotten and by when topics that are not compacted have ended what they hold.
'backchannel forget --check RECEIPT' counts again what is left, and exits with 1 if anything is.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			conn, err := clickhouseConn(a.config)
			if err != nil {
				return err
			}
			defer func() { _ = conn.Close() }() // nothing is pending on it
			kafka, err := kafkaOptions(a.config)
			if err != nil {
				return err
			}
			rdb, err := redisClient(a.config)
			if err != nil {
				return err
			}
			defer func() { _ = rdb.Close() }() // nothing is pending on it
			if check != "" {
				return checkReceipt(cmd, conn, rdb, kafka, check)
			}
			target := forget.Target{Org: schemas.OrgID(org), User: user, Team: schemas.TeamID(team), Channel: schemas.ChannelID(channel), Account: schemas.AccountID(account), All: all}
			if again != "" {
				if all || org+user+team+channel+account != "" {
					return errors.New("--again takes from the receipt what to forget: leave the other names out")
				}
				receipt, err := readReceipt(again)
				if err != nil {
					return err
				}
				target = receipt.Target
			}
			if err := target.Validate(); err != nil {
				return err
			}
			receipt, err := forget.Run(cmd.Context(), forget.Options{
				Kafka: kafka, ClickHouse: conn, Cluster: a.config.String("clickhouse-cluster"), Redis: rdb, Settle: syncEndsWithin, Now: time.Now, Progress: cmd.ErrOrStderr(),
			}, target, !yes)
			switch {
			case errors.Is(err, context.Canceled):
				return errors.New("it was interrupted: whatever it had begun is finished by the same command, once more")
			case err != nil && yes:
				return fmt.Errorf("it broke off, and is finished by the same command, once more: %w", shorter(err))
			case err != nil:
				return shorter(err)
			}
			if err := tellFound(receipt, yes, cmd.ErrOrStderr()); err != nil {
				return err
			}
			for _, topic := range slices.Sorted(maps.Keys(receipt.Traces)) {
				fmt.Fprintf(cmd.ErrOrStderr(), "%s: the brokers hold %s still that tombstones have replaced; 'backchannel forget --check' with this receipt says when they are gone\n", topic, counted(uint64(receipt.Traces[topic]), "value"))
			}
			enc := json.NewEncoder(cmd.OutOrStdout())
			enc.SetIndent("", "  ")
			return enc.Encode(receipt)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&org, "org", "", "organization")
	flags.StringVar(&user, "user", "", "person: Slack user id, Bigmind user id or email")
	flags.StringVar(&channel, "channel", "", "Slack channel id")
	flags.StringVar(&team, "team", "", "Slack workspace of the channel, where several have it")
	flags.StringVar(&account, "account", "", "account id: its deals and the messages of its channels too")
	flags.BoolVar(&all, "all", false, "everything of the organization")
	flags.BoolVar(&yes, "yes", false, "do it")
	flags.StringVar(&again, "again", "", "a receipt of what to forget once more")
	flags.StringVar(&check, "check", "", "a receipt whose checks to run again")
	return cmd
}

// tellFound says what a receipt does not: that nothing was there, which is an error of whoever only looks, or that nothing was done yet.
func tellFound(receipt forget.Receipt, yes bool, person io.Writer) error {
	switch {
	case !receipt.Found() && !yes:
		return errors.New("nothing is kept of what was named: is it spelt right, and the organization?")
	case !receipt.Found():
		fmt.Fprintln(person, "nothing was kept of what was named: unless it was forgotten before, it is misspelt, or the organization is")
	case !yes:
		fmt.Fprintln(person, "nothing was forgotten yet: this is what --yes would do")
	}
	return nil
}

func readReceipt(path string) (receipt forget.Receipt, err error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return receipt, fmt.Errorf("read the receipt: %w", err)
	}
	if err := json.Unmarshal(content, &receipt); err != nil || len(receipt.Rows) == 0 {
		return receipt, errors.New("that is no receipt of 'backchannel forget'")
	}
	return receipt, nil
}

func checkReceipt(cmd *cobra.Command, conn clickhouse.Conn, rdb redis.UniversalClient, kafka []kgo.Opt, path string) error {
	receipt, err := readReceipt(path)
	if err != nil {
		return err
	}
	left, err := forget.Check(clickhouse.Context(cmd.Context(), clickhouse.WithSettings(clickhouse.Settings{"readonly": 2})), conn, receipt)
	if err != nil {
		return err
	}
	traces, err := forget.Traces(cmd.Context(), kafka, receipt.Ends)
	if err != nil {
		return err
	}
	places, err := forget.LeftInRedis(cmd.Context(), rdb, receipt)
	if err != nil {
		return err
	}
	if places > 0 {
		fmt.Fprintf(cmd.OutOrStdout(), "Redis: %s left\n", counted(places, "place"))
	}
	for _, topic := range slices.Sorted(maps.Keys(traces)) {
		fmt.Fprintf(cmd.OutOrStdout(), "%s: %s left that tombstones have replaced\n", topic, counted(uint64(traces[topic]), "value"))
	}
	for _, table := range slices.Sorted(maps.Keys(left)) {
		fmt.Fprintf(cmd.OutOrStdout(), "%s: %s left\n", table, counted(left[table], "row"))
	}
	if len(left)+len(traces)+places > 0 {
		return exitError{1, "something is left, or has come since: run 'backchannel forget --again' with this receipt"}
	}
	fmt.Fprintf(cmd.OutOrStdout(), "nothing is left in %d tables, %d compacted topics and Redis\n", len(receipt.Rows), len(receipt.Ends))
	return nil
}
