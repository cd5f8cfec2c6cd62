package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/spf13/cobra"

	"github.com/bigmind/backchannel/cmd/backchannel/config"
	"github.com/bigmind/backchannel/cmd/backchannel/doctor"
	"github.com/bigmind/backchannel/cmd/backchannel/verdict"
	"github.com/bigmind/backchannel/ingest"
	"github.com/bigmind/backchannel/ingest/diagnose"
	"github.com/bigmind/backchannel/schemas"
	"github.com/bigmind/backchannel/sinks/email"
)

// doctorAsks is what the command line says.
type doctorAsks struct {
	user, kind, channel, team, org, ingest string
	asJSON                                 bool
	timeout, behind                        time.Duration
}

func doctorCommand(a *app) *cobra.Command {
	var asks doctorAsks
	var wrong error
	cmd := &cobra.Command{
		Use: "doctor [--user EMAIL|USER [--type T] | --channel C]", Args: cobra.NoArgs,
		Short: "Say what does not work, why, and what to do",
		Long: `Say what does not work, why, and what to do: one line for each thing that has to hold, with a ✓, a ✗, or a ? where it cannot be told.

Without arguments: configuration, Kafka (topics, lag), Redis (views), ClickHouse (tables, last insert), Slack (tokens, scopes, events), mail, clocks.
With --user or --channel: the product page's lists, 'What to check if notifications are not arriving' and '… channel sync is not working'.
Nothing is changed. Exit code 1 if anything fails.`,
		// Settings that are wrong are a finding, not the end.
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error { wrong = a.load(cmd.Flags(), a.file); return nil },
		RunE: func(cmd *cobra.Command, _ []string) error {
			failed := 0
			err := examine(cmd.Context(), a, &asks, wrong, func(l doctor.Line) {
				if l.Result == diagnose.Fail {
					failed++
				}
				asks.print(cmd.OutOrStdout(), l)
			})
			switch {
			case err != nil:
				return err
			case failed > 0:
				return exitError{1, ""}
			}
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&asks.user, "user", "", "a person, by email or directory user id, whose notifications do not arrive")
	f.StringVar(&asks.kind, "type", "", "with --user: the notification type; all, in short, when absent")
	f.StringVar(&asks.channel, "channel", "", "a Slack channel that is not synced, by id")
	f.StringVar(&asks.team, "team", "", "with --channel: its workspace, where several have it")
	f.StringVar(&asks.org, "org", "", "with --user: the organization, where several know the person")
	f.StringVar(&asks.ingest, "ingest", "", "where a running ingest answers /metrics; by default http-addr")
	f.BoolVar(&asks.asJSON, "json", false, "a JSON object a line")
	f.DurationVar(&asks.timeout, "timeout", 5*time.Second, "how long a question to an engine may take")
	f.DurationVar(&asks.behind, "behind", 5*time.Minute, "how long a record may wait before a consumer counts as behind")
	return cmd
}

func (d *doctorAsks) print(out io.Writer, l doctor.Line) {
	if !d.asJSON {
		doctor.Print(out, l)
		return
	}
	_ = json.NewEncoder(out).Encode(l) // of strings; a pipe that was closed needs no word
}

func examine(ctx context.Context, a *app, asks *doctorAsks, wrong error, say func(doctor.Line)) error {
	if asks.user != "" && asks.channel != "" {
		return errors.New("name a person (--user) or a channel (--channel)")
	}
	if wrong != nil {
		for _, l := range doctor.Configuration(nil, wrong) {
			say(l)
		}
		return nil
	}
	c := a.config
	rdb, err := redisClient(c)
	if err != nil {
		return err
	}
	defer rdb.Close()
	if asks.user != "" || asks.channel != "" {
		lines, err := asks.list(ctx, rdb)
		if err != nil {
			return err
		}
		for _, l := range lines {
			say(l)
		}
		return nil
	}
	opts, err := doctorOptions(c, asks, rdb)
	if err != nil {
		return err
	}
	for _, l := range doctor.Configuration(c, nil) {
		say(l)
	}
	return doctor.Run(ctx, opts, say)
}

// list goes through the product page's list for a person or a channel.
func (d *doctorAsks) list(ctx context.Context, rdb redis.UniversalClient) ([]doctor.Line, error) {
	examiner := diagnose.Examiner{Redis: rdb, Verdicts: verdict.By(rdb, time.Now), Now: time.Now}
	if d.user != "" {
		org := schemas.OrgID(d.org)
		to, err := person(d.user)
		if err != nil {
			return nil, err
		}
		if org == "" {
			if org, err = doctor.OrgOf(ctx, rdb, to); err != nil {
				return nil, err
			}
		}
		checks, err := examiner.Person(ctx, org, to, schemas.NotificationType(d.kind))
		return doctor.Checks("person", d.user, checks), err
	}
	channel, team := schemas.ChannelID(d.channel), schemas.TeamID(d.team)
	if team == "" {
		var err error
		if team, err = doctor.TeamOf(ctx, rdb, channel); err != nil {
			return nil, err
		}
	}
	value, err := rdb.HGet(ctx, schemas.ViewTeamInstall(team), schemas.FieldInstallation).Result()
	if err != nil && !errors.Is(err, redis.Nil) {
		return nil, fmt.Errorf("look up the workspace: %w", err)
	}
	in, err := ingest.Viewed[schemas.Installation](value)
	switch {
	case err != nil:
		return nil, err
	case in == nil:
		return nil, fmt.Errorf("no organization has connected the workspace %s", team)
	}
	checks, err := examiner.Channel(ctx, in.OrgID, team, channel)
	return doctor.Checks("channel", d.channel, checks), err
}

// doctorOptions says where everything is that the settings name.
func doctorOptions(c *config.Config, asks *doctorAsks, rdb redis.UniversalClient) (opts doctor.Options, err error) {
	opts = doctor.Options{
		KafkaAt: c.Shown("kafka-brokers"), RedisAt: c.Shown("redis-url"), ClickHouseAt: c.Shown("clickhouse-url"), Replication: int16(c.Int("kafka-replication")),
		Redis: rdb, SlackAPI: slackAPI(c), HTTP: &http.Client{Timeout: slackTimeout}, Ingest: asks.ingest,
		Sockets: overSocketMode(c), Behind: asks.behind, Timeout: asks.timeout, Now: time.Now,
	}
	if opts.Ingest == "" {
		opts.Ingest = "http://" + c.String("http-addr")
	}
	if opts.Kafka, err = kafkaOptions(c); err != nil {
		return opts, err
	}
	if opts.ClickHouse, err = clickhouseOptions(c); err != nil {
		return opts, err
	}
	opts.Groups = consumerGroups(everyComponent)
	if err := keptKeys(c); err != nil {
		return opts, err
	}
	if tokens, err := sealer(c); err != nil {
		opts.TokensErr = err
	} else {
		opts.Tokens = tokens
	}
	switch address := c.String("smtp-url"); {
	case address != "":
		server, err := email.NewSMTP(address, c.String("email-from"))
		if err != nil {
			return opts, err
		}
		opts.Mail = server
	case c.Bool("embedded"):
		opts.MailIs = "Mails become files in " + filepath.Join(c.String("data"), "outbox") + "."
	}
	return opts, nil
}
