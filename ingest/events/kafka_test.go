package events_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/bigmind/backchannel/ingest"
	"github.com/bigmind/backchannel/schemas"
)

// onKafka is the handler on a broker, on a network that virtual time can pass in.
func onKafka(t *testing.T) (*kfake.Cluster, *kgo.Client, receiver) {
	t.Helper()
	var network kfake.VirtualNetwork
	broker, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.Ports(9092), kfake.ListenFn(network.Listen), kfake.SeedTopics(3, schemas.SlackEvents.Name))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(broker.Close)
	client, err := kgo.NewClient(
		kgo.SeedBrokers(broker.ListenAddrs()...), kgo.Dialer(network.DialContext), kgo.ProducerLinger(2*time.Millisecond),
		kgo.ConsumeTopics(schemas.SlackEvents.Name),
	)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	r := receiver{kept: &kept{}, metrics: prometheus.NewRegistry(), logged: &strings.Builder{}}
	r.Handler = handler(t, ingest.Kafka{Client: client}, r.metrics, r.logged)
	return broker, client, r
}

// hold keeps produce requests waiting for their answer until the returned function is called. After a minute they are
// answered anyhow: a handler that waits for them fails a test instead of hanging it.
func hold(broker *kfake.Cluster) (release func()) {
	answer := make(chan struct{})
	broker.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
		broker.SleepControl(func() { <-answer })
		return nil, nil, false
	})
	release = sync.OnceFunc(func() { close(answer) })
	time.AfterFunc(time.Minute, release) // virtual
	return release
}

// Slack is told 200 when Kafka has the event and not before, else it would never send again what was then lost.
func TestNothingIsAcceptedBeforeKafkaHasIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broker, client, r := onKafka(t)
		release := hold(broker)
		defer release()
		answered := make(chan *httptest.ResponseRecorder, 1)
		go func() { answered <- r.post(request(message)) }()
		time.Sleep(2 * time.Second) // virtual
		select {
		case w := <-answered:
			t.Fatalf("%d while Kafka had not answered", w.Code)
		default:
		}
		release()
		if w := <-answered; w.Code != http.StatusOK {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		record := fetch(t, client, 1)[0]
		if event, err := schemas.SlackEvents.Decode(record.Value); err != nil || string(event.Envelope) != message {
			t.Errorf("%v: %s", err, record.Value)
		}
	})
}

// Slack waits 3 s. A Kafka that does not answer is 503 before that, and the event is accepted again when it does.
func TestKafkaThatDoesNotAnswerIs503InTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broker, _, r := onKafka(t)
		release := hold(broker)
		defer release()
		for range 3 { // also when the client is still busy with the first one
			began := time.Now()
			w := r.post(request(message))
			if took := time.Since(began); w.Code != http.StatusServiceUnavailable || took > 2900*time.Millisecond {
				t.Errorf("%d after %s", w.Code, took)
			}
			silent(t, r, w)
		}
		if got := r.results(t)["unavailable"]; got != 3 {
			t.Errorf("%v counted as unavailable", got)
		}
		release()
		synctest.Wait()
		if w := r.post(request(message)); w.Code != http.StatusOK {
			t.Errorf("Kafka is back, and it is %d %s", w.Code, w.Body)
		}
	})
}

// Whoever hangs up has not been told anything, and will send again.
func TestSlackHangsUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broker, _, r := onKafka(t)
		defer hold(broker)()
		ctx, cancel := context.WithCancel(t.Context())
		answered := make(chan *httptest.ResponseRecorder, 1)
		go func() { answered <- r.post(request(message).WithContext(ctx)) }()
		synctest.Wait()
		cancel()
		if w := <-answered; w.Code != http.StatusServiceUnavailable {
			t.Errorf("%d", w.Code)
		}
	})
}

// Deliveries come side by side. Each that was accepted is there, once, in the channel's order of acceptance.
func TestConcurrentDeliveries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, client, r := onKafka(t)
		const channels, each = 8, 25
		var all sync.WaitGroup
		for c := range channels {
			all.Go(func() {
				for n := range each {
					body := fmt.Sprintf(`{"team_id":"T1","type":"event_callback","event_id":"Ev%d-%d","event":{"type":"message","channel":"C%d","text":"%d"}}`, c, n, c, n)
					if w := r.post(request(body)); w.Code != http.StatusOK {
						t.Errorf("%d %s", w.Code, w.Body)
					}
				}
			})
		}
		all.Wait()
		next := map[schemas.ChannelID]int{}
		for _, record := range fetch(t, client, channels*each) {
			event, err := schemas.SlackEvents.Decode(record.Value)
			if err != nil {
				t.Fatal(err)
			}
			if want := fmt.Sprintf("Ev%s-%d", event.ChannelID[1:], next[event.ChannelID]); event.EventID != want || string(record.Key) != "T1/"+string(event.ChannelID) {
				t.Errorf("%s under %s, want %s", event.EventID, record.Key, want)
			}
			next[event.ChannelID]++
		}
		if got := r.results(t)["accepted"]; got != channels*each {
			t.Errorf("%v counted as accepted", got)
		}
	})
}

// fetch reads n records, and fails when there are more.
func fetch(t *testing.T, client *kgo.Client, n int) []*kgo.Record {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // virtual
	defer cancel()
	var records []*kgo.Record
	for len(records) < n {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			t.Fatalf("%d records of %d: %v", len(records), n, err)
		}
		records = append(records, fetches.Records()...)
	}
	ctx, cancel = context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if more := client.PollFetches(ctx).NumRecords(); len(records)+more != n {
		t.Fatalf("%d records, want %d", len(records)+more, n)
	}
	return records
}
