//go:build faults

package e2e

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/bigmind/backchannel/deploy/slacksim"
	"github.com/bigmind/backchannel/schemas"
)

// While people talk and upstream notifies, something is taken away again and again: FAULTS times, chosen by FAULTS_SEED. In
// the end nothing is missing, nothing is twice that is not known to be in doubt, no group lags and no dead letter is there.
func TestFaults(t *testing.T) {
	count, seed := number(t, "FAULTS", 12), number(t, "FAULTS_SEED", uint64(time.Now().UnixNano()%1_000_000))
	t.Logf("%d faults; again with: make test-faults FAULTS=%d FAULTS_SEED=%d", count, count, seed)
	d := deploy(t, 3, 2)
	defer d.explain() // before the processes are ended
	d.patience(pauses(count))
	w := d.build(true)
	team, private := string(w.team), string(w.private)
	d.produce("channel.associations", team+"/"+private, object{"org_id": "org-other", "team_id": team, "channel_id": private, "account_id": "acc-other"})
	l := startLoad(t, d.pipeline, w)
	random := rand.New(rand.NewPCG(seed, 1))
	for n := range count {
		l.awaitMore(t, 20+random.IntN(80))
		name, strike := d.fault(random, l)
		t.Logf("%3d %s", n+1, name)
		strike()
		if t.Failed() {
			return
		}
		if random.IntN(3) == 0 { // else the next comes into the middle of the recovery from this
			d.awaitRows()
		}
	}
	l.awaitMore(t, 100)
	d.must(d.slack.ClearFaults(t.Context())) // those that did not strike yet
	requests := l.finish(t)
	limit := 5 * time.Minute
	if os.Getenv("FAULTS_OVERLAY") != "" {
		limit = time.Minute // TestGuards waits for what must not come right
	}
	reconcile(t, d.pipeline, w, requests, limit)
	d.atRest()
	d.nothingUnasked(w)
}

// pauses is how much of Slack's pauses a run has. A short one has a fifth, to end in time; among sixty faults an event met one at each of its
// four attempts within 72 s, and Slack gave it up: a long run has them whole, which is 6 minutes.
func pauses(faults uint64) float64 {
	if faults > 20 {
		return 1
	}
	return 0.2
}

var groups = []string{"backchannel-enrich", "backchannel-lifecycle", "backchannel-setup", "backchannel-route", "backchannel-release", "backchannel-views", "backchannel-clickhouse", "backchannel-slack", "backchannel-slack-urgent", "backchannel-email", "backchannel-email-urgent"}

// fault chooses what is taken away, and how.
func (d *deployment) fault(random *rand.Rand, l *load) (name string, strike func()) {
	more := func() { l.awaitMore(d.t, 20+random.IntN(150)) }
	switch os.Getenv("FAULTS_ONLY") { // TestGuards: what the guard is for, again and again
	case "sinks-killed":
		tier := d.of("sinks")[random.IntN(2)]
		return tier.name + " is killed while it writes", func() { d.awaitRows(); d.kill(tier) }
	case "answers-lost":
		fault := slacksim.Fault{Kind: slacksim.FaultAPIError, Method: "chat.postMessage", Error: "internal_error", After: true, Count: 1}
		return "Slack: posts, and says that it failed", func() { _, err := d.slack.AddFault(d.t.Context(), fault); d.must(err) }
	case "reordered":
		fault := slacksim.Fault{Kind: slacksim.FaultReorderEvents, DelayMS: 700, Share: 0.5, Seed: random.Uint64(), Count: 30}
		return "Slack: events out of order", func() { _, err := d.slack.AddFault(d.t.Context(), fault); d.must(err) }
	}
	tier := d.tiers[random.IntN(len(d.tiers))]
	n := random.IntN(len(d.brokers))
	broker, name := d.brokers[n], fmt.Sprint("broker-", n+1)
	switch kind := random.IntN(100); {
	case kind < 45:
		return tier.name + " is killed", func() { d.kill(tier) }
	case kind < 60:
		return tier.name + " hangs for a while", func() { tier.process.Pause(); more(); tier.process.Resume() }
	case kind < 70:
		return tier.name + " is restarted in order", func() { d.restart(tier) }
	case kind < 78:
		return name + " is killed", func() { broker.Kill(); more(); broker.Restart(); d.awaitReplicas() }
	case kind < 82:
		return name + " hangs for a while", func() { broker.Pause(); more(); broker.Resume(); d.awaitReplicas() }
	case kind < 86:
		return "Redis forgets everything", func() { d.must(d.pipeline.redis.FlushAll(d.t.Context()).Err()) }
	case kind < 89:
		return "Redis is killed and comes back empty", func() { d.redis.Kill(); more(); d.redis.Restart() }
	case kind < 92:
		return "Redis hangs for a while", func() { d.redis.Pause(); more(); d.redis.Resume() }
	case kind < 95:
		return "ClickHouse is away", func() { d.ch.Stop(); more(); d.ch.Restart() }
	}
	return d.slackTrouble(random, l)
}

// slackTrouble is what goes wrong at Slack's end, for so many calls or events, or for a while.
func (p *pipeline) slackTrouble(random *rand.Rand, l *load) (name string, strike func()) {
	trouble := []slacksim.Fault{
		{Kind: slacksim.FaultAPIStatus, Method: "chat.postMessage", Status: 429, RetryAfter: 1, Share: 0.5, Seed: random.Uint64(), Count: 10},
		{Kind: slacksim.FaultAPIStatus, Method: "chat.postMessage", Status: 503, Count: 5},
		{Kind: slacksim.FaultAPIError, Method: "chat.postMessage", Error: "internal_error", After: true, Count: 1},
		{Kind: slacksim.FaultAPILatency, Method: "chat.postMessage", DelayMS: 2000, Count: 5},
		{Kind: slacksim.FaultAPIReset, Method: "chat.postMessage", Count: 2},
		{Kind: slacksim.FaultAPIReset, Method: "chat.postMessage", After: true, Count: 1},
		{Kind: slacksim.FaultDuplicateEvents, Count: 50},
		{Kind: slacksim.FaultReorderEvents, DelayMS: 700, Share: 0.5, Seed: random.Uint64(), Count: 30},
		{Kind: slacksim.FaultClockSkew, DelayMS: 600_000, Count: 3}, // fewer than an event has attempts
		{Kind: slacksim.FaultPartition},
	}[random.IntN(10)]
	more := 20 + random.IntN(150)
	name = fmt.Sprintf("Slack: %s %s%d %d times", trouble.Kind, trouble.Error, trouble.Status, trouble.Count)
	return name, func() {
		made, err := p.slack.AddFault(p.t.Context(), trouble)
		p.must(err)
		if trouble.Count == 0 { // it lasts until it is removed
			l.awaitMore(p.t, more)
			p.must(p.slack.RemoveFault(p.t.Context(), made.ID))
		}
	}
}

// awaitRows waits until ClickHouse has gained rows: the sinks have come back from the last fault, and are in the middle of work.
func (p *pipeline) awaitRows() {
	p.t.Helper()
	newest := func() (at time.Time, err error) {
		err = p.sql([]any{&at}, "SELECT max(received_at) FROM messages")
		return at, err
	}
	began, err := newest()
	p.must(err)
	eventually(p.t, 2*time.Minute, func() error {
		now, err := newest()
		if err == nil && !now.After(began) {
			err = errors.New("ClickHouse has gained no row")
		}
		return err
	})
}

// explain shows, after a failure, who lags behind, what every process waits for and said last, and where its goroutines are.
func (d *deployment) explain() {
	if !d.t.Failed() {
		return
	}
	lags, err := kadm.NewClient(d.kafka).Lag(context.WithoutCancel(d.t.Context()), groups...)
	d.t.Logf("lag: %v", err)
	lags.Each(func(g kadm.DescribedGroupLag) {
		d.t.Logf("%s is %s with %d members", g.Group, g.State, len(g.Members))
		for _, l := range g.Lag.Sorted() {
			if l.Lag != 0 {
				d.t.Logf("  %s/%d: committed %d, end %d, lag %d, member %v", l.Topic, l.Partition, l.Commit.At, l.End.Offset, l.Lag, l.Member)
			}
		}
	})
	for _, tier := range d.tiers {
		status, text, err := get("http://" + tier.addr + "/readyz")
		d.t.Logf("%s: %d %s %v\n%s\n%s", tier.name, status, text, err, tier.process.Tail(), tier.process.Goroutines())
	}
}

// restart ends a tier's process as an orchestrator does, and starts it again.
func (d *deployment) restart(tier *tier) {
	d.t.Helper()
	tier.process.Terminate()
	if code := tier.process.Wait(time.Minute); code != 0 {
		d.t.Errorf("%s: after SIGTERM it ended with exit code %d:\n%s", tier.name, code, tier.process.Tail())
	}
	d.run(tier)
}

// awaitReplicas waits until every partition has all its replicas in sync: brokers fail one at a time.
func (d *deployment) awaitReplicas() {
	d.t.Helper()
	admin := kadm.NewClient(d.kafka)
	eventually(d.t, 2*time.Minute, func() error {
		topics, err := admin.ListTopicsWithInternal(d.t.Context())
		if err != nil {
			return err
		}
		var behind error
		topics.EachPartition(func(p kadm.PartitionDetail) {
			if len(p.ISR) < len(p.Replicas) {
				behind = fmt.Errorf("%s/%d has %d of %d replicas in sync", p.Topic, p.Partition, len(p.ISR), len(p.Replicas))
			}
		})
		return behind
	})
}

// atRest checks that every group has committed all there is, and that no dead letter was written.
func (p *pipeline) atRest() {
	p.t.Helper()
	admin := kadm.NewClient(p.kafka)
	eventually(p.t, time.Minute, func() error {
		lags, err := admin.Lag(p.t.Context(), groups...)
		if err != nil {
			return err
		}
		var behind error
		lags.Each(func(g kadm.DescribedGroupLag) {
			if err := g.Error(); err != nil {
				behind = errors.Join(behind, err)
			} else if lag := g.Lag.Total(); lag > 0 {
				behind = errors.Join(behind, fmt.Errorf("%s lags by %d records", g.Group, lag))
			}
		})
		return behind
	})
	var letters []string
	for _, spec := range schemas.AllTopics() {
		if strings.HasSuffix(spec.Name, ".dlq") {
			letters = append(letters, spec.Name)
		}
	}
	ends, err := admin.ListEndOffsets(p.t.Context(), letters...)
	p.must(errors.Join(err, ends.Error()))
	ends.Each(func(o kadm.ListedOffset) {
		if o.Offset > 0 {
			p.t.Errorf("%s holds %d records", o.Topic, o.Offset)
		}
	})
}

// nothingUnasked checks that no row, seen or hidden, is of the channel that only another organization's record names.
func (p *pipeline) nothingUnasked(w *world) {
	p.t.Helper()
	var rows uint64
	p.must(p.sql([]any{&rows}, "SELECT count() FROM messages WHERE team_id = ? AND channel_id = ?", string(w.team), string(w.private)))
	if rows > 0 {
		p.t.Errorf("%d rows are of a channel that is not its own organization's to keep", rows)
	}
}
