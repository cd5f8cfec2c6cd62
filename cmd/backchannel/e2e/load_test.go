package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/deploy/slacksim"
)

// load is people who talk, answer, edit and delete, and an upstream that notifies, until it is stopped.
type load struct {
	stop     context.CancelFunc
	done     sync.WaitGroup
	mu       sync.Mutex
	problem  error
	requests int
	spoken   int
}

func startLoad(t *testing.T, p *pipeline, w *world) *load {
	t.Helper()
	return startLoadOf(t, p, w, 10*time.Millisecond)
}

// startLoadOf has people do something each time that pace has passed.
func startLoadOf(t *testing.T, p *pipeline, w *world, pace time.Duration) *load {
	t.Helper()
	// The two get more in a minute than a person may in an hour.
	p.produce("org.settings", org, object{"org_id": org, "caps": object{"*": object{"per_recipient": 1_000_000, "per_org": 1_000_000}}})
	ctx, stop := context.WithCancel(t.Context())
	l := &load{stop: stop}
	talker := &talker{p: p, w: w, random: rand.New(rand.NewPCG(1, 2))}
	l.every(ctx, pace, func(n int) error {
		err := talker.talk(ctx, n)
		l.mu.Lock()
		defer l.mu.Unlock()
		l.spoken = n
		return err
	})
	// Slack takes one message a second for a person: a faster upstream would only wait longer at the end.
	l.every(ctx, 700*time.Millisecond, func(n int) error {
		value, err := json.Marshal(object{
			"org_id": org, "request_id": fmt.Sprintf("load-%d", n), "type": "coaching.insight", "recipient": object{"user_id": []string{"usr-ada", "usr-ben"}[n%2]},
			"content": object{"title": fmt.Sprint("Notification ", n)}, "on_ambiguous": "repeat",
		})
		if err != nil {
			return err
		}
		key := []byte(org + "/" + []string{"usr-ada", "usr-ben"}[n%2])
		// Begun is finished: the client goes on trying while the brokers are away, and the count is of what they have.
		err = p.kafka.ProduceSync(context.WithoutCancel(ctx), &kgo.Record{Topic: "notification.requests", Key: key, Value: value}).FirstErr()
		if err == nil {
			l.mu.Lock()
			l.requests = n
			l.mu.Unlock()
		}
		return err
	})
	t.Cleanup(func() { stop(); l.done.Wait() })
	return l
}

func (l *load) every(ctx context.Context, pace time.Duration, f func(n int) error) {
	l.done.Add(1)
	go func() {
		defer l.done.Done()
		ticker := time.NewTicker(pace)
		defer ticker.Stop()
		for n := 1; ; n++ {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
			}
			if err := f(n); err != nil && ctx.Err() == nil {
				l.mu.Lock()
				l.problem = errors.Join(l.problem, err)
				l.mu.Unlock()
				return
			}
		}
	}()
}

// finish stops the load and returns how many requests there were.
func (l *load) finish(t *testing.T) int {
	t.Helper()
	l.stop()
	l.done.Wait()
	if l.problem != nil {
		t.Fatalf("the load could not be made: %v", l.problem)
	}
	return l.requests
}

// awaitMore waits until so much more was said, which makes a fault fall into the middle of work.
func (l *load) awaitMore(t *testing.T, messages int) {
	t.Helper()
	spoken := func() int { l.mu.Lock(); defer l.mu.Unlock(); return l.spoken }
	began := spoken()
	eventually(t, time.Minute, func() error {
		if now := spoken(); now < began+messages {
			return fmt.Errorf("%d of %d messages more were said", now-began, messages)
		}
		return nil
	})
}

// talker changes what is said: of ten turns six say something new, two answer, one edits and one deletes.
type talker struct {
	p      *pipeline
	w      *world
	random *rand.Rand
	said   []slacksim.Message
}

func (k *talker) talk(ctx context.Context, n int) (err error) {
	var m slacksim.Message
	slack, team, who := k.p.slack, k.w.team, []slacksim.UserID{k.w.ada.ID, k.w.ben.ID}[n%2]
	channel := k.w.channel
	if n%5 == 0 {
		channel = k.w.private
	}
	if len(k.said) == 0 {
		n = 0
	}
	i := k.random.IntN(max(1, len(k.said)))
	switch n % 10 {
	default:
		m, err = slack.Say(ctx, team, channel, who, fmt.Sprint("message ", n))
	case 7, 8:
		m, err = slack.Reply(ctx, team, k.said[i].Channel, k.said[i].TS, who, fmt.Sprint("answer ", n))
	case 3:
		_, err = slack.Edit(ctx, team, k.said[i].Channel, k.said[i].TS, fmt.Sprint("edited ", n))
	case 4:
		err = slack.Delete(ctx, team, k.said[i].Channel, k.said[i].TS)
		k.said[i] = k.said[len(k.said)-1]
		k.said = k.said[:len(k.said)-1]
	}
	if err == nil && m.TS != "" && m.ThreadTS == "" {
		k.said = append(k.said, m)
	}
	return err
}
