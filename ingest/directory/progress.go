package directory

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/bigmind/backchannel/schemas"
)

// Progress is how far the reading of a workspace's people is.
type Progress struct {
	// Reading says that a pass is under way or was cut off; Read is how many people it had read by then, else the last one.
	Reading bool
	Read    int
	// Complete is when the last pass was; zero: none was.
	Complete time.Time
}

// PeopleProgress asks how far the reading of a workspace's people is.
func PeopleProgress(ctx context.Context, rdb redis.UniversalClient, team schemas.TeamID) (p Progress, err error) {
	state, err := rdb.HMGet(ctx, schemas.DirectoryKey(team), "users"+fieldCursor, "users"+fieldRead, "users"+fieldComplete).Result()
	if err != nil {
		return p, fmt.Errorf("read how far people are read: %w", err)
	}
	p.Reading = state[0] != nil
	if text, ok := state[1].(string); ok {
		p.Read, _ = strconv.Atoi(text) // ours
	}
	if text, ok := state[2].(string); ok {
		if seconds, err := strconv.ParseInt(text, 10, 64); err == nil {
			p.Complete = time.Unix(seconds, 0).UTC()
		}
	}
	return p, nil
}

func (p Progress) String() string {
	switch {
	case p.Reading:
		return fmt.Sprintf("people are being read from Slack, %d so far", p.Read)
	case p.Complete.IsZero():
		return "people have not been read from Slack yet"
	}
	return fmt.Sprintf("%d people read from Slack at %s", p.Read, p.Complete.Format(time.RFC3339))
}
