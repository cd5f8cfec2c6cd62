package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2"

	"github.com/bigmind/backchannel/deploy/slacksim"
)

// row is what is compared of a message. Its key is channel/ts.
type row struct{ user, text, thread string }

// compareMessages holds every channel's record against the view: what should be there, as it should read, and no more.
func (r *run) compareMessages(ctx context.Context, s *Summary) error {
	expected, err := r.said(ctx)
	if err != nil {
		return err
	}
	s.MessagesExpected, s.threads = len(expected), threads(expected)
	rows, err := r.ClickHouse.Query(ctx, "SELECT channel_id || '/' || ts, user_id, text, if(thread_ts = ts, '', thread_ts) FROM conversations WHERE org_id = {org:String}",
		clickhouse.Named("org", string(r.world.org)))
	if err != nil {
		return fmt.Errorf("read conversations: %w", err)
	}
	defer func() { _ = rows.Close() }() // Err tells what matters
	for rows.Next() {
		var key string
		var got row
		if err := rows.Scan(&key, &got.user, &got.text, &got.thread); err != nil {
			return fmt.Errorf("read conversations: %w", err)
		}
		s.count(expected, key, got)
	}
	s.countMissing(expected)
	return rows.Err()
}

// threads counts those that messages are in.
func threads(of map[string]row) int {
	all := map[string]bool{}
	for key, r := range of {
		if channel, _, _ := strings.Cut(key, "/"); r.thread != "" {
			all[channel+"/"+r.thread] = true
		}
	}
	return len(all)
}

// said is the simulator's record of the associated channels, as people have linked and unlinked them meanwhile.
func (r *run) said(ctx context.Context) (map[string]row, error) {
	expected := map[string]row{}
	for _, c := range r.world.channels {
		linked, err := r.linked(ctx, c.ID)
		if err != nil {
			return nil, err
		}
		if !linked {
			continue
		}
		for after := slacksim.TS(""); ; {
			page, err := r.Slack.Messages(ctx, r.world.team.ID, c.ID, slacksim.MessageQuery{After: after})
			if err != nil {
				return nil, fmt.Errorf("ask the simulator for what was said: %w", err)
			}
			for _, m := range page.Messages {
				after = m.TS
				expected[string(m.Channel)+"/"+string(m.TS)] = row{string(m.User), m.Text, string(m.ThreadTS)}
			}
			if !page.More {
				break
			}
		}
	}
	return expected, nil
}

// count takes one row of the view and strikes it off what is expected, so that the same row again is one too many.
func (s *Summary) count(expected map[string]row, key string, got row) {
	s.MessagesInClickHouse++
	if want, ok := expected[key]; !ok || want != got {
		s.MismatchedMessages++
	}
	delete(expected, key)
}

// countMissing takes what no row was found for.
func (s *Summary) countMissing(expected map[string]row) { s.MismatchedMessages += len(expected) }

// countDMs takes what people saw. A delivery that was posted twice counts as a duplicate each time after the first.
func (s *Summary) countDMs(posts []slacksim.Post) error {
	s.DMsPosted = len(posts)
	seen := map[string]bool{}
	for _, p := range posts {
		var metadata struct {
			EventPayload struct {
				DeliveryID string `json:"delivery_id"`
			} `json:"event_payload"`
		}
		if err := json.Unmarshal(p.Metadata, &metadata); err != nil {
			return fmt.Errorf("read the metadata of post %d: %w", p.N, err)
		}
		id := metadata.EventPayload.DeliveryID
		if id == "" {
			return fmt.Errorf("post %d names no delivery in its metadata", p.N)
		}
		if seen[id] {
			s.DuplicateDMs++
		}
		seen[id] = true
	}
	return nil
}
