//go:build real

package realengines

import (
	"context"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

func TestMain(m *testing.M) { os.Exit(Main(m)) }

func TestRealKafkaKeepsWhatItAcknowledgedThroughAKill(t *testing.T) {
	k := StartKafka(t)
	client, err := kgo.NewClient(kgo.SeedBrokers(k.Addr()), kgo.DefaultProduceTopic("t"), kgo.ConsumeTopics("t"))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	if _, err := kadm.NewClient(client).CreateTopic(ctx, 1, 1, nil, "t"); err != nil {
		t.Fatal(err)
	}
	if err := client.ProduceSync(ctx, kgo.StringRecord("before")).FirstErr(); err != nil {
		t.Fatal(err)
	}
	k.Kill()
	k.Restart()
	if got := client.PollFetches(ctx).Records(); len(got) != 1 || string(got[0].Value) != "before" {
		t.Fatalf("after the restart the topic holds %v", got)
	}
}

func TestRealRedisForgetsAtARestart(t *testing.T) {
	r := StartRedis(t)
	client := redis.NewClient(&redis.Options{Addr: r.Addr()})
	defer client.Close()
	if err := client.Set(t.Context(), "k", "v", 0).Err(); err != nil {
		t.Fatal(err)
	}
	r.Kill()
	if err := client.Ping(t.Context()).Err(); err == nil {
		t.Fatal("a killed redis-server answers")
	}
	r.Restart()
	if n, err := client.DBSize(t.Context()).Result(); err != nil || n != 0 {
		t.Fatalf("after the restart: %d keys, %v", n, err)
	}
}

func TestRealClickHouseKeepsItsDataWhileAway(t *testing.T) {
	c := StartClickHouse(t)
	ask := func(query string) (int, string) {
		resp, err := http.Post("http://"+c.Addr()+"/", "text/plain", strings.NewReader(query))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, strings.TrimSpace(string(body))
	}
	for _, q := range []string{"CREATE DATABASE d", "CREATE TABLE d.t (x UInt8) ENGINE = MergeTree ORDER BY x", "INSERT INTO d.t VALUES (7)"} {
		if status, text := ask(q); status != http.StatusOK {
			t.Fatalf("%s: %d %s", q, status, text)
		}
	}
	c.Stop()
	if resp, err := http.Get("http://" + c.Addr() + "/ping"); err == nil {
		resp.Body.Close()
		t.Fatal("a stopped ClickHouse answers")
	}
	c.Restart()
	if status, text := ask("SELECT x FROM d.t"); status != http.StatusOK || text != "7" {
		t.Fatalf("after the restart: %d %q", status, text)
	}
}

func TestRealPrometheusTellsWhoIsAway(t *testing.T) {
	p := StartPrometheus(t, map[string][]string{"nobody": FreeAddrs(t, 1)})
	poll, deadline := time.NewTicker(100*time.Millisecond), time.After(time.Minute)
	defer poll.Stop()
	for {
		samples, err := p.Query("up")
		if err != nil {
			t.Fatal(err)
		}
		if len(samples) == 1 && samples[0].Labels["job"] == "nobody" && samples[0].Value == 0 {
			return
		}
		select {
		case <-poll.C:
		case <-deadline:
			t.Fatalf("a target that is not there is not reported as down: %v", samples)
		}
	}
}

func TestRealKafkaClusterWorksWithoutOneOfThree(t *testing.T) {
	brokers := StartKafkaCluster(t, 3)
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers[0].Addr(), brokers[1].Addr(), brokers[2].Addr()), kgo.DefaultProduceTopic("t"), kgo.ConsumeTopics("t"))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	if _, err := kadm.NewClient(client).CreateTopic(ctx, 3, -1, nil, "t"); err != nil {
		t.Fatal(err)
	}
	brokers[2].Kill()
	const n = 30
	for range n {
		client.Produce(ctx, kgo.StringRecord("v"), func(_ *kgo.Record, err error) {
			if err != nil {
				t.Error(err)
			}
		})
	}
	if err := client.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	for got := 0; got < n; {
		fetches := client.PollFetches(ctx)
		if ctx.Err() != nil {
			t.Fatalf("%d of %d acknowledged records were read", got, n)
		}
		got += fetches.NumRecords()
	}
	brokers[2].Restart()
}
