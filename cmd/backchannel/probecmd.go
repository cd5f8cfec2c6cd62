package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/slack-go/slack"
	"github.com/spf13/cobra"

	"github.com/bigmind/backchannel/cmd/backchannel/probe"
	"github.com/bigmind/backchannel/schemas"
)

func probeCommand(a *app) *cobra.Command {
	var once bool
	var every, timeout time.Duration
	var kind string
	cmd := &cobra.Command{
		Use: "probe", Short: "See, as a user would, whether messages become rows and notifications arrive; again and again, or --once", Args: cobra.NoArgs,
		Long: `Post a marked message in a channel of its own and find its row, delete it and see the row go; ask for a notification and find the direct message. Every five minutes, with
what it measured at /metrics (http-addr), until SIGTERM; or --once, with exit code 1 if anything failed.

Needs probe-org, probe-channel, probe-user and probe-token; deploy/README.md says what to prepare in Slack.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			conn, err := clickhouseConn(a.config)
			if err != nil {
				return err
			}
			defer func() { _ = conn.Close() }() // nothing is pending on it
			o, err := a.prober(cmd.Context(), conn)
			if err != nil {
				return err
			}
			o.Type, o.Timeout = schemas.NotificationType(kind), timeout
			if once {
				return probeOnce(cmd.Context(), o, cmd.OutOrStdout())
			}
			if every < timeout {
				return fmt.Errorf("--every %s is less than --timeout %s: rounds would overlap", every, timeout)
			}
			return a.probeOften(cmd.Context(), o, every)
		},
	}
	flags := cmd.Flags()
	flags.BoolVar(&once, "once", false, "one round, and an exit code")
	flags.DurationVar(&every, "every", 5*time.Minute, "from one round to the next; a person gets at most 30 notifications of a type in an hour, unless org.settings says otherwise")
	flags.DurationVar(&timeout, "timeout", time.Minute, "a round that takes longer has failed")
	flags.StringVar(&kind, "type", "coaching.insight", "notification type, one that probe-user receives as Slack messages")
	return cmd
}

// prober makes what a round needs of the settings.
func (a *app) prober(ctx context.Context, conn driver.Conn) (*probe.Options, error) {
	for _, name := range []string{"probe-org", "probe-channel", "probe-user", "probe-token"} {
		if a.config.String(name) == "" {
			return nil, fmt.Errorf("%s is not set: deploy/README.md says what a probe needs in Slack", name)
		}
	}
	kafka, err := kafkaOptions(a.config)
	if err != nil {
		return nil, err
	}
	client := func(token string) *slack.Client {
		return slack.New(token, slack.OptionAPIURL(withSlash(a.config.String("slack-api-url"))), slack.OptionHTTPClient(&http.Client{Timeout: slackTimeout}))
	}
	o := &probe.Options{
		Slack: client(a.config.String("probe-token")), Org: schemas.OrgID(a.config.String("probe-org")),
		Channel: schemas.ChannelID(a.config.String("probe-channel")), User: schemas.UserID(a.config.String("probe-user")),
	}
	if token := a.config.String("probe-dm-token"); token != "" {
		o.DMs = client(token)
	}
	asked, cancel := context.WithTimeout(ctx, slackTimeout)
	defer cancel()
	who, err := o.Slack.AuthTestContext(asked)
	if err != nil {
		return nil, fmt.Errorf("ask Slack whose probe-token is: %w", err)
	}
	o.Team = schemas.TeamID(who.TeamID)
	o.Rows = func(ctx context.Context, ts schemas.TS) (n uint64, err error) {
		ctx = clickhouse.Context(ctx, clickhouse.WithSettings(exact))
		err = conn.QueryRow(ctx, "SELECT count() FROM conversations WHERE org_id = ? AND team_id = ? AND channel_id = ? AND ts = ?",
			string(o.Org), string(o.Team), string(o.Channel), string(ts)).Scan(&n)
		return n, err
	}
	o.Notify = func(ctx context.Context, r schemas.NotificationRequest, each func(schemas.Outcome)) error {
		_, err := notify(ctx, kafka, r, each)
		return err
	}
	return o, nil
}

func probeOnce(ctx context.Context, o *probe.Options, out io.Writer) error {
	var failed int
	for _, r := range o.Round(ctx) {
		switch {
		case r.Err != nil:
			failed++
			fmt.Fprintf(out, "%-8s ✗ %v\n", r.Stage, r.Err)
		case r.Took > 0:
			fmt.Fprintf(out, "%-8s ✓ %s\n", r.Stage, r.Took.Round(time.Millisecond))
		}
	}
	if failed > 0 {
		return exitError{1, ""}
	}
	return nil
}

// probeOften goes a round now and then, and serves what it measured.
func (a *app) probeOften(ctx context.Context, o *probe.Options, every time.Duration) error {
	reg := prometheus.NewRegistry()
	reg.MustRegister(buildInfo())
	metrics := probe.NewMetrics(reg)
	mux := http.NewServeMux()
	mux.HandleFunc("/livez", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "alive") })
	mux.Handle("/metrics", promhttp.HandlerFor(reg, promhttp.HandlerOpts{EnableOpenMetrics: true}))
	web, err := listen(ctx, a.config, "http-addr", mux)
	if err != nil {
		return err
	}
	defer web.shutdown(time.Second)
	a.log.Info("probing", "every", every.String(), "channel", o.Channel, "user", o.User, "http", web.addr())
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		round := o.Round(ctx)
		if ctx.Err() != nil {
			return nil
		}
		metrics.Observe(round)
		for _, r := range round {
			if r.Err != nil {
				a.log.Warn("the probe failed", "stage", r.Stage, "error", r.Err)
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case err := <-web.err:
			return fmt.Errorf("HTTP server: %w", err)
		case <-ticker.C:
		}
	}
}
