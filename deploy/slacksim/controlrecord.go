package slacksim

import (
	"context"
	"net/http"
)

// recordRoutes read what happened: the truth that tests and the demo compare with.
func (s *Simulator) recordRoutes(mux *http.ServeMux) {
	mux.HandleFunc("GET /control/teams/{team}/messages", inTeam(s, s.teamMessages))
	mux.HandleFunc("GET /control/posts", locked(s, s.listPosts))
	mux.HandleFunc("GET /control/violations", locked(s, s.listViolations))
	mux.HandleFunc("GET /control/deliveries", locked(s, func(*http.Request, none) (DeliveryStats, error) { return s.deliveryStats(), nil }))
	mux.HandleFunc("POST /control/idle", unlocked(s.idle))
	mux.HandleFunc("GET /control/calls", locked(s, func(*http.Request, none) (map[string]CallStats, error) {
		out := map[string]CallStats{}
		for name, c := range s.calls {
			copied := CallStats{Calls: c.Calls, OK: c.OK, Errors: map[string]int{}}
			for code, n := range c.Errors {
				copied.Errors[code] = n
			}
			out[name] = copied
		}
		return out, nil
	}))
}

// teamMessages lists a workspace's record channel by channel: all of it, without paging.
func (s *Simulator) teamMessages(r *http.Request, t *team, _ none) (Messages, error) {
	q, err := readQuery(r)
	if err != nil {
		return Messages{}, err
	}
	if q.After != "" || q.Limit != 0 {
		return Messages{}, refuse("after and limit page through one channel; a workspace's record comes whole, or by changed_since")
	}
	out := Messages{Messages: []Message{}, Seq: s.state.Seq}
	for _, id := range t.channelOrder {
		for more := true; more; {
			var list []Message
			list, more = t.channels[id].list(t.ID, q)
			out.Messages = append(out.Messages, list...)
			if more {
				q.After = list[len(list)-1].TS
			}
		}
		q.After = ""
	}
	return out, nil
}

// Posts is a page of what apps posted.
type Posts struct {
	Posts []Post `json:"posts"`
	// Next is the after of the next page; more posts may come to be there.
	Next int `json:"next"`
}

// PostQuery narrows a listing of posts; empty fields match all.
type PostQuery struct {
	App     AppID
	Team    TeamID
	Channel ChannelID
	// After lists those whose N is greater.
	After int
	// Limit is at most 10,000, which is the default.
	Limit int
}

func (s *Simulator) listPosts(r *http.Request, _ none) (Posts, error) {
	v := r.URL.Query()
	after, err := intParam(v, "after")
	if err != nil {
		return Posts{}, err
	}
	limit, err := intParam(v, "limit")
	if err != nil {
		return Posts{}, err
	}
	if limit == 0 || limit > maxListing {
		limit = maxListing
	}
	app, team, channel := AppID(v.Get("app")), TeamID(v.Get("team")), ChannelID(v.Get("channel"))
	out := Posts{Posts: []Post{}, Next: after}
	for _, p := range s.state.posts[min(after, len(s.state.posts)):] {
		if len(out.Posts) == limit {
			break
		}
		out.Next = p.N
		if (app == "" || p.App == app) && (team == "" || p.Team == team) && (channel == "" || p.Channel == channel) {
			out.Posts = append(out.Posts, p)
		}
	}
	return out, nil
}

func (s *Simulator) listViolations(r *http.Request, _ none) ([]Violation, error) {
	after, err := intParam(r.URL.Query(), "after")
	if err != nil {
		return nil, err
	}
	list := s.state.violations[min(after, len(s.state.violations)):]
	return append([]Violation{}, list...), nil
}

func (s *Simulator) deliveryStats() DeliveryStats {
	stats := s.state.stats
	stats.Pending = len(s.state.pending)
	return stats
}

func (s *Simulator) idle(r *http.Request, in idleRequest) (Idleness, error) {
	timeout, err := in.timeout()
	if err != nil {
		return Idleness{}, err
	}
	ctx, cancel := context.WithTimeout(r.Context(), timeout)
	defer cancel()
	waited := s.deliver.wait(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	return Idleness{Idle: waited == nil, Stats: s.deliveryStats()}, nil
}
