package route_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/processors"
	"github.com/bigmind/backchannel/processors/processorstest"
	"github.com/bigmind/backchannel/schemas"
)

// said is what became of a request in words: deliveries, then outcomes.
func said(r routed) []string {
	var all []string
	if r.slack != nil {
		all = append(all, fmt.Sprintf("slack %s/%s", r.slack.TeamID, r.slack.SlackUserID))
	}
	if r.email != nil {
		all = append(all, "email "+r.email.Email)
	}
	for _, o := range r.outcomes {
		all = append(all, strings.TrimSpace(fmt.Sprintf("%s %s %s", o.Channel, o.Status, o.Reason)))
	}
	return all
}

// The contract that every processor passes.
func TestContract(t *testing.T) { contract(t, define) }

// And the same where no record is where it belongs.
func TestContractOfForwarding(t *testing.T) { contract(t, far) }

func contract(t *testing.T, define func(*processorstest.Redis) processors.Definition) {
	const secret = "s3cret"
	processorstest.Check(t, func(t *testing.T) processorstest.Subject {
		r := newWorld(t)
		return processorstest.Subject{
			Define: func() processors.Definition { return define(r) },
			Redis:  r,
			Batch: func() []*kgo.Record {
				title := func(q *schemas.NotificationRequest) { q.Content.Title = secret }
				return []*kgo.Record{
					record(t, ask(title)),
					record(t, toEmail("stranger@acme.example")),
					record(t, ask(func(q *schemas.NotificationRequest) {
						title(q)
						q.Recipient, q.Recipients = schemas.Recipient{}, []schemas.Recipient{{UserID: "ann"}, {Role: schemas.ManagerOf, UserID: "ann"}, {Email: "bea@acme.example"}}
					})),
					record(t, ask(func(q *schemas.NotificationRequest) { title(q); q.OrgID = "nobody" })),
					record(t, ask(func(q *schemas.NotificationRequest) { title(q); q.Type = secret })),
					record(t, ask(func(q *schemas.NotificationRequest) { q.Content.Title = ""; q.Content.Body = secret })),
					{Topic: schemas.NotificationRequests.Name, Value: []byte(secret)},
					record(t, to("off")),
				}
			},
			Secret: secret,
		}
	})
}
