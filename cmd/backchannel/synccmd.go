package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/cmd/backchannel/scan"
	"github.com/bigmind/backchannel/ingest"
	"github.com/bigmind/backchannel/schemas"
)

func syncCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{Use: "sync", Short: "How far the sync of channels is, and ask for more"}
	cmd.AddCommand(syncStatusCommand(a), syncBackfillCommand(a))
	return cmd
}

func syncStatusCommand(a *app) *cobra.Command {
	var channel, team string
	var asJSON bool
	cmd := &cobra.Command{
		Use: "status [--channel C]", Short: "From when to when each channel is complete, and when its backfill ends", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			all, err := coverage(cmd.Context(), a)
			if err != nil {
				return err
			}
			all = slices.DeleteFunc(all, func(c schemas.SyncCheckpoint) bool {
				return team != "" && string(c.TeamID) != team || channel != "" && string(c.ChannelID) != channel
			})
			if channel != "" && len(all) == 0 {
				return errNotSynced
			}
			if asJSON {
				return printRecords(cmd.OutOrStdout(), all)
			}
			found, err := deliveriesOf(cmd.Context(), a, all)
			if err != nil {
				fmt.Fprintf(cmd.ErrOrStderr(), "what polling found is not known: %v\n", err)
			}
			return printCoverage(cmd.OutOrStdout(), all, found, time.Now())
		},
	}
	cmd.Flags().StringVar(&channel, "channel", "", "Slack channel id")
	cmd.Flags().StringVar(&team, "team", "", "Slack workspace id")
	cmd.Flags().BoolVar(&asJSON, "json", false, "the records, a line each")
	return cmd
}

func syncBackfillCommand(a *app) *cobra.Command {
	var channel, team, since string
	cmd := &cobra.Command{
		Use: "backfill --channel C --since DATE", Short: "Read more of a channel's past than its window has", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cp, err := coverageOf(cmd.Context(), a, team, channel)
			if err != nil {
				return err
			}
			from, err := parseDate(since)
			if err != nil {
				return err
			}
			if start, err := cp.WindowStart.Micros(); err == nil && uint64(from.UnixMicro()) >= start {
				return fmt.Errorf("the channel's window begins at %s already", day(cp.WindowStart))
			}
			request := schemas.SyncRequest{OrgID: cp.OrgID, TeamID: cp.TeamID, ChannelID: cp.ChannelID, Since: from, UpdatedAt: time.Now().UTC(), By: whoever()}
			value, err := schemas.SyncRequests.Encode(request)
			if err != nil {
				return err
			}
			client, err := kafkaClient(a)
			if err != nil {
				return err
			}
			defer client.Close()
			rec := &kgo.Record{Topic: schemas.SyncRequests.Name, Key: []byte(schemas.TeamChannelKey(cp.TeamID, cp.ChannelID)), Value: value}
			if err := (ingest.Kafka{Client: client}).Publish(cmd.Context(), rec); err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "asked for %s from %s on; 'backchannel sync status --channel %[1]s' shows how far it is\n", cp.ChannelID, from.Format(time.DateOnly))
			return err
		},
	}
	cmd.Flags().StringVar(&channel, "channel", "", "Slack channel id")
	cmd.Flags().StringVar(&team, "team", "", "Slack workspace id, where several have the channel")
	cmd.Flags().StringVar(&since, "since", "", "from this day or time on, such as 2025-01-01")
	return cmd
}

// parseDate reads a day, in UTC, or a time.
func parseDate(text string) (time.Time, error) {
	for _, form := range []string{time.DateOnly, time.RFC3339} {
		if at, err := time.Parse(form, text); err == nil && at.Year() >= 1970 {
			return at.UTC(), nil
		}
	}
	return time.Time{}, errors.New("--since wants a day such as 2026-09-01, or a time such as 2026-09-01T08:00:00Z")
}

func kafkaClient(a *app, more ...kgo.Opt) (*kgo.Client, error) {
	opts, err := kafkaOptions(a.config)
	if err != nil {
		return nil, err
	}
	client, err := kgo.NewClient(append(opts, more...)...)
	if err != nil {
		return nil, fmt.Errorf("make the Kafka client: %w", err)
	}
	return client, nil
}

// coverage reads sync.checkpoints to its end: the last record of each channel.
func coverage(ctx context.Context, a *app) ([]schemas.SyncCheckpoint, error) {
	opts, err := kafkaOptions(a.config)
	if err != nil {
		return nil, err
	}
	bounded, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	latest, err := scan.Latest(bounded, opts, schemas.SyncCheckpoints)
	if err != nil {
		return nil, err
	}
	all := make([]schemas.SyncCheckpoint, 0, len(latest))
	for _, cp := range latest {
		all = append(all, cp)
	}
	slices.SortFunc(all, func(a, b schemas.SyncCheckpoint) int {
		return cmp.Or(cmp.Compare(a.OrgID, b.OrgID), cmp.Compare(a.TeamID, b.TeamID), cmp.Compare(a.ChannelID, b.ChannelID))
	})
	return all, nil
}

var errNotSynced = errors.New("the channel is not synced: it has to be associated with an account, and channel sync authorised")

// coverageOf is a channel's.
func coverageOf(ctx context.Context, a *app, team, channel string) (*schemas.SyncCheckpoint, error) {
	if channel == "" {
		return nil, errors.New("--channel is missing: name the channel by its id, such as C024BE91L")
	}
	all, err := coverage(ctx, a)
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(c schemas.SyncCheckpoint) bool {
		return string(c.ChannelID) != channel || team != "" && string(c.TeamID) != team
	})
	switch len(all) {
	case 0:
		return nil, errNotSynced
	case 1:
		return &all[0], nil
	}
	return nil, errors.New("several workspaces have the channel: name one with --team")
}

func printRecords(out io.Writer, all []schemas.SyncCheckpoint) error {
	enc := json.NewEncoder(out)
	for _, c := range all {
		if err := enc.Encode(c); err != nil {
			return fmt.Errorf("print: %w", err)
		}
	}
	return nil
}

func printCoverage(out io.Writer, all []schemas.SyncCheckpoint, found deliveries, now time.Time) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "CHANNEL\tPROGRESS\tKNOWN FROM\tTO\tTHREADS LEFT\tFOUND\tSTATUS")
	for _, c := range all {
		fmt.Fprintf(table, "%s/%s\t%s\t%s\t%s\t%d\t%s\t%s\n", c.TeamID, c.ChannelID, bar(progress(c, now)), day(c.Oldest), minute(c.Newest), c.ThreadsPending, found.of(c), statusOf(c, now))
	}
	if err := table.Flush(); err != nil {
		return fmt.Errorf("print: %w", err)
	}
	return nil
}

// progress is how far the backfill is, from 0 to 1: how much of the time from the window's start to now is known. Threads that wait keep it from being all.
func progress(c schemas.SyncCheckpoint, now time.Time) float64 {
	start, err := c.WindowStart.Micros()
	whole := float64(uint64(max(now.UnixMicro(), 0))) - float64(start)
	switch {
	case c.Complete, c.Status == schemas.SyncComplete: // in the latter some threads have moved since
		return 1
	case err != nil || whole <= 0:
		return 0
	}
	known := 0.0
	for _, i := range c.Intervals {
		from, err1 := i.From.Micros()
		to, err2 := i.To.Micros()
		if err1 == nil && err2 == nil {
			known += float64(to) - float64(max(from, start))
		}
	}
	share := max(0, min(known/whole, 1))
	if c.Threads > 0 {
		share *= 1 - float64(c.ThreadsPending)/float64(max(c.Threads, uint64(c.ThreadsPending)))/2
	}
	return min(share, 0.99)
}

// bar is a bar of twenty for a person.
func bar(share float64) string {
	const width = 20
	full := int(share * width)
	return fmt.Sprintf("[%s%s] %3.0f%%", strings.Repeat("#", full), strings.Repeat(".", width-full), 100*share)
}

// statusOf says what goes on, in words.
func statusOf(c schemas.SyncCheckpoint, now time.Time) string {
	switch {
	case c.Status == schemas.SyncStopped:
		return "stopped: " + string(c.Reason)
	case c.Status == schemas.SyncComplete:
		return "complete"
	case c.EndsAt.After(now):
		return "backfilling, ends in about " + roughly(c.EndsAt.Sub(now))
	}
	return "backfilling"
}

// roughly is a duration to the precision that an estimate has.
func roughly(d time.Duration) string {
	switch {
	case d >= 48*time.Hour:
		return fmt.Sprintf("%.0f days", d.Hours()/24)
	case d >= 2*time.Hour:
		return fmt.Sprintf("%.0f hours", d.Hours())
	case d >= 2*time.Minute:
		return fmt.Sprintf("%.0f minutes", d.Minutes())
	}
	return "a minute"
}

func day(ts schemas.TS) string { return formatted(ts, time.DateOnly) }

func minute(ts schemas.TS) string { return formatted(ts, "2006-01-02 15:04") }

func formatted(ts schemas.TS, form string) string {
	micros, err := ts.Micros()
	if err != nil {
		return "-"
	}
	return time.UnixMicro(int64(micros)).UTC().Format(form)
}
