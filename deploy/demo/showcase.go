package demo

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/schemas"
)

// scene is one way in which a notification can go, played by one person.
type scene struct {
	person   string
	prefers  schemas.ChannelPreference
	quiet    bool // today is no working day of theirs
	requests int  // of one group, when several
	want     []string
}

// scenes are all four preferences, something held, and something merged.
var scenes = []scene{
	{"ada", schemas.PreferEmail, false, 1, []string{"delivered by email"}},
	{"ben", schemas.PreferMessage, false, 1, []string{"delivered by slack"}},
	{"chloe", schemas.PreferBoth, false, 1, []string{"delivered by email", "delivered by slack"}},
	{"dmitri", schemas.PreferOff, false, 1, []string{"suppressed: type_off"}},
	{"emi", schemas.PreferMessage, true, 1, nil},
	{"femi", schemas.PreferMessage, false, 3, []string{"delivered by slack", "delivered by slack", "delivered by slack"}},
}

const showcaseType schemas.NotificationType = "meeting_analysis.ready"

// showcaseWithin bounds how long the scenes may take: a group waits for two seconds, and what is released is looked for once a second.
const showcaseWithin = time.Minute

// showcase plays the scenes, once all else is at rest, and says of each what became of it and why.
func (r *run) showcase(ctx context.Context, s *Summary) error {
	ctx, cancel := context.WithTimeout(ctx, showcaseWithin)
	defer cancel()
	if err := r.prefer(ctx); err != nil {
		return err
	}
	run := time.Now().UnixNano() // another run on the same data must not be taken for a repeat
	for _, sc := range scenes {
		for n := range sc.requests {
			request := schemas.NotificationRequest{
				OrgID: r.world.org, RequestID: sc.request(run, n), Type: showcaseType,
				Recipient: schemas.Recipient{UserID: schemas.UserID("usr-" + sc.person)}, CreatedAt: time.Now().UTC(),
				Content: schemas.Content{Title: fmt.Sprintf("Call %d of %s: the summary is ready", n+1, sc.person)},
			}
			if sc.requests > 1 {
				request.Group, request.GroupWindow = "calls", 2
			}
			value, err := schemas.NotificationRequests.Encode(request)
			if err != nil {
				return err
			}
			rec := &kgo.Record{Topic: schemas.NotificationRequests.Name, Key: []byte(request.OrgID), Value: value}
			if err := r.Kafka.ProduceSync(ctx, rec).FirstErr(); err != nil {
				return fmt.Errorf("produce a notification request: %w", err)
			}
		}
	}
	for _, sc := range scenes {
		line, err := r.watch(ctx, sc, run)
		if err != nil {
			return err
		}
		s.Notifications = append(s.Notifications, line)
	}
	return nil
}

func (sc scene) request(run int64, n int) schemas.RequestID {
	return schemas.RequestID(fmt.Sprintf("show-%d-%s-%d", run, sc.person, n))
}

// prefer makes everybody's choice known, and waits until routing sees it.
func (r *run) prefer(ctx context.Context) error {
	for _, sc := range scenes {
		user := schemas.UserID("usr-" + sc.person)
		p := schemas.Preferences{
			OrgID: r.world.org, UserID: user, UpdatedAt: time.Now().UTC(),
			Types: map[schemas.NotificationType]schemas.ChannelPreference{showcaseType: sc.prefers},
		}
		if sc.quiet {
			p.QuietHours = &schemas.QuietHours{WorkingDays: []schemas.Weekday{schemas.Weekdays[(time.Now().UTC().Weekday()+3)%7]}}
		}
		value, err := schemas.NotificationPreferences.Encode(p)
		if err != nil {
			return err
		}
		rec := &kgo.Record{Topic: schemas.NotificationPreferences.Name, Key: []byte(schemas.OrgKey(p.OrgID, p.UserID)), Value: value}
		if err := r.Kafka.ProduceSync(ctx, rec).FirstErr(); err != nil {
			return fmt.Errorf("produce a preference: %w", err)
		}
		err = until(ctx, "the preferences to be in the views", func() (bool, error) {
			seen, err := r.Redis.HGet(ctx, schemas.ViewOrgPreferences(p.OrgID), string(user)).Result()
			if err != nil {
				return false, nil //nolint:nilerr // absent, or Redis is busy: asked again
			}
			offset, _, err := schemas.ParseViewValue(seen)
			return offset >= rec.Offset, err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// watch waits for what becomes of a scene and says it.
func (r *run) watch(ctx context.Context, sc scene, run int64) (line string, err error) {
	who := fmt.Sprintf("%s (%s)", sc.person, sc.prefers)
	if sc.quiet {
		err = until(ctx, who+" to have something held", func() (bool, error) {
			waits, err := r.Redis.SMembers(ctx, schemas.ViewOrgDone(r.world.org, sc.request(run, 0))).Result()
			return err == nil && slices.ContainsFunc(waits, func(w string) bool { return strings.HasPrefix(w, schemas.DoneHeld) }), nil
		})
		return fmt.Sprintf("%-16s held: today is no working day of theirs", who), err
	}
	var got, why []string
	merged, capped := 0, ""
	prefix := fmt.Sprintf("show-%d-%s-", run, sc.person)
	err = until(ctx, fmt.Sprintf("%s to have %q", who, sc.want), func() (bool, error) {
		if capped, err = r.capped(ctx, prefix); capped != "" || err != nil {
			return true, err
		}
		got, why, merged, err = r.logged(ctx, prefix)
		return slices.Equal(got, sc.want) && merged == sc.requests-1, err
	})
	if err != nil {
		return "", fmt.Errorf("%w; it has %q", err, got)
	}
	if capped != "" {
		return fmt.Sprintf("%-16s %s", who, capped), nil
	}
	line = fmt.Sprintf("%-16s %s, because %s", who, strings.Join(slices.Compact(got), ", "), strings.Join(slices.Compact(why), ", "))
	if merged > 0 {
		line += fmt.Sprintf("; %d requests are one message", sc.requests)
	}
	return line, nil
}

// capped says until when one of these requests waits, if it came to somebody who has had as many as an hour may have: after a long demo.
func (r *run) capped(ctx context.Context, prefix string) (string, error) {
	held, err := r.held(ctx, prefix, 0)
	if err != nil {
		return "", err
	}
	for _, h := range held {
		if h.Why == schemas.OverCap {
			return fmt.Sprintf("held until %s: as many of this type as an hour may have were sent before", h.DueAt.UTC().Format(time.RFC3339)), nil
		}
	}
	return "", nil
}

// logged reads what notification_log has of the requests whose id begins so.
func (r *run) logged(ctx context.Context, prefix string) (got, why []string, merged int, err error) {
	rows, err := r.ClickHouse.Query(ctx, `SELECT if(status = 'delivered', 'delivered by ' || channel, status || ': ' || reason) AS what, arrayStringConcat(considered, ', '), merged_into != ''
FROM notification_log FINAL WHERE org_id = {org:String} AND startsWith(request_id, {prefix:String}) ORDER BY what`,
		clickhouse.Named("org", string(r.world.org)), clickhouse.Named("prefix", prefix))
	if err != nil {
		return nil, nil, 0, fmt.Errorf("read notification_log: %w", err)
	}
	defer func() { _ = rows.Close() }() // Err tells what matters
	for rows.Next() {
		var what, rules string
		var into uint8
		if err := rows.Scan(&what, &rules, &into); err != nil {
			return nil, nil, 0, fmt.Errorf("read notification_log: %w", err)
		}
		got, why, merged = append(got, what), append(why, rules), merged+int(into)
	}
	return got, why, merged, rows.Err()
}

// until asks again and again.
func until(ctx context.Context, what string, done func() (bool, error)) error {
	for {
		ok, err := done()
		if err != nil || ok {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waited in vain for %s", what)
		case <-time.After(100 * time.Millisecond):
		}
	}
}
