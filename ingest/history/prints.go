package history

import (
	"context"
	"fmt"
	"hash/fnv"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/bigmind/backchannel/schemas"
)

// Reading again finds mostly what was read before. A fingerprint an hour says so: an hour that reads as it did when it was last published is not published
// again. That saves work and decides nothing: what is lost is published once more. Of a busy channel, in which something is said between any two visits, the
// running hour is published again each time; with days it would be the whole day, and that a hundred times before it is over.
//
// What was published is as of guard before it was read. An edit of a moment ago, of which no event came, loses then to the message's former version, which
// may be younger than that. So an hour counts as published only when that was done as of a time at which it already read so: see settled.

// windowEvery is how often a window is published in which nothing has changed. A live event that came late, of a message that was deleted meanwhile, is
// found by the next one.
const windowEvery = time.Hour

const hourMicros = uint64(time.Hour / time.Microsecond)

// fingerprint is of what a reader would see of messages.
func fingerprint(messages []head) string {
	sorted := slices.SortedFunc(slices.Values(messages), older)
	h := fnv.New64a()
	for _, m := range sorted {
		for _, part := range [][]byte{[]byte(m.TS), []byte(m.ThreadTS), []byte(m.Subtype), []byte(m.LatestReply), m.User, m.BotID, m.Edited, m.Text, m.Blocks, m.Files} {
			_, _ = h.Write(part) // a hash takes anything
			_, _ = h.Write([]byte{0})
		}
	}
	return strconv.FormatUint(h.Sum64(), 16)
}

// settled compares a fingerprint with what was noted, "sum since": since when it has been so, in seconds, or - once it was published as of a time after
// that. It returns what to note, and whether to publish.
func settled(was, sum string, sent time.Time) (note string, publish bool) {
	former, since, _ := strings.Cut(was, " ")
	began, err := strconv.ParseInt(since, 10, 64)
	switch {
	case former != sum || since != "-" && err != nil:
		return sum + " " + strconv.FormatInt(sent.Unix()+1, 10), true
	case since == "-":
		return was, false
	case sent.Add(-guard).Unix() >= began:
		return sum + " -", true
	}
	return was, true
}

// prints is what a page says of the hours that it shows whole.
type prints struct {
	key     string
	now     map[string]string // of hours that differ from what was published
	gone    []string          // hours that had messages and have none
	changed []head            // messages to publish
}

// compare leaves out the messages of hours that read as they did. Whole takes nothing for known.
func (w *workspace) compare(ctx context.Context, r request, known span, messages []head, sent time.Time, whole bool) (*prints, error) {
	p := &prints{key: schemas.PrintsKey(w.in.TeamID, r.channel.ChannelID), now: map[string]string{}}
	was, err := w.opts.Redis.HGetAll(ctx, p.key).Result()
	if err != nil {
		return nil, fmt.Errorf("read fingerprints: %w", err)
	}
	hours := map[uint64][]head{}
	for _, m := range messages {
		hours[m.micros/hourMicros] = append(hours[m.micros/hourMicros], m)
	}
	shown := func(hour uint64) bool {
		return hour*hourMicros >= known.from && (r.newest || (hour+1)*hourMicros-1 <= known.to)
	}
	for hour, of := range hours {
		name := strconv.FormatUint(hour, 10)
		now, publish := settled(was[name], fingerprint(of), sent)
		switch {
		case !shown(hour):
			p.changed = append(p.changed, of...)
		case whole || publish:
			p.changed = append(p.changed, of...)
			p.now[name] = now
		}
	}
	for name := range was {
		hour, err := strconv.ParseUint(name, 10, 64)
		if err == nil && shown(hour) && hour*hourMicros <= known.to && hours[hour] == nil {
			p.gone = append(p.gone, name)
		}
	}
	return p, nil
}

// same says that nothing has changed.
func (p *prints) same() bool { return len(p.changed)+len(p.gone) == 0 }

// keep notes what was published.
func (p *prints) keep(ctx context.Context, rdb redis.UniversalClient) error {
	if len(p.now)+len(p.gone) == 0 {
		return nil
	}
	pipe := rdb.Pipeline()
	if len(p.now) > 0 {
		pipe.HSet(ctx, p.key, p.now)
	}
	if len(p.gone) > 0 {
		pipe.HDel(ctx, p.key, p.gone...)
	}
	if _, err := pipe.Exec(ctx); err != nil {
		return fmt.Errorf("note fingerprints: %w", err)
	}
	return nil
}
