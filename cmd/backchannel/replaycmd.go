package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/cmd/backchannel/replay"
	"github.com/bigmind/backchannel/deploy/apply"
	"github.com/bigmind/backchannel/processors/enrich"
	"github.com/bigmind/backchannel/schemas"
	chsink "github.com/bigmind/backchannel/sinks/clickhouse"
)

func replayCommand(a *app) *cobra.Command {
	var topics []string
	var from string
	into := "shadow"
	cmd := &cobra.Command{
		Use: "replay --topic T --from TIME --into shadow", Short: "Make ClickHouse's messages again from Kafka beside those that are there; compare, switch", Args: cobra.NoArgs,
		Long: `Make ClickHouse's messages again from what Kafka still has, in a database beside the live one: after enrich has changed, or to see whether the rows are what they should be.

  backchannel replay --topic slack.events --from 2026-11-25T08:00:00Z --into shadow   # through enrich; context.messages: the sink alone
  backchannel replay compare                                                        # how many differ, and which
  backchannel replay switch                                                         # the shadow's tables become the live ones; again: back
  backchannel replay drop

Rows of what was received before the time are copied. Live consumers are not disturbed. A run that broke off goes on where it was, and one that is finished with what came since.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if len(topics) == 0 {
				return fmt.Errorf("--topic is missing: %s", strings.Join(replay.Topics(), ", "))
			}
			if raw := []string{schemas.SlackEvents.Name, schemas.SlackHistory.Name}; slices.Contains(raw, topics[0]) {
				topics = slices.Compact(slices.Sorted(slices.Values(append(topics, raw...)))) // a message comes by either
			}
			var since time.Time
			if from != "" {
				var err error
				if since, err = time.Parse(time.RFC3339, from); err != nil {
					return errors.New("--from wants a time such as 2026-11-25T08:00:00Z")
				}
			}
			return a.withReplay(cmd, into, func(ctx context.Context, r *replay.Replayer) error {
				if err := a.prepareShadow(ctx, r.Into); err != nil {
					return err
				}
				counts, err := r.Run(ctx, topics, since)
				fmt.Fprintf(cmd.OutOrStdout(), "%s: %s\n", r.Into, counts.String())
				return err
			})
		},
	}
	compare := &cobra.Command{
		Use: "compare", Short: "How the shadow's messages differ from the live ones; exit code 1 if any does", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withReplay(cmd, into, func(ctx context.Context, r *replay.Replayer) error {
				d, err := r.Compare(ctx, exampleRows)
				if err != nil {
					return err
				}
				tellDifference(cmd.OutOrStdout(), d)
				if d.OnlyLive+d.OnlyShadow+d.Differ > 0 {
					return exitError{1, ""}
				}
				return nil
			})
		},
	}
	exchange := &cobra.Command{
		Use: "switch", Short: "Make the shadow's tables the live ones, and the other way round", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withReplay(cmd, into, func(ctx context.Context, r *replay.Replayer) error {
				counts, err := r.Switch(ctx)
				if err == nil {
					fmt.Fprintf(cmd.OutOrStdout(), "switched; since the last run: %s. The former tables are in %s: 'backchannel replay switch' undoes it, 'backchannel replay drop' removes them\n", counts.String(), r.Into)
				}
				return err
			})
		},
	}
	drop := &cobra.Command{
		Use: "drop", Short: "Remove the shadow", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withReplay(cmd, into, func(ctx context.Context, r *replay.Replayer) error { return r.Drop(ctx) })
		},
	}
	cmd.PersistentFlags().StringVar(&into, "into", into, "name of the shadow: its database is the live one's name, _ and this")
	cmd.Flags().StringSliceVar(&topics, "topic", nil, strings.Join(replay.Topics(), ", ")+" (the first two go together)")
	cmd.Flags().StringVar(&from, "from", "", "from when on, such as 2026-11-25T08:00:00Z; not needed to go on")
	cmd.AddCommand(compare, exchange, drop)
	return cmd
}

// exampleRows is how many messages that differ are named.
const exampleRows = 20

func tellDifference(out io.Writer, d replay.Difference) {
	fmt.Fprintf(out, "replayed from %s until %s\n%d messages live, %d in the shadow\n", d.From.Format(time.RFC3339), d.Until.Format(time.RFC3339), d.Live, d.Shadow)
	fmt.Fprintf(out, "%d only live, %d only in the shadow, %d differ; %d changed since the replay and do not count\n", d.OnlyLive, d.OnlyShadow, d.Differ, d.Newer)
	for _, e := range d.Examples {
		what := map[string]string{"live": "only live", "shadow": "only in the shadow", "both": "differ in " + strings.Join(e.Columns, ", ")}[e.Side]
		fmt.Fprintf(out, "%s %s/%s/%s: %s\n", e.Org, e.Team, e.Channel, e.TS, what)
	}
}

var shadowName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,30}$`)

func (a *app) withReplay(cmd *cobra.Command, into string, f func(context.Context, *replay.Replayer) error) error {
	switch {
	case !shadowName.MatchString(into):
		return errors.New("--into wants a short name of small letters, digits and _")
	case a.config.String("clickhouse-cluster") != "":
		return errors.New("replay is for one ClickHouse server: on a cluster the tables to change places are those of every node")
	}
	opts, err := clickhouseOptions(a.config)
	if err != nil {
		return err
	}
	beside := *opts
	beside.Auth.Database += "_" + into
	r := &replay.Replayer{Group: "backchannel-replay-" + into, Of: opts.Auth.Database, Into: beside.Auth.Database, Now: time.Now, Progress: cmd.ErrOrStderr()}
	for _, side := range []struct {
		conn *clickhouse.Conn
		opts *clickhouse.Options
	}{{&r.Live, opts}, {&r.Shadow, &beside}} {
		conn, err := clickhouse.Open(side.opts)
		if err != nil {
			return fmt.Errorf("open ClickHouse: %w", err)
		}
		defer func() { _ = conn.Close() }() // nothing is pending on it
		*side.conn = conn
	}
	if r.Kafka, err = kafkaOptions(a.config); err != nil {
		return err
	}
	rdb, err := redisClient(a.config)
	if err != nil {
		return err
	}
	defer func() { _ = rdb.Close() }() // likewise
	steps := enrich.Definition(rdb).Processor
	r.Enrich = func(ctx context.Context, batch []*kgo.Record) (made []*kgo.Record, dropped, rejected int, err error) {
		result, err := steps.Process(ctx, batch)
		if err != nil {
			return nil, 0, 0, err
		}
		for i := range batch {
			switch fate := result.Fate(i); {
			case fate.Rejected != "":
				rejected++
			case fate.Dropped != "":
				dropped++
			}
		}
		return result.Emitted(), dropped, rejected, nil
	}
	writer := func(conn clickhouse.Conn) func(context.Context, []*kgo.Record) (int, error) {
		sink := chsink.Definition(conn, a.config.Int("clickhouse-batch"), time.Second).Sink
		return func(ctx context.Context, batch []*kgo.Record) (int, error) {
			result, err := sink.Write(ctx, batch)
			return len(result.Rejected), err
		}
	}
	r.Write, r.WriteLive = writer(r.Shadow), writer(r.Live)
	return f(cmd.Context(), r)
}

// prepareShadow makes the tables and views of the shadow.
func (a *app) prepareShadow(ctx context.Context, into string) error {
	opts, err := clickhouseOptions(a.config)
	if err != nil {
		return err
	}
	opts.Auth.Database = into
	report, err := apply.ClickHouse(ctx, opts, false)
	if err == nil && len(report.Problems) > 0 {
		err = fmt.Errorf("the tables of %s are not as declared: %s", into, strings.Join(report.Problems, "; "))
	}
	return err
}
