package main

import (
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/schemas"
)

// letters is a broker with topics and their dead letters.
type letters struct {
	t      *testing.T
	addr   string
	client *kgo.Client
}

func newLetters(t *testing.T, topics ...string) *letters {
	t.Helper()
	for _, topic := range topics {
		topics = append(topics, topic+".dlq")
	}
	broker, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, topics...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(broker.Close)
	l := &letters{t: t, addr: strings.Join(broker.ListenAddrs(), ",")}
	if l.client, err = kgo.NewClient(kgo.SeedBrokers(l.addr)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.client.Close)
	return l
}

func (l *letters) produce(rec *kgo.Record) {
	l.t.Helper()
	if err := l.client.ProduceSync(l.t.Context(), rec).FirstErr(); err != nil {
		l.t.Fatal(err)
	}
}

// write puts a record on a topic, and its dead letter.
func (l *letters) write(topic, key, value string) {
	l.t.Helper()
	source := &kgo.Record{Topic: topic, Key: []byte(key), Value: []byte(value)}
	l.produce(source)
	letter := &kgo.Record{Topic: topic + ".dlq", Key: source.Key, Value: source.Value}
	for _, h := range (schemas.DeadLetter{Reason: schemas.Malformed, Component: "route", Topic: topic, Offset: source.Offset}).Headers() {
		letter.Headers = append(letter.Headers, kgo.RecordHeader{Key: h.Key, Value: []byte(h.Value)})
	}
	l.produce(letter)
}

func (l *letters) dlq(args ...string) (string, error) {
	l.t.Helper()
	return execute(l.t, "", append([]string{"dlq", "--kafka-brokers", l.addr}, args...)...)
}

// What was done about a letter is done a second time only for somebody who says so.
func TestDLQAgain(t *testing.T) {
	l := newLetters(t, "notification.requests")
	l.write("notification.requests", "acme/u1", "{}")
	const id = "notification.requests.dlq/0/0"
	if out, err := l.dlq("replay", id, "--by", "ann"); err != nil || !strings.Contains(out, "replayed "+id) {
		t.Fatalf("%q, %v", out, err)
	}
	for _, args := range [][]string{{"replay", id, "--by", "ann"}, {"drop", id, "--why", "a test"}} {
		if out, err := l.dlq(args...); err == nil || !strings.Contains(err.Error(), "replayed by ann") || !strings.Contains(err.Error(), "--again") {
			t.Errorf("%v a second time: %q, %v", args, out, err)
		}
		if out, err := l.dlq(append(args, "--again")...); err != nil || !strings.Contains(out, id) {
			t.Errorf("%v --again: %q, %v", args, out, err)
		}
	}
}

// An older record takes the place of a newer one of its key only for somebody who says so; of several letters none is replayed then.
func TestDLQOver(t *testing.T) {
	l := newLetters(t, "crm.accounts")
	l.write("crm.accounts", "acme/a", "{")
	l.write("crm.accounts", "acme/b", "{")
	l.produce(&kgo.Record{Topic: "crm.accounts", Key: []byte("acme/a"), Value: []byte("{}")})
	both := []string{"replay", "crm.accounts.dlq/0/0", "crm.accounts.dlq/0/1"}
	if out, err := l.dlq(both...); err == nil || out != "" || !strings.Contains(err.Error(), "newer record of the key acme/a (crm.accounts/0/2)") || !strings.Contains(err.Error(), "--over") {
		t.Errorf("%q, %v", out, err)
	}
	if out, err := l.dlq(append(both, "--over")...); err != nil || strings.Count(out, "replayed ") != 2 {
		t.Errorf("--over: %q, %v", out, err)
	}
}
