package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"github.com/bigmind/backchannel/cmd/backchannel/audit"
	"github.com/bigmind/backchannel/ingest"
	"github.com/bigmind/backchannel/ingest/history"
	"github.com/bigmind/backchannel/schemas"
)

// settled is how old a message must be to count: younger ones may be on their way.
const settled = time.Minute

func auditCommand(a *app) *cobra.Command {
	var channel, team, since string
	var asJSON bool
	cmd := &cobra.Command{
		Use: "audit --channel C [--since DATE]", Short: "Compare a channel in Slack with ClickHouse, message by message", Args: cobra.NoArgs,
		Long: `Compare what Slack has of a channel with what ClickHouse has, message by message, and print what differs: missing, stale text, another
thread, should be deleted. Exit code 1 if anything does. Nothing of what a message says is printed; what is edited or
deleted while it reads does not count.

It reads Slack within the workspace's limits, ahead of the polling. --since is by default where the channel's window begins.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cp, err := coverageOf(cmd.Context(), a, team, channel)
			if err != nil {
				return err
			}
			from := cp.WindowStart
			if since != "" {
				at, err := parseDate(since)
				if err != nil {
					return err
				}
				from = schemas.TSOf(uint64(at.UnixMicro()))
			}
			differences, n, err := compareChannel(cmd, a, cp, from)
			if err != nil {
				return err
			}
			for _, d := range differences {
				if asJSON {
					err = json.NewEncoder(cmd.OutOrStdout()).Encode(d)
				} else {
					_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s  %s  %s\n", d.At.Format(time.RFC3339), d.TS, d.Kind)
				}
				if err != nil {
					return fmt.Errorf("print: %w", err)
				}
			}
			if len(differences) > 0 {
				return exitError{1, fmt.Sprintf("%d of %d messages differ", len(differences), n)}
			}
			fmt.Fprintf(cmd.ErrOrStderr(), "no difference in %d messages\n", n)
			return nil
		},
	}
	cmd.Flags().StringVar(&channel, "channel", "", "Slack channel id")
	cmd.Flags().StringVar(&team, "team", "", "Slack workspace id, where several have the channel")
	cmd.Flags().StringVar(&since, "since", "", "from this day or time on, such as 2026-09-01")
	cmd.Flags().BoolVar(&asJSON, "json", false, "a JSON object a line")
	return cmd
}

// compareChannel reads both sides, and returns how they differ and how many messages there should be.
func compareChannel(cmd *cobra.Command, a *app, cp *schemas.SyncCheckpoint, from schemas.TS) ([]audit.Difference, int, error) {
	ctx := cmd.Context()
	micros, err := from.Micros()
	if err != nil {
		return nil, 0, fmt.Errorf("the channel's window is not known yet: give --since: %w", err)
	}
	since := time.UnixMicro(int64(micros))
	if err := keptKeys(a.config); err != nil {
		return nil, 0, err
	}
	tokens, err := sealer(a.config)
	if err != nil {
		return nil, 0, err
	}
	rdb, err := redisClient(a.config)
	if err != nil {
		return nil, 0, err
	}
	defer func() { _ = rdb.Close() }() // nothing is pending on it
	ch, err := clickhouseConn(a.config)
	if err != nil {
		return nil, 0, err
	}
	defer func() { _ = ch.Close() }() // nothing is pending on it
	text, err := rdb.HGet(ctx, schemas.ViewTeamInstall(cp.TeamID), schemas.FieldInstallation).Result()
	if err != nil {
		return nil, 0, fmt.Errorf("look up the installation: %w", err)
	}
	in, err := ingest.Viewed[schemas.Installation](text)
	if err != nil {
		return nil, 0, err
	}
	if in == nil || !in.Active() {
		return nil, 0, errors.New("the workspace is not installed: Slack cannot be asked")
	}
	stored := func() (map[schemas.TS]audit.Row, error) {
		return audit.Stored(ctx, ch, cp.OrgID, cp.TeamID, cp.ChannelID, since)
	}
	until := time.Now().Add(-settled)
	before, err := stored()
	if err != nil {
		return nil, 0, err
	}
	told, ended := readingOf(cmd.ErrOrStderr())
	records, err := history.Read(ctx, history.Options{
		Redis: rdb, Tokens: tokens, APIURL: slackAPI(a.config), HTTP: &http.Client{Timeout: historyTimeout},
		Class: schemas.AppClass(a.config.String("slack-app-class")),
	}, in, cp.ChannelID, since, told)
	ended()
	if err != nil {
		return nil, 0, err
	}
	expected, err := audit.Expected(ctx, rdb, records)
	if err != nil {
		return nil, 0, err
	}
	after, err := stored()
	if err != nil {
		return nil, 0, err
	}
	return audit.Compare(expected, before, after, until), len(expected), nil
}

// readingOf shows how far the reading is: in one line of a terminal, else a line every few seconds. The second ends that line.
func readingOf(out io.Writer) (told func(calls, threads int), ended func()) {
	const every = 5 * time.Second
	terminal, last := onTerminal(out), time.Now()
	told = func(calls, threads int) {
		words := fmt.Sprintf("%s read, %s left", counted(calls, "page"), counted(threads, "thread"))
		switch {
		case terminal:
			fmt.Fprintf(out, "\r%s  ", words)
		case time.Since(last) >= every:
			last = time.Now()
			fmt.Fprintln(out, words)
		}
	}
	ended = func() {
		if terminal {
			fmt.Fprintln(out)
		}
	}
	return told, ended
}
