package schemas

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// SlackHistoryMessage is what polling found: a message in Slack's shape, or with Window which messages a stretch of a channel has.
type SlackHistoryMessage struct {
	TeamID      TeamID    `json:"team_id" jsonschema:"required"`
	ChannelID   ChannelID `json:"channel_id" jsonschema:"required"`
	ChannelType string    `json:"channel_type,omitempty" jsonschema:"enum=channel,enum=group"`
	PolledAt    time.Time `json:"polled_at"`
	// AsOf is when Slack's answer held, for certain: when the request was sent, less what clocks may differ. It is the least version of what
	// the answer says: an event from before it is in the answer, and one from after it has a higher version.
	AsOf    time.Time       `json:"as_of,omitzero"`
	Message json.RawMessage `json:"message,omitempty"`
	Window  *SyncWindow     `json:"window,omitempty"`
}

// Validate says what is missing.
func (m *SlackHistoryMessage) Validate() error {
	if m.Window != nil {
		if m.AsOf.IsZero() {
			return errors.New("as_of is missing")
		}
		return errors.Join(m.Window.Validate(), require("team_id", string(m.TeamID), "channel_id", string(m.ChannelID)))
	}
	return require("team_id", string(m.TeamID), "channel_id", string(m.ChannelID), "message", string(m.Message))
}

// SyncWindow lists all messages that Slack has in a stretch. What else is known of the stretch, as of the record's version, has been deleted.
type SyncWindow struct {
	// From and To bound the stretch; both are within it.
	From TS `json:"from" jsonschema:"required"`
	To   TS `json:"to" jsonschema:"required"`
	// ThreadTS is the thread whose replies are listed, without its root; empty: what stands in the channel itself, replies that were broadcast with it.
	ThreadTS TS   `json:"thread_ts,omitempty"`
	Present  []TS `json:"present"`
	// Threads lists which of them have replies; absent: nobody looked. Replies to anything else in the stretch have been deleted, wherever they stand: a root
	// whose last reply was deleted looks as if it never had one, and its thread is not read.
	Threads []TS `json:"threads,omitzero"`
}

// Validate says what is missing or not a ts.
func (w *SyncWindow) Validate() error {
	from, err := w.From.Micros()
	if err != nil {
		return fmt.Errorf("window.from: %w", err)
	}
	to, err := w.To.Micros()
	if err != nil {
		return fmt.Errorf("window.to: %w", err)
	}
	if to < from {
		return errors.New("window.to is before window.from")
	}
	return nil
}

// SyncStatus says what the sync of a channel is doing.
type SyncStatus string

// The states of a channel's sync.
const (
	SyncBackfilling SyncStatus = "backfilling" // its past is still being read
	SyncComplete    SyncStatus = "complete"    // everything from window_start on has been read, and is read again on a schedule
	SyncStopped     SyncStatus = "stopped"     // the reason says why
)

// SyncCheckpoint is the coverage of a channel: from when to when its history has been read, and how it goes on. Checkpoints are by ts, never by
// cursor: cursors expire.
type SyncCheckpoint struct {
	OrgID     OrgID     `json:"org_id" jsonschema:"required"`
	TeamID    TeamID    `json:"team_id" jsonschema:"required"`
	ChannelID ChannelID `json:"channel_id" jsonschema:"required"`
	// Oldest and Newest bound the newest of the Intervals; WindowStart is where backfill will end.
	Oldest      TS `json:"oldest,omitempty"`
	Newest      TS `json:"newest,omitempty"`
	WindowStart TS `json:"window_start,omitempty"`
	// LastMessage is the newest that was seen, by which it is known how lively the channel is.
	LastMessage TS `json:"last_message,omitempty"`
	// Complete: the channel is known from WindowStart to Newest, with all threads.
	Complete bool       `json:"complete"`
	Status   SyncStatus `json:"status,omitempty" jsonschema:"enum=backfilling,enum=complete,enum=stopped"`
	Reason   Reason     `json:"reason,omitempty" jsonschema_description:"Why it is stopped."`
	// Intervals are the stretches that were read completely, newest first. Between two of them is a gap.
	Intervals []SyncInterval `json:"intervals,omitempty"`
	// Pass is the visit that is under way, and Passes how many have been begun.
	Pass   *SyncPass `json:"pass,omitempty"`
	Passes uint64    `json:"passes,omitempty"`
	// ThreadsPending are threads that have moved and were not read yet. ThreadsEpoch tells the table of threads in Redis from one that was lost.
	ThreadsPending int    `json:"threads_pending,omitempty"`
	Threads        uint64 `json:"threads,omitempty" jsonschema_description:"Threads that were found."`
	ThreadsEpoch   string `json:"threads_epoch,omitempty"`
	// Messages were read from Slack while the window was read first, replies with them.
	Messages uint64 `json:"messages,omitempty"`
	// StartedAt is when the sync began; ReconciledAt when the newest messages were last read again, SweptAt when all were.
	StartedAt    time.Time `json:"started_at,omitzero"`
	ReconciledAt time.Time `json:"reconciled_at,omitzero"`
	SweptAt      time.Time `json:"swept_at,omitzero"`
	// EndsAt estimates when the backfill ends, at the rate that Slack allows, shared with the workspace's other channels.
	EndsAt    time.Time `json:"ends_at,omitzero"`
	UpdatedAt time.Time `json:"updated_at,omitzero"`
}

// SyncInterval is a stretch of a channel, both ends within it.
type SyncInterval struct {
	From TS `json:"from" jsonschema:"required"`
	To   TS `json:"to" jsonschema:"required"`
}

// SyncPass is a visit to what was read before: it goes on below Upper for so many Pages.
type SyncPass struct {
	Upper TS     `json:"upper" jsonschema:"required"`
	Pages uint64 `json:"pages"`
	// Whole: it goes to the end, and takes nothing for known.
	Whole bool `json:"whole,omitempty"`
}

// Validate says what is missing or not a ts.
func (c *SyncCheckpoint) Validate() error {
	all := []TS{c.Oldest, c.Newest, c.WindowStart, c.LastMessage}
	for _, i := range c.Intervals {
		all = append(all, i.From, i.To)
	}
	if c.Pass != nil {
		all = append(all, c.Pass.Upper)
	}
	for _, ts := range all {
		if ts == "" {
			continue
		}
		if _, err := ts.Micros(); err != nil {
			return fmt.Errorf("checkpoint: %w", err)
		}
	}
	return require("org_id", string(c.OrgID), "team_id", string(c.TeamID), "channel_id", string(c.ChannelID))
}

// SyncRequest asks for more of a channel's past than its window has, or for all of it again.
type SyncRequest struct {
	OrgID     OrgID     `json:"org_id" jsonschema:"required"`
	TeamID    TeamID    `json:"team_id" jsonschema:"required"`
	ChannelID ChannelID `json:"channel_id" jsonschema:"required"`
	Since     time.Time `json:"since" jsonschema:"required"`
	By        string    `json:"by,omitempty"`
	UpdatedAt time.Time `json:"updated_at,omitzero"`
}

// Validate says what is missing.
func (r *SyncRequest) Validate() error {
	if r.Since.IsZero() {
		return errors.New("since is missing")
	}
	return require("org_id", string(r.OrgID), "team_id", string(r.TeamID), "channel_id", string(r.ChannelID))
}
