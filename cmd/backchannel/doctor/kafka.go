package doctor

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/deploy/apply"
	"github.com/bigmind/backchannel/schemas"
)

// kafka asks whether the brokers answer, whether topics are as declared, and how far consumer groups are behind.
func (d *Doctor) kafka(ctx context.Context) {
	bounded, cancel := d.bounded(ctx)
	defer cancel()
	admin := kadm.NewClient(d.client)
	brokers, err := admin.ListBrokers(bounded)
	if err != nil {
		d.fail("kafka", "reachable", "", fmt.Sprintf("Kafka does not answer at %s: %s.", d.KafkaAt, reason(err)),
			"Start the brokers, or mend kafka-brokers; with TLS or SASL also kafka-tls… and kafka-sasl, -username, -password.")
		return
	}
	d.up.kafka = true
	d.pass("kafka", "reachable", fmt.Sprintf("%d brokers answer.", len(brokers)))
	d.topics(ctx, admin)
	d.lag(ctx, admin)
}

func (d *Doctor) topics(ctx context.Context, admin *kadm.Client) {
	ctx, cancel := d.bounded(ctx)
	defer cancel()
	report, err := apply.Topics(ctx, admin, d.Replication, true)
	if err != nil {
		d.unknown("kafka", "topics", "The topics could not be read: "+reason(err)+".", "Look at the brokers' log; the user needs DESCRIBE on all topics.")
		return
	}
	if d.declared("kafka", "topics", report) {
		d.pass("kafka", "topics", fmt.Sprintf("All %d topics are as declared.", len(schemas.AllTopics())))
	}
}

// declared tells what apply would change, in one line since one command mends it, and each problem that it cannot mend.
func (d *Doctor) declared(area, check string, report apply.Report) bool {
	const shown = 5
	if n := len(report.Changes); n > 0 {
		what := strings.Join(report.Changes[:min(n, shown)], "; ")
		if n > shown {
			what += fmt.Sprintf("; and %d more", n-shown)
		}
		d.fail(area, check, subjectOf(report.Changes[0]), "Not as declared: "+what+".", "Run 'backchannel apply'.")
	}
	for _, problem := range report.Problems {
		d.fail(area, check, subjectOf(problem), capital(problem)+".", "Applying does not mend this: do what the sentence says.")
	}
	return len(report.Changes)+len(report.Problems) == 0
}

// lag tells of each group that is behind, or that nobody is.
func (d *Doctor) lag(ctx context.Context, admin *kadm.Client) {
	bounded, cancel := d.bounded(ctx)
	defer cancel()
	lags, err := admin.Lag(bounded, slices.Clone(d.Groups)...) // kadm writes into the slice that it is given
	if err != nil {
		d.unknown("kafka", "lag", "Consumer groups could not be asked: "+reason(err)+".", "Look at the brokers' log.")
		return
	}
	current, absent := 0, []string{}
	for _, name := range d.Groups {
		group := lags[name]
		component := strings.TrimPrefix(name, "backchannel-")
		waiting, from := waitingOf(&group)
		oldest, records := time.Duration(0), false
		if waiting > 0 {
			oldest, records = d.oldest(ctx, from)
		}
		switch {
		case group.Error() != nil && len(group.Members) == 0 && len(group.Lag) == 0 && group.State == "":
			d.unknown("kafka", "lag", fmt.Sprintf("%s could not be asked: %s.", name, reason(group.Error())), "Its coordinator may be moving: ask again.")
		case records && len(group.Members) == 0:
			d.fail("kafka", "lag", name, fmt.Sprintf("%d records wait for %s, the oldest for %s, and nobody consumes them.", waiting, component, round(oldest)), "Run 'backchannel run "+component+"'.")
		case records && oldest >= d.Behind:
			d.fail("kafka", "lag", name, fmt.Sprintf("%s is behind: %d records wait, the oldest for %s.", capital(component), waiting, round(oldest)),
				"See /readyz of its process: it says what it waits for. Else it is at its limit: add replicas.")
		case len(group.Members) == 0:
			absent = append(absent, component)
		default:
			current++
		}
	}
	if current > 0 {
		d.pass("kafka", "lag", fmt.Sprintf("%d components consume and none is more than %s behind.", current, round(d.Behind)))
	}
	if len(absent) > 0 {
		d.unknown("kafka", "lag", "Nobody consumes as "+strings.Join(absent, ", ")+" just now, and nothing waits there.", "Run what is wanted: 'backchannel run'.")
	}
}

// waitingOf is how many records a group has not committed, and where each partition that has some goes on.
func waitingOf(group *kadm.DescribedGroupLag) (waiting int64, from map[string]map[int32]kgo.Offset) {
	from = map[string]map[int32]kgo.Offset{}
	for topic, partitions := range group.Lag {
		for p, l := range partitions {
			if l.Lag <= 0 {
				continue
			}
			waiting += l.Lag
			at := max(l.Commit.At, l.Start.Offset)
			if from[topic] == nil {
				from[topic] = map[int32]kgo.Offset{}
			}
			from[topic][p] = kgo.NewOffset().At(at)
		}
	}
	return waiting, from
}

// oldest is how long the first record at any of the offsets has waited. False: there is none, only the markers of transactions.
func (d *Doctor) oldest(ctx context.Context, from map[string]map[int32]kgo.Offset) (time.Duration, bool) {
	var first time.Time
	left := 0
	for _, partitions := range from {
		left += len(partitions)
	}
	seen := map[string]bool{}
	d.read(ctx, from, func(rec *kgo.Record) bool {
		if at := fmt.Sprint(rec.Topic, "/", rec.Partition); !seen[at] {
			seen[at] = true
			if first.IsZero() || rec.Timestamp.Before(first) {
				first = rec.Timestamp
			}
		}
		return len(seen) < left
	})
	if first.IsZero() {
		return 0, false
	}
	return max(d.Now().Sub(first), 0), true
}

// readFor bounds how long records are waited for: where only markers are left, none comes.
const readFor = 2 * time.Second

// read hands over records from some offsets on, until visit has had enough or nothing comes.
func (d *Doctor) read(ctx context.Context, from map[string]map[int32]kgo.Offset, visit func(*kgo.Record) bool) {
	ctx, cancel := context.WithTimeout(ctx, min(readFor, d.Timeout))
	defer cancel()
	client, err := kgo.NewClient(append(d.Kafka[:len(d.Kafka):len(d.Kafka)], kgo.ConsumePartitions(from), kgo.FetchIsolationLevel(kgo.ReadCommitted()))...)
	if err != nil {
		return // the same options made a client before
	}
	defer client.Close()
	for {
		fetches := client.PollFetches(ctx)
		if ctx.Err() != nil {
			return
		}
		for _, rec := range fetches.Records() {
			if !visit(rec) {
				return
			}
		}
	}
}

// subjectOf is the name in "topic NAME: …".
func subjectOf(sentence string) string {
	words := strings.Fields(sentence)
	if len(words) < 2 {
		return ""
	}
	return strings.Trim(words[1], ":")
}

func capital(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

func round(d time.Duration) time.Duration {
	if d < time.Minute {
		return d.Round(time.Second)
	}
	return d.Round(time.Minute)
}

// reason is an error in one line.
func reason(err error) string {
	return strings.TrimSuffix(strings.ReplaceAll(err.Error(), "\n", "; "), ".")
}

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
