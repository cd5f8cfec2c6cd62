// Package config resolves the settings of the binary: flags before environment before file before default, each with
// where it came from.
package config

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Setting is one thing that can be configured. Its flag is --name, its variable BACKCHANNEL_NAME with underscores, its
// key in the file name. A secret can also be named by a file: BACKCHANNEL_NAME_FILE.
type Setting struct {
	Name    string
	Default string
	Help    string
	Secret  bool
	Bool    bool
	check   func(string) error
}

// Env is the setting's environment variable.
func (s Setting) Env() string {
	return "BACKCHANNEL_" + strings.ToUpper(strings.ReplaceAll(s.Name, "-", "_"))
}

// Settings lists everything, in the order in which it is printed.
var Settings = []Setting{
	{Name: "http-addr", Default: "127.0.0.1:8080", Help: "where to listen for Slack, metrics and probes", check: hostPort},
	{Name: "public-url", Help: "where browsers reach http-addr, such as https://bigmind.example; empty: http:// and http-addr", check: optional(scheme("http", "https"))},
	{Name: "data", Default: "data", Help: "folder of the embedded engines"},
	{Name: "embedded", Default: "false", Bool: true, Help: "run Kafka, Redis and ClickHouse inside this process"},
	{Name: "simulate-slack", Default: "false", Bool: true, Help: "run the Slack simulator inside this process"},
	{Name: "slack-sim-addr", Default: "127.0.0.1:8090", Help: "where the Slack simulator listens", check: hostPort},

	{Name: "kafka-brokers", Default: "127.0.0.1:9092", Help: "seed brokers, host:port, comma separated", check: list(hostPort)},
	{Name: "kafka-tls", Default: "false", Bool: true, Help: "speak TLS to Kafka"},
	{Name: "kafka-tls-ca", Help: "file with the certificate authorities of the brokers (PEM)"},
	{Name: "kafka-tls-cert", Help: "file with our client certificate (PEM)"},
	{Name: "kafka-tls-key", Help: "file with our client key (PEM)"},
	{Name: "kafka-sasl", Help: "plain, scram-sha-256 or scram-sha-512; empty: none", check: oneOf("", "plain", "scram-sha-256", "scram-sha-512")},
	{Name: "kafka-username", Help: "SASL user name"},
	{Name: "kafka-password", Secret: true, Help: "SASL password"},
	{Name: "kafka-replication", Default: "-1", Help: "replicas of topics that apply creates; -1: the broker's default", check: number(-1, 100)},

	{Name: "redis-url", Default: "redis://127.0.0.1:6379/0", Help: "redis://, rediss://, redis+sentinel://host:port/0?master_name=…, redis+cluster://host:port?addr=host2:port", check: scheme("redis", "rediss", "redis+sentinel", "rediss+sentinel", "redis+cluster", "rediss+cluster")},
	{Name: "redis-password", Secret: true, Help: "Redis password, instead of one in the URL"},
	{Name: "redis-tls-ca", Help: "file with the certificate authorities of Redis (PEM)"},

	{Name: "clickhouse-url", Default: "http://127.0.0.1:8123", Help: "clickhouse:// (native), http:// or https://; the database is 'backchannel' unless the path names one", check: scheme("clickhouse", "http", "https")},
	{Name: "clickhouse-password", Secret: true, Help: "ClickHouse password, instead of one in the URL"},
	{Name: "clickhouse-tls-ca", Help: "file with the certificate authorities of ClickHouse (PEM)"},
	{Name: "clickhouse-cluster", Help: "name of the ClickHouse cluster, as its configuration has it: apply then makes replicated tables on all nodes, the big ones in shards by organization; empty: one server"},
	{Name: "clickhouse-batch", Default: "50000", Help: "rows of an insert, at most", check: number(1, 1_000_000)},
	{Name: "retain-every", Default: "24h", Help: "how often what organizations do not keep, and what was deleted in Slack, is deleted from ClickHouse", check: duration},
	{Name: "clickhouse-wait", Default: "200ms", Help: "how long the first row of an insert waits for more", check: duration},

	{Name: "slack-api-url", Default: "https://slack.com/api/", Help: "Slack's Web API, or the simulator's", check: scheme("http", "https")},
	{Name: "slack-signing-secret", Secret: true, Help: "signing secrets of the Slack apps, comma separated"},
	{Name: "slack-app-token", Secret: true, Help: "app-level token (xapp-…) with connections:write, for an app in Socket Mode; empty: events come over HTTP", check: optional(prefix("xapp-"))},
	{Name: "slack-socket-connections", Default: "2", Help: "Socket Mode connections of this process; Slack allows an app 10, of all replicas together", check: number(1, 10)},
	{Name: "slack-client-id", Help: "client id of the Slack app; empty: the pages that connect Slack are off"},
	{Name: "slack-client-secret", Secret: true, Help: "client secret of the Slack app"},
	{Name: "console-issuer", Help: "who signs people in to the console, by OpenID Connect, such as https://accounts.google.com; empty: Slack", check: optional(scheme("http", "https"))},
	{Name: "console-client-id", Help: "client id at console-issuer; empty: slack-client-id"},
	{Name: "console-client-secret", Secret: true, Help: "client secret at console-issuer; empty: slack-client-secret"},
	{Name: "slack-messages-per-minute", Default: "240", Help: "direct messages per workspace and minute, at most", check: number(1, 100_000)},
	{Name: "slack-opens-per-minute", Default: "50", Help: "conversations.open per workspace and minute, at most (Slack's tier 3)", check: number(1, 100_000)},
	{Name: "slack-lists-per-minute", Default: "19", Help: "pages of users.list and of conversations.list per workspace and minute, at most (Slack's tier 2 is 20)", check: number(1, 100_000)},
	{Name: "directory-every", Default: "24h", Help: "how often a workspace's people and channels are read anew; events tell of changes in between", check: duration},
	{Name: "slack-app-class", Default: "internal", Help: "how Slack limits the reading of history: marketplace or internal (50 pages of 999 a minute), commercial (distributed outside the Marketplace: one page of 15 a minute); an installation may say otherwise", check: oneOf("marketplace", "internal", "commercial")},
	{Name: "backfill-window", Default: "2160h", Help: "how much of a channel's past is read once it is associated; an organization may choose otherwise", check: duration},
	{Name: "reconcile-every", Default: "5m", Help: "how often the newest messages of a lively channel are read again", check: duration},
	{Name: "reconcile-quiet", Default: "6h", Help: "the same where nobody talks", check: duration},
	{Name: "token-keys", Secret: true, Help: "Tink key set (JSON) that seals Slack tokens; 'backchannel seal --new-key-set' makes one"},

	{Name: "smtp-url", Secret: true, Help: "mail server: smtp://user:password@host:port or smtps://…; empty with --embedded: mails become files in the data folder"},
	{Name: "email-from", Default: "notifications@localhost", Help: "sender of emails"},
	{Name: "emails-per-minute", Default: "0", Help: "emails per minute, at most, of all replicas together; 0: no bound", check: number(0, 1_000_000)},
	{Name: "settings-url", Help: "page where people choose what to receive; every notification links to it. Empty: no link", check: optional(scheme("http", "https"))},

	{Name: "api-requests-per-minute", Default: "600", Help: "requests to the JSON API per token and minute, at most", check: number(1, 1_000_000)},

	{Name: "drain", Default: "20s", Help: "how long work in progress may take after SIGTERM", check: duration},
	{Name: "probe-org", Help: "'backchannel probe': the organization that is for it"},
	{Name: "probe-channel", Help: "'backchannel probe': id of the Slack channel in which it posts, associated with an account that is for it"},
	{Name: "probe-user", Help: "'backchannel probe': directory user who gets its notifications"},
	{Name: "probe-token", Secret: true, Help: "'backchannel probe': Slack token of the person, or of another app, that posts in probe-channel (chat:write)"},
	{Name: "probe-dm-token", Secret: true, Help: "'backchannel probe': Slack token that reads the direct messages of probe-user (im:history); empty: what the outcome says is enough"},
	{Name: "pprof-addr", Help: "where to serve Go's profiles, such as 127.0.0.1:6060; empty: nowhere", check: optional(hostPort)},
	{Name: "log-level", Default: "info", Help: "debug, info, warn or error", check: oneOf("debug", "info", "warn", "error")},
	{Name: "log-format", Default: "json", Help: "json or text", check: oneOf("json", "text")},
}

// Lookup finds a setting by name.
func Lookup(name string) (Setting, bool) {
	for _, s := range Settings {
		if s.Name == name {
			return s, true
		}
	}
	return Setting{}, false
}

func hostPort(v string) error {
	_, port, err := net.SplitHostPort(v)
	if err != nil {
		return errors.New("want host:port, such as 127.0.0.1:8080")
	}
	if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
		return errors.New("the port must be a number from 0 to 65535")
	}
	return nil
}

// optional lets a setting be empty.
func optional(check func(string) error) func(string) error {
	return func(v string) error {
		if v == "" {
			return nil
		}
		return check(v)
	}
}

// prefix checks how a token begins, which tells Slack's kinds apart, without quoting it.
func prefix(want string) func(string) error {
	return func(v string) error {
		if !strings.HasPrefix(v, want) {
			return fmt.Errorf("want a token that begins with %s", want)
		}
		return nil
	}
}

func list(check func(string) error) func(string) error {
	return func(v string) error {
		for part := range strings.SplitSeq(v, ",") {
			if err := check(strings.TrimSpace(part)); err != nil {
				return err
			}
		}
		return nil
	}
}

func oneOf(choices ...string) func(string) error {
	return func(v string) error {
		for _, c := range choices {
			if v == c {
				return nil
			}
		}
		named := make([]string, 0, len(choices))
		for _, c := range choices {
			if c != "" {
				named = append(named, c)
			}
		}
		return fmt.Errorf("want one of %s", strings.Join(named, ", "))
	}
}

// scheme checks a URL without quoting it: it may hold a password.
func scheme(schemes ...string) func(string) error {
	return func(v string) error {
		u, err := url.Parse(v)
		if err != nil || u.Host == "" || oneOf(schemes...)(u.Scheme) != nil {
			return fmt.Errorf("want a URL that begins with %s://", strings.Join(schemes, "://, "))
		}
		return nil
	}
}

func number(lowest, highest int) func(string) error {
	return func(v string) error {
		if n, err := strconv.Atoi(v); err != nil || n < lowest || n > highest {
			return fmt.Errorf("want a number from %d to %d", lowest, highest)
		}
		return nil
	}
}

func duration(v string) error {
	if d, err := time.ParseDuration(v); err != nil || d <= 0 {
		return errors.New("want a duration such as 200ms, 20s or 1m30s")
	}
	return nil
}
