//go:build bench

package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/deploy/realengines"
	"github.com/bigmind/backchannel/processors"
	"github.com/bigmind/backchannel/processors/route"
	"github.com/bigmind/backchannel/schemas"
)

const (
	orgs   = 50
	people = 400 // of an organization
)

// TestBenchRouting holds routing against a bare transactional copy of the requests, which are keyed by organization, as the contract
// has it. With BENCH_KEYS=recipient they are not, and most go through notification.addressed (BENCH_ROUNDS=1: runs read what earlier ones wrote there).
func TestBenchRouting(t *testing.T) {
	kafka, rdb := realengines.StartKafka(t).Addr(), realengines.StartRedis(t).Addr()
	records, rounds := setting("BENCH_REQUESTS", 200_000), setting("BENCH_ROUNDS", 3)
	createTopic(t, kafka, "bench.copied")
	for _, topic := range append(processors.DeliveryTopics(), schemas.NotificationRequests.Spec, schemas.NotificationAddressed.Spec, schemas.NotificationHeld.Spec, schemas.NotificationOutcomes.Spec) {
		createTopic(t, kafka, topic.Name)
	}
	client := redis.NewClient(&redis.Options{Addr: rdb})
	t.Cleanup(func() { _ = client.Close() })
	fillOrgs(t, client)
	size := produceRequests(t, kafka, records)
	fmt.Printf("\n%d requests of %d bytes, %d people, %d rounds, medians\n\n", records, size, orgs*people, rounds)
	env := []string{"BENCH_KAFKA=" + kafka, "BENCH_REDIS=" + rdb}
	m := contest(t, rounds, records, []string{"copy-requests", "route"}, env...)
	ratio(t, "route / bare copy of requests", m["route"], m["copy-requests"], 3.0)
}

func runRoute(kafka []kgo.Opt, run string, n int) error {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	rdb := redis.NewClient(&redis.Options{Addr: os.Getenv("BENCH_REDIS"), Protocol: 2}) // as backchannel run
	def := route.Definition(rdb, time.Now)
	def.Name += "-bench-" + run
	counted := &counting{inner: def.Processor}
	def.Processor = counted
	r, err := processors.NewRunner(def, processors.Options{
		Kafka: kafka, Metrics: processors.NewMetrics(prometheus.NewRegistry()), Log: slog.New(slog.DiscardHandler), MaxBatch: batchRecords,
		Health: func(err error) {
			if err != nil {
				fmt.Fprintln(os.Stderr, err)
			} else if counted.n.Load() >= int64(n) {
				stop()
			}
		},
	})
	if err != nil {
		return err
	}
	return r.Run(ctx)
}

func produceRequests(t *testing.T, kafka string, n int) int {
	t.Helper()
	client := newClient(t, kafka, kgo.DefaultProduceTopic(schemas.NotificationRequests.Name), kgo.MaxBufferedRecords(100_000))
	kinds := []schemas.NotificationType{"coaching.insight", "channel_context.updated", "pipeline.weekly_account_updates"} // message, message, both
	total := 0
	for i := range n {
		r := schemas.NotificationRequest{
			OrgID: schemas.OrgID(fmt.Sprintf("org-%d", i%orgs)), RequestID: schemas.RequestID(fmt.Sprintf("request-%d", i)), Type: kinds[i%3],
			Recipient: schemas.Recipient{UserID: schemas.UserID(fmt.Sprintf("usr-%d", i/orgs%people))}, CreatedAt: time.Now().UTC(),
			Content: schemas.Content{Title: text(i), Body: text(i+1) + text(i+2), Link: &schemas.Link{URL: fmt.Sprintf("https://app.bigmind.example/n/%d", i)}},
		}
		value, err := schemas.NotificationRequests.Encode(r)
		if err != nil {
			t.Fatal(err)
		}
		total += len(value)
		key := schemas.Key(r.OrgID)
		if os.Getenv("BENCH_KEYS") == "recipient" {
			key = schemas.OrgKey(r.OrgID, r.Recipient.UserID)
		}
		client.Produce(context.Background(), &kgo.Record{Key: []byte(key), Value: value}, func(_ *kgo.Record, err error) {
			if err != nil {
				t.Error(err)
			}
		})
	}
	if err := client.Flush(context.Background()); err != nil {
		t.Fatal(err)
	}
	return total / n
}

// fillOrgs writes what the views sink would have written: everybody is matched, and no cap is met.
func fillOrgs(t *testing.T, rdb *redis.Client) {
	t.Helper()
	ctx := context.Background()
	pipe := rdb.Pipeline()
	put := func(key, field string, v any) {
		value, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		pipe.HSet(ctx, key, field, schemas.ViewValue(1, value))
	}
	for o := range orgs {
		org, team := schemas.OrgID(fmt.Sprintf("org-%d", o)), schemas.TeamID(fmt.Sprintf("T%d", o))
		put(schemas.ViewOrgInstalls(org), string(team), schemas.Installation{OrgID: org, TeamID: team, Status: schemas.InstallActive, SealedToken: "sealed"})
		put(schemas.ViewOrgSettings(org), "", schemas.OrgSettings{OrgID: org, Caps: map[schemas.NotificationType]schemas.Cap{schemas.AnyType: {PerRecipient: 1e6, PerOrg: 1e9}}})
		for p := range people {
			id, email := fmt.Sprintf("usr-%d", p), fmt.Sprintf("p%d@org-%d.example", p, o)
			put(schemas.ViewOrgUsers(org), id, schemas.DirectoryUser{OrgID: org, UserID: schemas.UserID(id), Email: email, Name: "Ada Okafor"})
			slackID := string(schemas.TeamUserKey(team, schemas.SlackUserID(fmt.Sprintf("U%d", p))))
			put(schemas.ViewOrgSlackUsers(org), slackID, schemas.SlackUser{OrgID: org, TeamID: team, UserID: schemas.SlackUserID(fmt.Sprintf("U%d", p)), Email: email})
			pipe.SAdd(ctx, schemas.ViewOrgEmail(org, email), id)
			pipe.SAdd(ctx, schemas.ViewOrgSlackEmail(org, email), slackID)
		}
	}
	pipe.Set(ctx, schemas.ViewsCompleteKey, "1", 0)
	if _, err := pipe.Exec(ctx); err != nil {
		t.Fatal(err)
	}
}
