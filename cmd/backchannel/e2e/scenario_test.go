package e2e

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/schemas"
)

// scenario is what both modes have to pass. The pipeline runs and is ready.
func scenario(t *testing.T, p *pipeline) {
	w := p.build(false)
	t.Run("conversation", func(t *testing.T) { conversation(t, p, w) })
	t.Run("notifications", func(t *testing.T) { notifications(t, p, w) })
	t.Run("bad requests", func(t *testing.T) { badRequests(t, p, w) })
	t.Run("dead letters", func(t *testing.T) { deadLetters(t, p, w) })
	t.Run("apply", func(t *testing.T) { applyAgain(t, p) })
	t.Run("sync and audit", func(t *testing.T) { syncCommands(t, p, w) })
}

const within = 30 * time.Second

func accept(t *testing.T, p *pipeline, body string) {
	t.Helper()
	if status := p.post(body); status != http.StatusOK {
		t.Fatalf("a signed event is answered %d", status)
	}
}

func conversation(t *testing.T, p *pipeline, w *world) {
	const first, second, third = "1790000000.000200", "1790000001.000200", "1790000009.000200"
	hello := w.said("Ev1", first, string(w.channel), "Hi <@U111>, did the import finish?")
	accept(t, p, hello)
	awaitText(t, p, w, first, "Hi <@U111>, did the import finish?")

	accept(t, p, hello) // Slack repeats what it believes unanswered
	accept(t, p, w.said("Ev2", second, string(w.channel), "yes"))
	awaitText(t, p, w, second, "yes") // behind the repeat, on the same partition
	var rows uint64
	p.must(p.sql([]any{&rows}, "SELECT count() FROM conversations WHERE channel_id = ? AND ts = ?", string(w.channel), first))
	if rows != 1 {
		t.Errorf("an event sent twice is %d rows", rows)
	}

	accept(t, p, w.edited("Ev3", first, "1790000002.000100", "Hi <@U111>, did the import finish?", "Did the import finish overnight?"))
	awaitText(t, p, w, first, "Did the import finish overnight?")
	accept(t, p, hello) // a late repeat of the original does not undo the edit
	accept(t, p, w.deleted("Ev4", second, "1790000003.000100"))
	eventually(t, within, func() error {
		var n uint64
		if err := p.sql([]any{&n}, "SELECT count() FROM conversations WHERE channel_id = ? AND ts = ?", string(w.channel), second); err != nil || n == 0 {
			return err
		}
		return fmt.Errorf("the deleted message still has %d rows", n)
	})
	awaitText(t, p, w, first, "Did the import finish overnight?")

	const unasked = "words of a channel that nobody opted in"
	accept(t, p, w.said("Ev5", third, string(w.private), unasked))
	accept(t, p, w.said("Ev6", third, string(w.channel), "the last of the conversation"))
	awaitText(t, p, w, third, "the last of the conversation")
	awaitConsumed(t, p, schemas.SlackEvents.Name, "enrich", 0)
	for topic, records := range everything(t, p) {
		for _, r := range records {
			if topic != schemas.SlackEvents.Name && bytes.Contains(r.Value, []byte(unasked)) {
				t.Errorf("a message of an unassociated channel is on %s/%d/%d", topic, r.Partition, r.Offset)
			}
		}
	}
}

// awaitText waits until the view shows the message so, with who said it and for which account.
func awaitText(t *testing.T, p *pipeline, w *world, ts, text string) {
	t.Helper()
	eventually(t, within, func() error {
		var n uint64
		var got, author, account string
		err := p.sql([]any{&n, &got, &author, &account}, `SELECT count(), any(text), any(author_user_id), any(account_name) FROM conversations
WHERE org_id = ? AND channel_id = ? AND ts = ?`, org, string(w.channel), ts)
		switch {
		case err != nil:
			return err
		case n != 1 || got != text:
			return fmt.Errorf("%d rows of %s, text %q, want %q", n, ts, got, text)
		case author != "usr-ada" && author != "usr-quiet" || account != "Acme Corp": // both directory users have Ada's email
			return fmt.Errorf("the author is %q and the account %q", author, account)
		}
		return nil
	})
}

// marker is the offset that a transaction's end takes up on a partition, which a consumer need not commit.
const marker = 1

// awaitConsumed waits until a component has committed everything on the topic, but for at most ends on each partition.
func awaitConsumed(t *testing.T, p *pipeline, topic, component string, ends int64) {
	t.Helper()
	admin := kadm.NewClient(p.kafka)
	eventually(t, within, func() error {
		lags, err := admin.Lag(t.Context())
		if err != nil {
			return err
		}
		for _, group := range lags.Sorted() {
			if !strings.Contains(group.Group, component) {
				continue
			}
			var lag int64
			for _, l := range group.Lag[topic] {
				lag += max(l.Lag-ends, 0)
			}
			if lag == 0 && group.Lag[topic] != nil {
				return nil
			}
			return fmt.Errorf("%s is %d records behind on %s", group.Group, lag, topic)
		}
		return fmt.Errorf("no consumer group of %s", component)
	})
}

// everything reads all topics from beginning to end.
func everything(t *testing.T, p *pipeline) map[string][]*kgo.Record {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	admin := kadm.NewClient(p.kafka)
	ends, err := admin.ListEndOffsets(ctx)
	p.must(err)
	begins, err := admin.ListStartOffsets(ctx)
	p.must(err)
	from, left := map[string]map[int32]kgo.Offset{}, map[string]map[int32]int64{}
	pending := 0
	ends.Each(func(o kadm.ListedOffset) {
		begin, _ := begins.Lookup(o.Topic, o.Partition)
		if strings.HasPrefix(o.Topic, "__") || begin.Offset >= o.Offset {
			return
		}
		if from[o.Topic] == nil {
			from[o.Topic], left[o.Topic] = map[int32]kgo.Offset{}, map[int32]int64{}
		}
		from[o.Topic][o.Partition], left[o.Topic][o.Partition] = kgo.NewOffset().At(begin.Offset), o.Offset
		pending++
	})
	reader, err := kgo.NewClient(append(p.kafka.Opts(), kgo.ConsumePartitions(from), kgo.KeepControlRecords())...)
	p.must(err)
	defer reader.Close()
	all := map[string][]*kgo.Record{}
	for pending > 0 {
		fetches := reader.PollFetches(ctx)
		if ctx.Err() != nil {
			t.Fatalf("%d partitions were not read to their end", pending)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			if !r.Attrs.IsControl() {
				all[r.Topic] = append(all[r.Topic], r)
			}
			if r.Offset == left[r.Topic][r.Partition]-1 {
				pending--
			}
		})
	}
	return all
}
