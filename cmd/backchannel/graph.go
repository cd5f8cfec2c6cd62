package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/cmd/backchannel/config"
	"github.com/bigmind/backchannel/cmd/backchannel/health"
	"github.com/bigmind/backchannel/cmd/backchannel/slackcalls"
	"github.com/bigmind/backchannel/cmd/backchannel/tracing"
	"github.com/bigmind/backchannel/ingest/console/signin"
	"github.com/bigmind/backchannel/ingest/interactions"
	"github.com/bigmind/backchannel/processors"
	"github.com/bigmind/backchannel/sinks"
)

// The whole graph: three tiers, each a short list. A component runs alone under its name.
//
//	ingest      events       Slack            -> slack.events
//	            socketmode   Slack, by WebSocket -> slack.events
//	            interactions the setup modal  -> channel.associations
//	            install      Slack's OAuth    -> slack.installations
//	            console      people, signed in -> channel.associations, notification.preferences, org.settings
//	            directory    Slack's lists    -> slack.users, slack.channels
//	            history      Slack's history  -> slack.history, sync.checkpoints
//	            api          programs         -> channel.associations, notification.preferences, org.settings
//	processors  enrich       slack.events, slack.history -> context.messages
//	            lifecycle    slack.events     -> slack.installations, slack.users, slack.channels, channel.associations, setup.prompts, sync.requests, deliveries
//	            setup        associations, outcomes -> setup.prompts, deliveries
//	            route        notification.requests, notification.addressed -> notification.addressed, deliveries, notification.held, outcomes
//	            release      notification.held -> deliveries, outcomes
//	sinks       views        control topics   -> Redis
//	            clickhouse   context, control, outcomes -> ClickHouse
//	            slack        deliveries.slack -> Slack; slack-urgent the same past it, of deliveries.slack.urgent
//	            email        deliveries.email -> mail; email-urgent as with Slack
//	            retain       what is not kept goes from ClickHouse
var tiers = []tier{
	{"ingest", nil, []component{
		{"events", startEvents, nil}, {"socketmode", startSocketMode, nil}, {"interactions", startInteractions, nil}, {"install", startInstall, nil}, {"console", startConsole, nil},
		{"directory", startDirectory, nil}, {"history", startHistory, nil}, {"api", startAPI, nil},
	}},
	{"processors", processors.Group, []component{
		{"enrich", startEnrich, onRedis}, {"lifecycle", startLifecycle, onRedis}, {"setup", startSetup, onRedis},
		{"route", startRoute, onRedis}, {"release", startRelease, onRedis},
	}},
	{"sinks", allBut(sinks.Group, "retain"), []component{
		{"views", startViews, onRedis}, {"clickhouse", startClickHouse, onClickHouse}, {"slack", startSlack, onRedis}, {"email", startEmail, onRedis},
		{"slack-urgent", startSlackUrgent, onRedis}, {"email-urgent", startEmailUrgent, onRedis},
		{"retain", startRetain, onClickHouse},
	}},
}

type tier struct {
	name       string
	group      func(component string) string // the consumer group of a component, empty if it has none; nil where none consumes
	components []component
}

// allBut names the groups of a tier of which some components consume nothing.
func allBut(group func(string) string, components ...string) func(string) string {
	return func(component string) string {
		if slices.Contains(components, component) {
			return ""
		}
		return group(component)
	}
}

// consumerGroups lists the groups of those components that consume.
func consumerGroups(of func(component) bool) (groups []string) {
	for _, t := range tiers {
		for _, c := range t.components {
			if t.group != nil && t.group(c.name) != "" && of(c) {
				groups = append(groups, t.group(c.name))
			}
		}
	}
	return groups
}

func everyComponent(component) bool { return true }

// component makes something that runs until its context is done.
type component struct {
	name  string
	start func(*wiring) (runner, error)
	// needs are the engines without which it waits, beside Kafka, which all need. A process is ready when those of its own
	// components answer: an ingest that was not ready while ClickHouse is away would turn Slack's events down for nothing.
	needs []string
}

// The engines, as /readyz names them.
const (
	engineKafka      = "Kafka"
	engineRedis      = "Redis"
	engineClickHouse = "ClickHouse"
)

var onRedis, onClickHouse = []string{engineRedis}, []string{engineClickHouse}

type runner interface {
	Run(ctx context.Context) error
}

// wiring is what components are made from. Clients are made when the first component asks for them.
type wiring struct {
	config   *config.Config
	log      *slog.Logger
	metrics  *prometheus.Registry
	health   *health.Tracker
	traces   *tracing.Tracing // nil: none are made
	mux      *http.ServeMux
	kafka    []kgo.Opt
	producer *kgo.Client
	redis    redis.UniversalClient
	ch       driver.Conn

	interactions *interactions.Interactions // see setupModal
	signIn       *signin.SignIn             // see signingIn
	signInAsked  bool
	disconnect   disconnect // of the component install; nil: it does not run here

	processorMetrics *processors.Metrics
	sinkMetrics      *sinks.Metrics
	slackCalls       *slackcalls.Metrics
}

// choose finds the components that the arguments name: all, a tier, or a component. No argument means all.
func choose(args []string) ([]component, error) {
	if len(args) == 0 {
		args = []string{"all"}
	}
	wanted := map[string]bool{}
	for _, a := range args {
		wanted[a] = true
	}
	var chosen []component
	for _, t := range tiers {
		for _, c := range t.components {
			if wanted["all"] || wanted[t.name] || wanted[c.name] {
				chosen = append(chosen, c)
			}
		}
	}
	for _, a := range args {
		if !known(a) {
			return nil, fmt.Errorf("there is no tier or component %q; want all, %s", a, strings.Join(names(), ", "))
		}
	}
	return chosen, nil
}

func known(name string) bool {
	if name == "all" {
		return true
	}
	for _, n := range names() {
		if n == name {
			return true
		}
	}
	return false
}

func names() []string {
	var all []string
	for _, t := range tiers {
		all = append(all, t.name)
		for _, c := range t.components {
			all = append(all, c.name)
		}
	}
	return all
}
