package doctor

import (
	"context"
	"net/http"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/redis/go-redis/v9"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/ingest/diagnose"
	"github.com/bigmind/backchannel/schemas"
)

// Line is one finding.
type Line struct {
	Area    string          `json:"area"`              // configuration, kafka, redis, clickhouse, slack, mail, clock, person or channel
	Check   string          `json:"check"`             // which check of the area, such as topics
	Subject string          `json:"subject,omitempty"` // what it is about: a topic, a consumer group, a workspace
	Result  diagnose.Result `json:"result"`            // pass, fail or unknown
	Fact    string          `json:"fact"`
	Next    string          `json:"next,omitempty"` // what to do
}

// Opener opens sealed tokens; *seal.Sealer is one.
type Opener interface {
	Open(team schemas.TeamID, sealed string) (token string, err error)
}

// Mailer is a mail server that can be tried.
type Mailer interface {
	Probe(ctx context.Context) error
}

// Options say where everything is. What is nil is not there, and said so.
type Options struct {
	Kafka []kgo.Opt
	// KafkaAt, RedisAt and ClickHouseAt are how a person knows them: without passwords.
	KafkaAt, RedisAt, ClickHouseAt string
	Replication                    int16
	Groups                         []string // consumer groups of the graph
	Redis                          redis.UniversalClient
	ClickHouse                     *clickhouse.Options
	SlackAPI                       string // ending in /api/
	HTTP                           *http.Client
	Tokens                         Opener
	TokensErr                      error // why there is no Opener
	Mail                           Mailer
	MailIs                         string // where mails go, when it is no server
	// Ingest is where a running ingest answers /metrics and /readyz, such as http://127.0.0.1:8080.
	Ingest string
	// Sockets: events come over Socket Mode, so that no signature is checked.
	Sockets bool
	// Behind is how long a record may wait before a consumer counts as lagging.
	Behind time.Duration
	// Timeout bounds each question to an engine.
	Timeout time.Duration
	Now     func() time.Time
}

// Doctor goes through the areas.
type Doctor struct {
	Options
	say func(Line)

	client *kgo.Client
	ch     driver.Conn
	// up is what was found to answer, which the rest depends on.
	up struct{ kafka, redis, clickhouse bool }
}

// Run goes through all areas and tells each line when it is known.
func Run(ctx context.Context, opts Options, say func(Line)) error {
	d := &Doctor{Options: opts, say: say}
	var err error
	if d.client, err = kgo.NewClient(append(opts.Kafka[:len(opts.Kafka):len(opts.Kafka)], kgo.RequestRetries(3), kgo.RetryTimeout(opts.Timeout), kgo.DialTimeout(opts.Timeout))...); err != nil {
		return err
	}
	defer d.client.Close()
	if d.ch, err = clickhouse.Open(opts.ClickHouse); err != nil {
		return err
	}
	defer func() { _ = d.ch.Close() }() // nothing is pending on it
	for _, area := range []func(context.Context){d.kafka, d.redis, d.clickhouse, d.ingest, d.slack, d.mail, d.clocks} {
		area(ctx)
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return nil
}

// bounded gives a question its time.
func (d *Doctor) bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, d.Timeout)
}

func (d *Doctor) pass(area, check, fact string) {
	d.say(Line{Area: area, Check: check, Result: diagnose.Pass, Fact: fact})
}

func (d *Doctor) fail(area, check, subject, fact, next string) {
	d.say(Line{area, check, subject, diagnose.Fail, fact, next})
}

func (d *Doctor) unknown(area, check, fact, next string) {
	d.say(Line{Area: area, Check: check, Result: diagnose.Unknown, Fact: fact, Next: next})
}

// Checks are the lines of a list of ingest/diagnose.
func Checks(area, subject string, checks []diagnose.Check) []Line {
	lines := make([]Line, len(checks))
	for i, c := range checks {
		lines[i] = Line{area, string(c.ID), subject, c.Result, c.Name + ": " + c.Fact, c.Next}
	}
	return lines
}
