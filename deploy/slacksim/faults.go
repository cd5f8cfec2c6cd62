package slacksim

import (
	"math/rand/v2"
	"slices"
	"time"
)

// Fault is a trouble on demand. It strikes what matches all its filters, Count times (0: until removed).
type Fault struct {
	ID int `json:"id,omitempty"`
	// Kind is api_error (answer ok:false with Error), api_status (answer the HTTP Status), api_latency (wait DelayMS
	// first), api_reset (the connection is reset), withhold_events (never sent), duplicate_events (sent again although
	// accepted), reorder_events (sent DelayMS later, past those that follow), clock_skew (signed with a clock that is
	// DelayMS ahead, or behind if negative) partition (neither calls nor events get through) or
	// repeat_cursor (a list answers with the cursor that it was given).
	Kind string `json:"kind"`
	// Method, Team, App, Channel and Event narrow what it strikes; empty matches all. Event is its type, as the app
	// would hear it: message, app_mention, channel_left…
	Method  string    `json:"method,omitempty"`
	Team    TeamID    `json:"team,omitempty"`
	App     AppID     `json:"app,omitempty"`
	Channel ChannelID `json:"channel,omitempty"`
	Event   string    `json:"event,omitempty"`
	Count   int       `json:"count,omitempty"`
	// Error is Slack's code, such as internal_error.
	Error string `json:"error,omitempty"`
	// Status is an HTTP status of 400 or more, such as 503; with 429 goes RetryAfter, in seconds.
	Status     int `json:"status,omitempty"`
	RetryAfter int `json:"retry_after,omitempty"`
	// After lets the call take effect before the error or status is answered: the caller cannot know that it did.
	After   bool `json:"after,omitempty"`
	DelayMS int  `json:"delay_ms,omitempty"`
	// Share strikes only so much of what matches, from 0 to 1, as Seed decides: the same seed, the same strikes. 0: all.
	Share float64 `json:"share,omitempty"`
	Seed  uint64  `json:"seed,omitempty"`

	random *rand.Rand
}

// The kinds of Fault.
const (
	FaultAPIError        = "api_error"
	FaultAPIStatus       = "api_status"
	FaultAPILatency      = "api_latency"
	FaultWithholdEvents  = "withhold_events"
	FaultDuplicateEvents = "duplicate_events"
	FaultAPIReset        = "api_reset"
	FaultReorderEvents   = "reorder_events"
	FaultClockSkew       = "clock_skew"
	FaultPartition       = "partition"
	FaultRepeatCursor    = "repeat_cursor"
)

func (f *Fault) check() error {
	switch f.Kind {
	case FaultAPIError:
		if f.Error == "" {
			return refuse("a fault of kind api_error needs error, such as internal_error")
		}
	case FaultAPIStatus:
		if f.Status < 400 || f.Status > 599 {
			return refuse("a fault of kind api_status needs status, 400 to 599")
		}
	case FaultAPILatency, FaultReorderEvents:
		if f.DelayMS <= 0 {
			return refuse("a fault of kind %s needs delay_ms, above 0", f.Kind)
		}
	case FaultClockSkew:
		if f.DelayMS == 0 {
			return refuse("a fault of kind clock_skew needs delay_ms, above or below 0")
		}
	case FaultWithholdEvents, FaultDuplicateEvents, FaultAPIReset, FaultPartition, FaultRepeatCursor:
	default:
		return refuse("kind is %q; give api_error, api_status, api_latency, api_reset, withhold_events, duplicate_events, reorder_events, clock_skew, partition or repeat_cursor", f.Kind)
	}
	if f.Share < 0 || f.Share > 1 {
		return refuse("share is %g; give 0 to 1", f.Share)
	}
	if f.Count < 0 {
		return refuse("count is %d; give how often it shall strike, or 0 for until it is removed", f.Count)
	}
	return nil
}

// faults are those in force. They are not journaled: a restarted simulator has none.
type faults struct {
	last int
	list []*Fault
}

func (fs *faults) add(f Fault) Fault {
	fs.last++
	f.ID = fs.last
	f.random = rand.New(rand.NewPCG(f.Seed, f.Seed)) //nolint:gosec // reproducible on purpose
	fs.list = append(fs.list, &f)
	return f
}

func (fs *faults) remove(id int) bool {
	n := len(fs.list)
	fs.list = slices.DeleteFunc(fs.list, func(f *Fault) bool { return f.ID == id })
	return len(fs.list) < n
}

// strike finds the first fault of a kind that matches, and uses it up by one.
func (fs *faults) strike(kind string, matches func(*Fault) bool) *Fault {
	for _, f := range fs.list {
		if f.Kind != kind || !matches(f) || (f.Share > 0 && f.random.Float64() >= f.Share) {
			continue
		}
		struck := *f
		if f.Count > 0 {
			f.Count--
			if f.Count == 0 {
				fs.remove(f.ID)
			}
		}
		return &struck
	}
	return nil
}

func (fs *faults) strikeAPI(kind, method string, team TeamID, app AppID, channel ChannelID) *Fault {
	return fs.strike(kind, func(f *Fault) bool {
		return (f.Method == "" || f.Method == method) && f.matches(team, app, channel)
	})
}

func (f *Fault) matches(team TeamID, app AppID, channel ChannelID) bool {
	return (f.Team == "" || f.Team == team) && (f.App == "" || f.App == app) && (f.Channel == "" || f.Channel == channel)
}

func (f *Fault) delay() time.Duration { return time.Duration(f.DelayMS) * time.Millisecond }

// filter takes out what is withheld, and marks what is sent twice. Callers hold the simulator's mu.
func (fs *faults) filter(s *Simulator, due []*delivery) []*delivery {
	if len(fs.list) == 0 {
		return due
	}
	var kept []*delivery
	for _, d := range due {
		matches := func(f *Fault) bool {
			return (f.Event == "" || f.Event == d.Type) && f.matches(d.Team, d.App, d.Channel)
		}
		if fs.strike(FaultWithholdEvents, matches) != nil {
			if err := s.commit(change{Settled: &settled{ID: d.ID, Outcome: outcomeWithheld}}); err != nil {
				s.log.Error("a withheld event could not be noted; it will be sent after a restart", "event_id", d.ID, "error", err)
			}
			continue
		}
		if fs.strike(FaultDuplicateEvents, matches) != nil {
			d.repeats = 1
		}
		if f := fs.strike(FaultReorderEvents, matches); f != nil {
			s.deliver.later(d, f.delay())
			continue
		}
		kept = append(kept, d)
	}
	return kept
}
