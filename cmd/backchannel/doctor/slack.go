package doctor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/slack-go/slack"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/cmd/backchannel/scan"
	"github.com/bigmind/backchannel/ingest"
	"github.com/bigmind/backchannel/ingest/diagnose"
	"github.com/bigmind/backchannel/schemas"
)

// slack tries the token of each workspace, compares its scopes, and asks when the last event came.
func (d *Doctor) slack(ctx context.Context) {
	if !d.up.kafka {
		d.unknown("slack", "workspaces", "Which workspaces are connected is not known while Kafka is away.", "")
		return
	}
	bounded, cancel := d.bounded(ctx)
	defer cancel()
	found, err := scan.Latest(bounded, d.Kafka, schemas.SlackInstallations)
	if err != nil {
		d.unknown("slack", "workspaces", "Which workspaces are connected could not be read: "+reason(err)+".", "Ask again.")
		return
	}
	var active []schemas.Installation
	for _, in := range found {
		if in.Status == schemas.InstallRevoked {
			d.fail("slack", "token", string(in.TeamID), fmt.Sprintf("%s is no longer connected: its token was revoked (%s).", named(&in), cmp.Or(in.Reason, "no reason is known")), "An admin connects Slack again in Settings, Communication data, Messaging.")
		}
		if in.Active() {
			active = append(active, in)
		}
	}
	if len(active) == 0 {
		if len(found) == 0 {
			d.unknown("slack", "workspaces", "No workspace is connected.", "An admin connects Slack in Settings, Communication data, Messaging.")
		}
		return
	}
	slices.SortFunc(active, func(a, b schemas.Installation) int { return cmp.Compare(a.TeamID, b.TeamID) })
	if d.Tokens == nil {
		d.fail("slack", "keys", "", fmt.Sprintf("The tokens of %d workspaces cannot be opened: %s.", len(active), reason(d.TokensErr)), "Set token-keys to the key set that they were sealed with.")
		return
	}
	answers := true
	for i := range active {
		if answers {
			answers = d.workspace(ctx, &active[i])
		}
	}
	d.events(ctx, active)
}

func named(in *schemas.Installation) string {
	if in.TeamName == "" {
		return string(in.TeamID)
	}
	return in.TeamName + " (" + string(in.TeamID) + ")"
}

// workspace tries a token. False: Slack does not answer, and need not be asked again.
func (d *Doctor) workspace(ctx context.Context, in *schemas.Installation) bool {
	ctx, cancel := d.bounded(ctx)
	defer cancel()
	if !in.Callable() {
		d.fail("slack", "token", string(in.TeamID), named(in)+" has no token.", "An admin connects Slack in Settings, Communication data, Messaging.")
		return true
	}
	token, err := d.Tokens.Open(in.TeamID, in.SealedToken)
	if err != nil {
		d.fail("slack", "keys", string(in.TeamID), fmt.Sprintf("The token of %s cannot be opened with the configured key set.", named(in)), "Add the key that it was sealed with to token-keys, or connect Slack again.")
		return true
	}
	test, err := slack.New(token, slack.OptionAPIURL(d.SlackAPI), slack.OptionHTTPClient(d.HTTP)).AuthTestContext(ctx)
	refused, isAnswer := errors.AsType[slack.SlackErrorResponse](err)
	status, isStatus := errors.AsType[slack.StatusCodeError](err)
	switch {
	case isAnswer:
		d.fail("slack", "token", string(in.TeamID), fmt.Sprintf("Slack refuses the token of %s: %s.", named(in), refused.Err), "An admin connects Slack again in Settings, Communication data, Messaging.")
		return true
	case isStatus:
		d.fail("slack", "reachable", "", fmt.Sprintf("Slack's Web API answers with an error of its own: HTTP status %d.", status.Code), "Look at https://slack-status.com; if Slack works for others, at the proxy on the way to slack-api-url.")
		return false
	case err != nil:
		d.fail("slack", "reachable", "", fmt.Sprintf("Slack's Web API does not answer: %s.", reason(ingest.WithoutURL(err))), "Let this machine out to slack-api-url, by HTTPS_PROXY if there is one.")
		return false
	}
	granted := *in
	granted.Scopes = scopes(test.Header.Get("X-Oauth-Scopes"), in.Scopes)
	lacks := diagnose.Lacks(&granted, schemas.NotificationScopes())
	for _, scope := range schemas.ChannelSyncScopes() { // those that the record has are used
		if slices.Contains(in.Scopes, scope) && !slices.Contains(granted.Scopes, scope) {
			lacks = append(lacks, scope)
		}
	}
	if len(lacks) > 0 {
		d.fail("slack", "scopes", string(in.TeamID), fmt.Sprintf("%s does not grant %s.", named(in), strings.Join(lacks, ", ")), "An admin connects Slack again, and an owner channel sync, and allows them.")
		return true
	}
	sync := "for notifications only"
	if len(diagnose.Lacks(&granted, schemas.ChannelSyncScopes())) == 0 {
		sync = "with channel sync"
	}
	d.say(Line{"slack", "token", string(in.TeamID), diagnose.Pass, fmt.Sprintf("Slack takes the token of %s, %s.", named(in), sync), ""})
	return true
}

func scopes(header string, otherwise []string) []string {
	if header == "" {
		return otherwise
	}
	var all []string
	for s := range strings.SplitSeq(header, ",") {
		all = append(all, strings.TrimSpace(s))
	}
	return all
}

// missed is what ClickHouse knows of a workspace's events.
type missed struct {
	messages uint64 // that polling found after the last event
	since    time.Time
}

// events tells when the last event of each workspace came. That none came is no fault where nobody talks: it is one where polling found messages
// since, of which there should have been events.
func (d *Doctor) events(ctx context.Context, active []schemas.Installation) {
	last := d.lastEvents(ctx)
	d.heard(ctx, active, last)
	found := map[schemas.TeamID]missed{}
	if d.up.clickhouse {
		var err error
		if found, err = d.missed(ctx); err != nil {
			d.unknown("slack", "events", "What polling found could not be read: "+reason(err)+".", "Ask again.")
		}
	}
	for i := range active {
		in := &active[i]
		came, when := "no event is on slack.events", last[in.TeamID]
		if !when.IsZero() {
			came = "the last event came at " + when.UTC().Format(time.RFC3339)
		}
		if m := found[in.TeamID]; m.messages > 0 && when.Before(m.since) {
			d.fail("slack", "events", string(in.TeamID), fmt.Sprintf("Slack sends no events of %s: polling found %d messages of which no event came, from %s on; %s.", named(in), m.messages, m.since.UTC().Format(time.RFC3339), came),
				"At api.slack.com/apps see whether Event Subscriptions are on, and the Request URL verified; compare the Signing Secret with slack-signing-secret.")
			continue
		}
		d.say(Line{"slack", "events", string(in.TeamID), diagnose.Pass, fmt.Sprintf("Of %s, %s.", named(in), came), ""})
	}
}

// heard adds what ingest noted of when a workspace was last heard of: its newest event may lie further back than what is looked at.
func (d *Doctor) heard(ctx context.Context, active []schemas.Installation, last map[schemas.TeamID]time.Time) {
	if !d.up.redis {
		return
	}
	ctx, cancel := d.bounded(ctx)
	defer cancel()
	for i := range active {
		team := active[i].TeamID
		text, err := d.Redis.Get(ctx, schemas.HeardKey(team)).Result()
		if err != nil {
			continue // coordination, which may be gone
		}
		if at, err := time.Parse(time.RFC3339, text); err == nil && at.After(last[team]) {
			last[team] = at
		}
	}
}

// tail is how many of the newest events of each partition are looked at.
const tail = 300

// lastEvents is when the newest event of each workspace came, among the newest of all.
func (d *Doctor) lastEvents(ctx context.Context) map[schemas.TeamID]time.Time {
	last := map[schemas.TeamID]time.Time{}
	bounded, cancel := d.bounded(ctx)
	defer cancel()
	admin := kadm.NewClient(d.client)
	ends, err1 := admin.ListEndOffsets(bounded, schemas.SlackEvents.Name)
	starts, err2 := admin.ListStartOffsets(bounded, schemas.SlackEvents.Name)
	if err1 != nil || err2 != nil {
		return last
	}
	from, left := map[string]map[int32]kgo.Offset{schemas.SlackEvents.Name: {}}, map[int32]int64{}
	ends.Each(func(o kadm.ListedOffset) {
		start, _ := starts.Lookup(o.Topic, o.Partition)
		if o.Err == nil && o.Offset > start.Offset {
			left[o.Partition] = o.Offset
			from[o.Topic][o.Partition] = kgo.NewOffset().At(max(start.Offset, o.Offset-tail))
		}
	})
	if len(left) == 0 {
		return last
	}
	d.read(ctx, from, func(rec *kgo.Record) bool {
		team, _ := schemas.Key(rec.Key).Split()
		if t := schemas.TeamID(team); rec.Timestamp.After(last[t]) {
			last[t] = rec.Timestamp
		}
		if rec.Offset+1 >= left[rec.Partition] {
			delete(left, rec.Partition)
		}
		return len(left) > 0
	})
	return last
}

// missedFor is how far back messages are looked at, and settled how old they must be: an event may be on its way.
const (
	missedFor = 7 * 24 * time.Hour
	settled   = 10 * time.Minute
)

// missed counts, by workspace, the messages since the last one that an event brought, in channels whose sync had begun by then.
func (d *Doctor) missed(ctx context.Context) (map[schemas.TeamID]missed, error) {
	ctx, cancel := d.bounded(ctx)
	defer cancel()
	now := d.Now()
	rows, err := d.ch.Query(ctx, `SELECT team_id, countIf(ts_time > heard) AS messages, minIf(ts_time, ts_time > heard) AS since FROM
(
    SELECT o.team_id AS team_id, o.ts_time AS ts_time, maxIf(o.ts_time, o.live = 1) OVER (PARTITION BY o.team_id) AS heard
    FROM message_origins AS o FINAL
    INNER JOIN (SELECT org_id, team_id, channel_id, started_at FROM sync_coverage FINAL) AS c ON c.org_id = o.org_id AND c.team_id = o.team_id AND c.channel_id = o.channel_id
    WHERE o.ts_time >= c.started_at AND o.ts_time >= fromUnixTimestamp64Milli(?, 'UTC') AND o.ts_time < fromUnixTimestamp64Milli(?, 'UTC')
) GROUP BY team_id HAVING messages > 0`, now.Add(-missedFor).UnixMilli(), now.Add(-settled).UnixMilli())
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }() // Err tells what matters
	all := map[schemas.TeamID]missed{}
	for rows.Next() {
		var team string
		var m missed
		if err := rows.Scan(&team, &m.messages, &m.since); err != nil {
			return nil, err
		}
		all[schemas.TeamID(team)] = m
	}
	return all, rows.Err()
}
