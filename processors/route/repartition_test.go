package route_test

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/processors"
	"github.com/bigmind/backchannel/processors/processorstest"
	"github.com/bigmind/backchannel/schemas"
	"github.com/bigmind/backchannel/sinks/sinkstest"
)

// An organization gets exactly as many as it may, whatever partitions its upstreams put requests in and however many share the work;
// all else waits.
func TestCapsAreExactWhateverTheKeys(t *testing.T) {
	const orgs, each, limit, partitions = 8, 40, 11, 6
	topics := append(processors.DeliveryTopics(), schemas.NotificationRequests.Spec, schemas.NotificationAddressed.Spec, schemas.NotificationHeld.Spec, schemas.NotificationOutcomes.Spec)
	k, r := sinkstest.NewKafka(t, partitions, topics...), processorstest.NewRedis(t)
	for org := range orgs {
		id := schemas.OrgID(fmt.Sprint("org", org))
		r.Put(t, schemas.ViewOrgSettings(id), "", schemas.OrgSettings{OrgID: id, Caps: map[schemas.NotificationType]schemas.Cap{schemas.AnyType: {PerRecipient: 1000, PerOrg: limit}}})
		r.Put(t, schemas.ViewOrgInstalls(id), "T1", schemas.Installation{OrgID: id, TeamID: "T1", SealedToken: "sealed"})
		for person := range 5 {
			u := schemas.DirectoryUser{OrgID: id, UserID: schemas.UserID(fmt.Sprint("p", person)), Email: fmt.Sprintf("p%d@b.example", person)}
			putUser(t, r, u)
			putSlackUser(t, r, schemas.SlackUser{OrgID: id, TeamID: "T1", UserID: schemas.SlackUserID("U" + u.UserID), Email: u.Email})
		}
	}
	for range 2 {
		runner, err := processors.NewRunner(define(r), processors.Options{
			Kafka: k.Options(), Metrics: processors.NewMetrics(prometheus.NewRegistry()), Log: slog.New(slog.DiscardHandler), MaxBatch: 7,
		})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
		done := make(chan error, 1)
		go func() { done <- runner.Run(ctx) }()
		t.Cleanup(func() {
			cancel()
			if err := <-done; err != nil {
				t.Error(err)
			}
		})
	}
	sinkstest.Eventually(t, "both to share the work", func() bool {
		groups, err := k.Admin.DescribeGroups(t.Context(), "backchannel-route")
		if err != nil || groups["backchannel-route"].State != "Stable" {
			return false
		}
		working, owned := 0, 0
		for _, m := range groups["backchannel-route"].Members {
			assigned, _ := m.Assigned.AsConsumer()
			if len(assigned.Topics) == 2 {
				working++
			}
			for _, topic := range assigned.Topics {
				owned += len(topic.Partitions)
			}
		}
		return working == 2 && owned == 2*partitions
	})
	var batch []*kgo.Record
	for n := range orgs * each {
		q := schemas.NotificationRequest{
			OrgID: schemas.OrgID(fmt.Sprint("org", n%orgs)), RequestID: schemas.RequestID(fmt.Sprint("r", n)), Type: insight, CreatedAt: now,
			Recipient: schemas.Recipient{UserID: schemas.UserID(fmt.Sprint("p", n%5))}, Content: schemas.Content{Title: "hush"},
		}
		if n%3 == 0 {
			q.Recipient = schemas.Recipient{Email: fmt.Sprintf("P%d@b.example", n%5)}
		}
		if n%7 == 0 { // two people, one of them twice
			q.Recipient, q.Recipients = schemas.Recipient{}, []schemas.Recipient{q.Recipient, {UserID: "p0"}, {Email: "p0@b.example"}}
		}
		rec := record(t, q)
		rec.Partition = rand.Int32N(partitions)
		batch = append(batch, rec)
	}
	k.Produce(t, batch...)
	k.WaitCommitted(t, "backchannel-route", schemas.NotificationRequests.Name)
	k.WaitCommitted(t, "backchannel-route", schemas.NotificationRequests.Name, schemas.NotificationAddressed.Name)
	sent, held := map[schemas.OrgID]int{}, map[string]bool{}
	for _, rec := range k.ReadCommitted(t, schemas.DeliveriesSlack.Name, schemas.NotificationHeld.Name) {
		if rec.Topic == schemas.NotificationHeld.Name {
			if held[string(rec.Key)] {
				t.Errorf("%s is held twice", rec.Key)
			}
			held[string(rec.Key)] = true
			continue
		}
		d, err := schemas.DeliveriesSlack.Decode(rec.Value)
		if err != nil {
			t.Fatal(err)
		}
		sent[d.OrgID]++
	}
	for org := range orgs {
		if n := sent[schemas.OrgID(fmt.Sprint("org", org))]; n != limit {
			t.Errorf("org%d got %d, and may get %d", org, n, limit)
		}
	}
	if len(held) < orgs*(each-limit) {
		t.Errorf("%d wait", len(held))
	}
}
