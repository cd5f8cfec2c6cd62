package slacksim

import (
	"slices"
	"time"
)

// Fault is a trouble on demand. It strikes what matches all its filters, Count times (0: until removed).
type Fault struct {
	ID int `json:"id,omitempty"`
	// Kind is api_error (answer ok:false with Error), api_status (answer the HTTP Status), api_latency (wait DelayMS
	// first), withhold_events (never sent) or duplicate_events (sent again although accepted).
	Kind string `json:"kind"`
	// Method, Team, App, Channel and Event narrow what it strikes; empty matches all. Event is message, app_mention…
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
}

// The kinds of Fault.
const (
	FaultAPIError        = "api_error"
	FaultAPIStatus       = "api_status"
	FaultAPILatency      = "api_latency"
	FaultWithholdEvents  = "withhold_events"
	FaultDuplicateEvents = "duplicate_events"
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
	case FaultAPILatency:
		if f.DelayMS <= 0 {
			return refuse("a fault of kind api_latency needs delay_ms, above 0")
		}
	case FaultWithholdEvents, FaultDuplicateEvents:
	default:
		return refuse("kind is %q; give api_error, api_status, api_latency, withhold_events or duplicate_events", f.Kind)
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
		if f.Kind != kind || !matches(f) {
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
		kept = append(kept, d)
	}
	return kept
}
