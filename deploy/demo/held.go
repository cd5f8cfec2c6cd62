package demo

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/bigmind/backchannel/schemas"
)

// soon is what is waited for of what is held: a group's window may be over then. What is held until later, by quiet hours or a cap, has no outcome in this run.
const soon = 10 * time.Second

// held are the requests, of those whose id begins so, of which something waits for longer than that, with what waits longest.
func (r *run) held(ctx context.Context, prefix string, longer time.Duration) (map[schemas.RequestID]schemas.HeldNotification, error) {
	all := map[schemas.RequestID]schemas.HeldNotification{}
	for p := range schemas.NotificationHeld.Partitions {
		values, err := r.Redis.HVals(ctx, schemas.ViewHeld(p)+schemas.HeldItems).Result()
		if err != nil {
			return nil, fmt.Errorf("look up what is held: %w", err)
		}
		for _, value := range values {
			h, err := schemas.NotificationHeld.Decode([]byte(value))
			if err != nil {
				return nil, fmt.Errorf("read what is held: %w", err)
			}
			id := h.Delivery.RequestID
			if h.OrgID == r.world.org && strings.HasPrefix(string(id), prefix) && time.Until(h.DueAt) > longer && h.DueAt.After(all[id].DueAt) {
				all[id] = h
			}
		}
	}
	return all, nil
}

// countHeld takes the requests that are held and have no outcome yet.
func (s *Summary) countHeld(held map[schemas.RequestID]schemas.HeldNotification, ended []string) {
	over := make(map[schemas.RequestID]bool, len(ended))
	for _, id := range ended {
		over[schemas.RequestID(id)] = true
	}
	s.RequestsWithOutcome, s.RequestsHeld, s.Held = len(over), 0, map[string]int{}
	for id, h := range held {
		if !over[id] { // by the other channel it may be
			s.RequestsHeld++
			s.Held[fmt.Sprintf("%s until %s", h.Why, h.DueAt.UTC().Format(time.RFC3339))]++
		}
	}
}
