package main

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

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

func TestNotifyRefusals(t *testing.T) {
	tests := []struct {
		name string
		args []string
		want string
	}{
		{"nothing given", []string{"notify"}, "--org, --type, --to and --title"},
		{"an argument", notifyArgs("127.0.0.1:1", "hello"), "unknown command"},
		{"a link that is none", notifyArgs("127.0.0.1:1", "--link", "javascript:alert(1)"), "link"},
		{"Kafka away", notifyArgs("127.0.0.1:1", "--wait", "200ms"), "notification.outcomes"},
	}
	for _, tt := range tests {
		_, err := execute(t, "", tt.args...)
		if code := exitCodeOf(err); code != 1 || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: exit code %d, %v, want 1 and %q", tt.name, code, err, tt.want)
		}
	}
}
