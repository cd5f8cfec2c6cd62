package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/cmd/backchannel/config"
	"github.com/bigmind/backchannel/cmd/backchannel/health"
	"github.com/bigmind/backchannel/deploy/demo"
	"github.com/bigmind/backchannel/deploy/slacksim"
	"github.com/bigmind/backchannel/ingest/console"
	"github.com/bigmind/backchannel/ingest/slackapp"
)

func demoCommand(a *app) *cobra.Command {
	var forTime time.Duration
	var asJSON bool
	var seed uint64
	cmd := &cobra.Command{
		Use: "demo", Short: "Run everything in one process with a simulated customer workspace", Args: cobra.NoArgs,
		Long: `Run everything in one process with a simulated customer workspace: people talk, edit, delete and answer in threads,
while an upstream system sends notifications. Ends after --for, or at Ctrl-C, with a summary; exit code 1 when anything
is missing, wrong or twice. Requests that quiet hours or an hour's cap hold until later are counted as held, and not
waited for. Data is kept in a temporary folder unless --data is given.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !cmd.Flags().Changed("log-level") {
				a.config.Set("log-level", "warn", "demo")
				a.log = newLog(a.config)
			}
			if seed == 0 {
				seed = uint64(time.Now().UnixNano())
			}
			summary, err := runDemo(cmd.Context(), a, forTime, seed, cmd.ErrOrStderr())
			if summary.Outcomes != nil { // it came as far as comparing
				err = errors.Join(err, report(summary, asJSON, cmd.OutOrStdout(), cmd.ErrOrStderr()))
			}
			return err
		},
	}
	cmd.Flags().DurationVar(&forTime, "for", 0, "end after this long; 0: at Ctrl-C")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the summary as one JSON object on the last line of standard output")
	cmd.Flags().Uint64Var(&seed, "seed", 0, "seed of what people say; 0: another one each time")
	return cmd
}

// runDemo serves everything in this process and plays the outside world to it.
func runDemo(ctx context.Context, a *app, forTime time.Duration, seed uint64, out io.Writer) (demo.Summary, error) {
	c := a.config
	if addr := c.String("http-addr"); strings.HasSuffix(addr, ":0") {
		return demo.Summary{}, fmt.Errorf("http-addr is %s: the demo has to know its port; give one", addr)
	}
	if !c.Explicit("data") {
		dir, remove, err := temporary("backchannel-demo-")
		if err != nil {
			return demo.Summary{}, fmt.Errorf("make a folder for the demo: %w", err)
		}
		defer remove()
		c.Set("data", dir, "demo")
	}
	c.Set("embedded", "true", "demo")
	c.Set("simulate-slack", "true", "demo")
	for name, value := range map[string]string{"reconcile-every": "2s", "reconcile-quiet": "4s"} { // so that a short demo shows it
		if !c.Explicit(name) {
			c.Set(name, value, "demo")
		}
	}
	secret := rand.Text()
	if !c.Explicit("slack-signing-secret") {
		c.Set("slack-signing-secret", secret, "demo")
	}
	for name, value := range map[string]string{"slack-client-id": "demo." + rand.Text(), "slack-client-secret": rand.Text()} { // so that people sign in
		if !c.Explicit(name) {
			c.Set(name, value, "demo")
		}
	}
	serving, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	served := make(chan error, 1)
	components, err := choose(nil)
	if err != nil {
		return demo.Summary{}, err
	}
	tracker := newTracker(a.log)
	go func() { served <- serve(serving, c, a.log, tracker, components, out) }()
	if err := awaitReady(ctx, tracker, served); err != nil {
		stop()
		return demo.Summary{}, err
	}
	printAddresses(out, c)
	summary, err := play(ctx, c, a, forTime, seed, out)
	stop()
	return summary, errors.Join(err, <-served)
}

// awaitReady waits until the pipeline waits for nothing, or ends before that. It asks the pipeline itself: at http-addr another process may answer.
func awaitReady(ctx context.Context, tracker *health.Tracker, served <-chan error) error {
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-served:
			return errors.Join(errors.New("the pipeline ended before it was ready"), err)
		case <-ticker.C:
			if len(tracker.Waiting()) == 0 {
				return nil
			}
		}
	}
}

func printAddresses(out io.Writer, c *config.Config) {
	fmt.Fprintf(out, `
  console             %[6]s%[7]s   sign in as Ada Okafor (owner), Ben Ruiz (administrator), Chloé Martin (member)
  Slack (simulated)   http://%[1]s/            open it and watch channels, threads and DMs
  ClickHouse          %[2]s   curl '%[2]s?database=backchannel' -d 'SELECT * FROM conversations LIMIT 5 FORMAT Vertical'
  Kafka               %[3]s                    kcat -b %[3]s -t context.messages -C -o -5 -e
  Redis               %[4]s
  metrics, probes     http://%[5]s/metrics  /readyz
  all of it           backchannel doctor --embedded --simulate-slack --data %[8]s

`, c.String("slack-sim-addr"), c.String("clickhouse-url"), c.String("kafka-brokers"), c.String("redis-url"), c.String("http-addr"), publicURL(c), console.Home, c.String("data"))
}

func play(ctx context.Context, c *config.Config, a *app, forTime time.Duration, seed uint64, out io.Writer) (demo.Summary, error) {
	kafka, err := kafkaOptions(c)
	if err != nil {
		return demo.Summary{}, err
	}
	upstream, err := kgo.NewClient(kafka...)
	if err != nil {
		return demo.Summary{}, fmt.Errorf("make the Kafka client: %w", err)
	}
	defer upstream.Close()
	views, err := redisClient(c)
	if err != nil {
		return demo.Summary{}, err
	}
	defer func() { _ = views.Close() }() // nothing is pending on it
	ch, err := clickhouseConn(c)
	if err != nil {
		return demo.Summary{}, err
	}
	defer func() { _ = ch.Close() }() // nothing is pending on it
	tokens, err := sealer(c)
	if err != nil {
		return demo.Summary{}, err
	}
	return demo.Run(ctx, demo.Options{
		Slack: slacksim.NewClient("http://"+c.String("slack-sim-addr"), nil), SigningSecret: c.List("slack-signing-secret")[0],
		ClientID: c.String("slack-client-id"), ClientSecret: c.String("slack-client-secret"), PublicURL: publicURL(c), RedirectPaths: []string{slackapp.CallbackPath, slackapp.SignInPath},
		EventsURL: "http://" + c.String("http-addr") + slackapp.EventsPath, InteractURL: "http://" + c.String("http-addr") + slackapp.InteractionsPath,
		Kafka: upstream, Redis: views, ClickHouse: ch, Seal: tokens.Seal, For: forTime, Seed: seed, Out: out, Log: a.log,
	})
}

// report prints the summary: for a person to standard error, for a program as the last line of standard output.
func report(s demo.Summary, asJSON bool, out, person io.Writer) error {
	if len(s.Analyst) > 0 { // else it ended before: something did not arrive
		fmt.Fprintf(person, "\nAn analyst asks:\n%s\n\n", demo.AnalystQuery)
	}
	for _, row := range s.Analyst {
		fmt.Fprintf(person, "  %-12v %-20v messages %-6v people %-3v replies %-5v last %v\n", row["account"], row["deal"], row["messages"], row["people"], row["replies"], row["last_activity"])
	}
	if len(s.Notifications) > 0 {
		fmt.Fprint(person, "\nNotifications of one type, as each person prefers:\n\n")
	}
	for _, line := range s.Notifications {
		fmt.Fprintln(person, "  "+line)
	}
	if asJSON {
		line, err := json.Marshal(s)
		if err != nil {
			return fmt.Errorf("encode the summary: %w", err)
		}
		_, err = fmt.Fprintln(out, string(line))
		return err
	}
	held := ""
	if len(s.Held) > 0 {
		held = "held, without an outcome yet: " + listed(s.Held) + "\n"
	}
	_, err := fmt.Fprintf(out, `
events sent %d, accepted %d; %d more withheld on purpose, and what they would have told found by reading the channels again: %d messages, and edits and deletions
messages expected %d, in ClickHouse %d, mismatched %d
notifications requested %d, with an outcome %d, held until later %d, DMs posted %d, posted twice %d
outcomes: %s
%sevent to queryable row: p50 %.0f ms, p99 %.0f ms (%d samples)
`, s.EventsSent, s.EventsAccepted, s.EventsWithheld, s.MessagesFound, s.MessagesExpected, s.MessagesInClickHouse, s.MismatchedMessages,
		s.NotificationsRequested, s.RequestsWithOutcome, s.RequestsHeld, s.DMsPosted, s.DuplicateDMs, listed(s.Outcomes), held, s.LatencyMS.P50, s.LatencyMS.P99, s.LatencySamples)
	return err
}

// listed is counts for a person: "31 delivered by email, 4 failed: account_inactive".
func listed(counts map[string]int) string {
	parts := make([]string, 0, len(counts))
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		parts = append(parts, fmt.Sprintf("%d %s", counts[name], name))
	}
	return strings.Join(parts, ", ")
}
