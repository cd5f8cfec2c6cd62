package demo

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/schemas"
)

// notifyEvery paces the upstream system; Slack takes one DM a second and person.
const notifyEvery = 400 * time.Millisecond

// requested begins the ids of what notify requests.
const requested = "demo-"

// notify plays the upstream system. One request in ten is sent twice, as a producer does that did not hear the answer.
func (r *run) notify(ctx context.Context) error {
	random := rand.New(rand.NewPCG(r.Seed, 2)) //nolint:gosec // a script, not a secret
	return pace(ctx, notifyEvery, func() error {
		n := r.requests.Add(1)
		kind := schemas.NotificationTypes[random.IntN(len(schemas.NotificationTypes))]
		user := r.world.users[random.IntN(len(r.world.users))]
		request := schemas.NotificationRequest{
			OrgID: r.world.org, RequestID: schemas.RequestID(fmt.Sprintf("%s%d", requested, n)), Type: kind.ID,
			Recipient: schemas.Recipient{UserID: user.UserID}, CreatedAt: time.Now().UTC(),
			Content: schemas.Content{
				Title: kind.Name,
				Body:  fmt.Sprintf("Notification **%d** of the demo. Content cannot ping anybody: <!channel> @here", n),
				Link:  &schemas.Link{URL: "https://northwind.example/n/" + strconv.FormatInt(n, 10)},
			},
		}
		value, err := schemas.NotificationRequests.Encode(request)
		if err != nil {
			return err
		}
		rec := kgo.Record{Topic: schemas.NotificationRequests.Name, Key: []byte(request.OrgID), Value: value}
		records := []*kgo.Record{&rec}
		if n%10 == 0 {
			again := rec
			records = append(records, &again)
		}
		// The request counts once it is begun: the end of the demo must not lose one between count and Kafka.
		if err := r.Kafka.ProduceSync(context.WithoutCancel(ctx), records...).FirstErr(); err != nil {
			return fmt.Errorf("produce a notification request: %w", err)
		}
		return nil
	})
}
