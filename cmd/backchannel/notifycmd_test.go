package main

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/schemas"
)

// pipeline answers each request with outcomes, as the processors and sinks would, until the test ends.
func pipeline(t *testing.T, answer func(schemas.NotificationRequest) []schemas.Outcome) (brokers string) {
	t.Helper()
	broker, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(2, schemas.NotificationRequests.Name, schemas.NotificationOutcomes.Name))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(broker.Close)
	client, err := kgo.NewClient(kgo.SeedBrokers(broker.ListenAddrs()...), kgo.ConsumeTopics(schemas.NotificationRequests.Name))
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	t.Cleanup(func() {
		stop()
		<-done
		client.Close()
	})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			client.PollFetches(ctx).EachRecord(func(rec *kgo.Record) {
				r, err := schemas.NotificationRequests.Decode(rec.Value)
				if err != nil {
					t.Error(err)
					return
				}
				for _, o := range answer(r) {
					value, err := schemas.NotificationOutcomes.Encode(o)
					if err != nil {
						t.Error(err)
						return
					}
					client.Produce(ctx, &kgo.Record{Topic: schemas.NotificationOutcomes.Name, Value: value}, nil)
				}
			})
		}
	}()
	return broker.ListenAddrs()[0]
}

// outcome is one for a request; channel and reason as each status has them.
func outcome(r schemas.NotificationRequest, status schemas.OutcomeStatus) schemas.Outcome {
	o := schemas.Outcome{OrgID: r.OrgID, RequestID: r.RequestID, Type: r.Type, Status: status, At: time.Now().UTC()}
	if status == schemas.Delivered {
		o.DeliveryID, o.Channel = "d1", "slack"
	} else {
		o.Reason = schemas.TypeOff
	}
	return o
}

func notifyArgs(brokers string, more ...string) []string {
	return append([]string{"notify", "--kafka-brokers", brokers, "--org", "org-a", "--type", "meeting_analysis.ready", "--to", "ada@acme.example", "--title", "Hello"}, more...)
}

func exitCodeOf(err error) int {
	if coded, ok := errors.AsType[exitError](err); ok {
		return coded.code
	}
	if err != nil {
		return 1
	}
	return 0
}

func TestNotifyTellsWhatBecameOfIt(t *testing.T) {
	tests := []struct {
		name   string
		answer func(schemas.NotificationRequest) []schemas.Outcome
		wait   string
		code   int
		lines  int
	}{
		{"delivered", func(r schemas.NotificationRequest) []schemas.Outcome {
			return []schemas.Outcome{outcome(r, schemas.Delivered)}
		}, "20s", 0, 1},
		{"suppressed", func(r schemas.NotificationRequest) []schemas.Outcome {
			return []schemas.Outcome{outcome(r, schemas.Suppressed)}
		}, "20s", 4, 1},
		{"one of two channels", func(r schemas.NotificationRequest) []schemas.Outcome {
			return []schemas.Outcome{outcome(r, schemas.Suppressed), outcome(r, schemas.Delivered)}
		}, "20s", 0, 2},
		{"somebody else's", func(r schemas.NotificationRequest) []schemas.Outcome {
			r.RequestID = "another"
			return []schemas.Outcome{outcome(r, schemas.Delivered)}
		}, "500ms", 5, 0},
		{"another organization's of the same id", func(r schemas.NotificationRequest) []schemas.Outcome {
			r.OrgID = "org-b"
			return []schemas.Outcome{outcome(r, schemas.Delivered)}
		}, "500ms", 5, 0},
		{"none", func(schemas.NotificationRequest) []schemas.Outcome { return nil }, "500ms", 5, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			out, err := execute(t, "", notifyArgs(pipeline(t, tt.answer), "--wait", tt.wait)...)
			if code := exitCodeOf(err); code != tt.code {
				t.Errorf("exit code %d (%v), want %d", code, err, tt.code)
			}
			if n := strings.Count(out, "\n"); n != tt.lines {
				t.Errorf("%d outcomes printed, want %d:\n%s", n, tt.lines, out)
			}
		})
	}
}

// Each flag is in the request, and several people are waited for.
func TestNotifySaysAllThatARequestCan(t *testing.T) {
	var got schemas.NotificationRequest
	brokers := pipeline(t, func(r schemas.NotificationRequest) (all []schemas.Outcome) {
		got = r
		for _, to := range r.Recipients {
			o := outcome(r, schemas.Suppressed)
			o.Recipient = to
			all = append(all, o)
		}
		return all
	})
	out, err := execute(t, "", notifyArgs(brokers, "--to", "usr-ben,manager:usr-ada", "--to", "account_owner:acc-1", "--to", "deal_owner:deal-1", "--to", "manager:zoe@acme.example",
		"--group", "g", "--group-window", "90s", "--priority", "urgent", "--thread", "t", "--thread-mode", "update", "--expires", "1h", "--dedup-id", "d", "--request-id", "r",
		"--link", "https://app.example/1", "--body", "b", "--wait", "20s")...)
	if code := exitCodeOf(err); code != 4 || strings.Count(out, "\n") != 6 {
		t.Errorf("exit code %d, printed:\n%s", code, out)
	}
	want := schemas.NotificationRequest{
		OrgID: "org-a", RequestID: "r", Type: "meeting_analysis.ready", DedupID: "d", Group: "g", GroupWindow: 90, Priority: schemas.Urgent,
		Thread: "t", ThreadMode: schemas.ThreadUpdate, CreatedAt: got.CreatedAt, ExpiresAt: got.CreatedAt.Add(time.Hour),
		Content: schemas.Content{Title: "Hello", Body: "b", Link: &schemas.Link{URL: "https://app.example/1"}},
		Recipients: []schemas.Recipient{
			{Email: "ada@acme.example"}, {UserID: "usr-ben"}, {Role: schemas.ManagerOf, UserID: "usr-ada"}, {Role: schemas.AccountOwner, AccountID: "acc-1"},
			{Role: schemas.DealOwner, DealID: "deal-1"}, {Role: schemas.ManagerOf, Email: "zoe@acme.example"},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("want, got:\n%s", diff)
	}
}

func TestNotifyRefusals(t *testing.T) {
	tests := []struct {
		name string
		args []string
		want string
	}{
		{"nothing given", []string{"notify"}, "--org, --type, --to and --title"},
		{"an argument", notifyArgs("127.0.0.1:1", "hello"), "unknown command"},
		{"a link that is none", notifyArgs("127.0.0.1:1", "--link", "javascript:alert(1)"), "link"},
		{"a priority that is none", notifyArgs("127.0.0.1:1", "--priority", "high"), "priority"},
		{"a window without a group", notifyArgs("127.0.0.1:1", "--group-window", "1m"), "group is missing"},
		{"a role without whose", notifyArgs("127.0.0.1:1", "--to", "deal_owner:"), "deal_id is missing"},
		{"Kafka away", notifyArgs("127.0.0.1:1", "--wait", "200ms"), "notification.outcomes"},
	}
	for _, tt := range tests {
		_, err := execute(t, "", tt.args...)
		if code := exitCodeOf(err); code != 1 || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: exit code %d, %v, want 1 and %q", tt.name, code, err, tt.want)
		}
	}
}
