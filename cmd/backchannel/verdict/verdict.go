// Package verdict lets ingest's diagnosis ask what processors/route would decide, which ingest does not import.
package verdict

import (
	"context"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/bigmind/backchannel/ingest/diagnose"
	"github.com/bigmind/backchannel/processors/route"
	"github.com/bigmind/backchannel/schemas"
)

// By decides as the pipeline does, by the same code and the same views.
func By(rdb redis.UniversalClient, now func() time.Time) diagnose.Verdicts {
	return func(ctx context.Context, org schemas.OrgID, to schemas.Recipient, kinds []schemas.NotificationType) ([]diagnose.Verdict, error) {
		explained, err := route.Explain(ctx, rdb, org, to, now(), kinds...)
		if err != nil {
			return nil, err
		}
		all := make([]diagnose.Verdict, len(explained))
		for i := range explained {
			x := &explained[i]
			all[i] = diagnose.Verdict{
				Type: x.Type, Ended: x.Ended, Decision: x.Decision, Team: x.Slack.Team, User: x.Slack.User, Reason: x.Slack.Reason,
				Now: "A notification " + Now(x) + ".", Dropped: x.Dropped, Later: !x.Until.IsZero(),
			}
			if all[i].Type.ID == "" { // nobody has such a type
				all[i].Type.ID, all[i].Type.Name = kinds[i], string(kinds[i])
			}
		}
		return all, nil
	}
}

// Now says when something that can be sent would be.
func Now(x *route.Explanation) string {
	until := x.Until.UTC().Format(time.RFC3339)
	switch {
	case x.Dropped:
		return fmt.Sprintf("would not be sent: these are the person's quiet hours (clock of %s), and the type is of no use later", x.TimeZone)
	case x.Until.IsZero():
		return "would be sent at once"
	case x.Why == schemas.QuietTime:
		return fmt.Sprintf("would be sent at %s, when the person's quiet hours end (clock of %s)", until, x.TimeZone)
	case x.Why == schemas.OverCap:
		return fmt.Sprintf("would be sent at %s, in one summary: this hour has had %d of the type for the person, or the organization its share", until, x.Sent)
	}
	return "would be sent at " + until
}
