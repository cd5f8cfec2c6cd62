package views

import (
	"context"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/schemas"
)

// hold applies records of one partition of notification.held, each unless a later one was applied: unlike in other views,
// nothing is left of what is gone, since keys are never used again. KEYS: items, due, at, group. ARGV: offset, key, due time or
// nothing for a tombstone, value, and so on. A transaction's marker has no key: it only takes the position on, which the partition's next owner
// compares with the offset that its former one has committed, and that is past the marker.
var hold = redis.NewScript(`
local last = tonumber(redis.call('GET', KEYS[3]) or '-1')
for i = 1, #ARGV, 4 do
  local offset, key = tonumber(ARGV[i]), ARGV[i + 1]
  local fresh = offset > last
  if fresh then last = offset end
  if fresh and key ~= '' then
    local group = string.match(key, '^(.*)/[^/]*$') or ''
    local alone = string.sub(group, -2) == '/-'
    if ARGV[i + 2] == '' then
      redis.call('HDEL', KEYS[1], key)
      redis.call('ZREM', KEYS[2], key)
      if not alone then redis.call('SREM', KEYS[4] .. group, key) end
    else
      redis.call('HSET', KEYS[1], key, ARGV[i + 3])
      redis.call('ZADD', KEYS[2], ARGV[i + 2], key)
      if not alone then redis.call('SADD', KEYS[4] .. group, key) end
    end
  end
end
redis.call('SET', KEYS[3], string.format('%.0f', last))
return 1`)

func heldKeys(partition int32) []string {
	base := schemas.ViewHeld(partition)
	return []string{base + schemas.HeldItems, base + schemas.HeldDue, base + schemas.HeldAt, base + schemas.HeldGroup}
}

// forgetHeld empties the view of a partition that is read from its beginning. A Redis that was lost between a batch's check and its writes
// has that batch's position, before which the records that were lost with it would be passed over.
func forgetHeld(ctx context.Context, rdb redis.UniversalClient, partition int32) error {
	base := schemas.ViewHeld(partition)
	if err := rdb.Del(ctx, base+schemas.HeldAt, base+schemas.HeldItems, base+schemas.HeldDue).Err(); err != nil {
		return fmt.Errorf("empty the view of what is held: %w", err)
	}
	return nil
}

// passed notes a transaction's marker.
func (w *writes) passed(rec *kgo.Record) {
	if rec.Topic == schemas.NotificationHeld.Name {
		w.held[rec.Partition] = append(w.held[rec.Partition], rec.Offset, "", "", "")
	}
}

// hold notes what waits, and in the organization's slot that its request need not be decided again.
func (w *writes) hold(rec *kgo.Record) error {
	v, err := decode(rec, schemas.NotificationHeld, (*schemas.HeldNotification).Key)
	if err != nil {
		return err
	}
	if v == nil {
		w.held[rec.Partition] = append(w.held[rec.Partition], rec.Offset, string(rec.Key), "", "")
		return nil
	}
	w.held[rec.Partition] = append(w.held[rec.Partition], rec.Offset, string(rec.Key), v.DueAt.UnixMilli(), string(rec.Value))
	done := schemas.ViewOrgDone(v.OrgID, v.Delivery.RequestID)
	w.done[done] = append(w.done[done], schemas.DoneHeld+string(v.Delivery.DeliveryID))
	return nil
}

// count notes what somebody was sent in the hour in which it was routed, for as long as a cap may ask.
func (w *writes) count(o *schemas.Outcome) {
	if o.Status != schemas.Delivered || o.RoutedAt.IsZero() {
		return
	}
	const hour = time.Hour / time.Second
	n := o.RoutedAt.Unix() / int64(hour)
	until := time.Unix((n+2)*int64(hour), 0)
	for _, key := range []string{schemas.ViewOrgSent(o.OrgID, n, o.Type), schemas.ViewOrgSentTo(o.OrgID, n, o.Type, o.Recipient.KeyPart())} {
		w.sent[key] = append(w.sent[key], string(o.RequestID)+"\x00"+o.Recipient.KeyPart())
		w.until[key] = until
	}
}
