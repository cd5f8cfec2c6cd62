package slacksim

import (
	"fmt"
	"slices"
)

// Settings are how the simulator decides what Slack leaves open, and how strict it is. Faults are apart: see Fault.
type Settings struct {
	// Lenient accepts what Slack silently ignores or changes, with a warning: unknown arguments; a text over 4,000 characters, which
	// arrives as several messages; one over 40,000, which is cut. By default it is refused. Either way it is recorded as a violation.
	Lenient bool `json:"lenient"`
	// IgnoreClientMsgID posts again what bears a client_msg_id that was seen before. By default the second is answered
	// with is_duplicate and the first one's ts. Slack's documentation allows both.
	IgnoreClientMsgID bool `json:"ignore_client_msg_id"`
	// ReplyEvents sends message_replied with each answer in a thread, without its subtype, as the Events API does.
	ReplyEvents bool `json:"reply_events"`
	// FreshTokens gives a new token at every installation; by default one that stands keeps its own, and the scopes add up.
	FreshTokens bool `json:"fresh_tokens"`
	// CursorEnd is how a list says that it has ended: next_cursor is empty (the default), null, missing, or varied. History and
	// replies leave it out by default.
	CursorEnd string `json:"cursor_end,omitempty"`
	// CursorLifeSeconds is how long a cursor is good. Default 0: for ever.
	CursorLifeSeconds int `json:"cursor_life_seconds,omitempty"`
	// ShortPages gives pages of lists, history and replies that are shorter than asked, and empty ones, before the end.
	ShortPages bool `json:"short_pages"`
	// LimitRequired refuses users.list without limit (limit_required), as Slack does in large workspaces.
	LimitRequired bool `json:"limit_required"`
	// RetryScale multiplies the pauses before event retries (0 s, 60 s, 300 s). Default 1; 0 retries at once.
	RetryScale *float64 `json:"retry_scale,omitempty"`
	// NoRateLimits answers no 429 but those of faults.
	NoRateLimits bool `json:"no_rate_limits"`
	// PostBurst is how many posts one channel takes at once before one a second holds. Default 1: Slack documents
	// "short bursts >1 allowed" without a number and without a promise that such messages are shown.
	PostBurst int `json:"post_burst,omitempty"`
	// PostsPerMinute is the limit of chat.postMessage per app and workspace. Default 300: Slack says "several hundred".
	PostsPerMinute int `json:"posts_per_minute,omitempty"`
	// ConnectionsPerMinute is the limit of apps.connections.open. Default 50, as its reference has it; one SDK says tier 1, which is 1.
	ConnectionsPerMinute int `json:"connections_per_minute,omitempty"`
	// UnwarnedRefresh refreshes Socket Mode connections without the warning ten seconds ahead.
	UnwarnedRefresh bool `json:"unwarned_refresh"`
	// EventsPerHour is how many events an app gets per workspace and hour. Default 30,000, which Slack documents.
	EventsPerHour int `json:"events_per_hour,omitempty"`
}

func (s Settings) withDefaults() Settings {
	if s.RetryScale == nil {
		one := 1.0
		s.RetryScale = &one
	}
	if s.PostBurst == 0 {
		s.PostBurst = 1
	}
	if s.PostsPerMinute == 0 {
		s.PostsPerMinute = 300
	}
	if s.ConnectionsPerMinute == 0 {
		s.ConnectionsPerMinute = 50
	}
	if s.EventsPerHour == 0 {
		s.EventsPerHour = 30_000
	}
	return s
}

func (s Settings) check() error {
	switch {
	case !slices.Contains([]string{"", endEmpty, endNull, endMissing, endVaried}, s.CursorEnd):
		return refuse("cursor_end is %q; give empty, null, missing or varied", s.CursorEnd)
	case s.CursorLifeSeconds < 0:
		return refuse("cursor_life_seconds is %d; give 0 or more", s.CursorLifeSeconds)
	case s.RetryScale != nil && (*s.RetryScale < 0 || *s.RetryScale > 1000):
		return refuse("retry_scale is %g; give 0 to 1000", *s.RetryScale)
	case s.PostBurst < 0:
		return refuse("post_burst is %d; give 1 or more", s.PostBurst)
	case s.PostsPerMinute < 0:
		return refuse("posts_per_minute is %d; give 1 or more", s.PostsPerMinute)
	case s.ConnectionsPerMinute < 0:
		return refuse("connections_per_minute is %d; give 1 or more", s.ConnectionsPerMinute)
	case s.EventsPerHour < 0:
		return refuse("events_per_hour is %d; give 1 or more", s.EventsPerHour)
	}
	return nil
}

// refusal is a command that does not fit, in a sentence for whoever sent it.
type refusal struct {
	message string
	missing bool // what it names does not exist
}

func (r *refusal) Error() string { return r.message }

func refuse(format string, args ...any) error { return &refusal{message: fmt.Sprintf(format, args...)} }

func missing(format string, args ...any) error {
	return &refusal{message: fmt.Sprintf(format, args...), missing: true}
}
