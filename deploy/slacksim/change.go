package slacksim

// entry is one line of the journal: a change, its number and its time (microseconds since the epoch).
type entry struct {
	Seq    uint64 `json:"seq"`
	At     int64  `json:"at"`
	Change change `json:"do"`
}

// change is what happened; exactly one field is set. It holds every id and ts that was assigned, so that applying it
// again gives the same state.
type change struct {
	Born       *string        `json:"born,omitempty"` // the salt of event ids
	Team       *Team          `json:"team,omitempty"`
	Person     *personChange  `json:"person,omitempty"`
	Channel    *channelMade   `json:"channel,omitempty"`
	Altered    *channelChange `json:"altered,omitempty"`
	Joined     *memberChange  `json:"joined,omitempty"`
	Left       *memberChange  `json:"left,omitempty"`
	Shared     *share         `json:"shared,omitempty"`
	Unshared   *unshare       `json:"unshared,omitempty"`
	Identified *identified    `json:"identified,omitempty"`
	Gone       *memberChange  `json:"gone,omitempty"`
	App        *App           `json:"app,omitempty"`
	Access     *access        `json:"access,omitempty"`
	Install    *Install       `json:"install,omitempty"`
	Posted     *posted        `json:"posted,omitempty"`
	Scheduled  *scheduled     `json:"scheduled,omitempty"`
	Edited     *edited        `json:"edited,omitempty"`
	Deleted    *deleted       `json:"deleted,omitempty"`
	Settled    *settled       `json:"settled,omitempty"`
	Repeated   *Post          `json:"repeated,omitempty"`
	Violation  *Violation     `json:"violation,omitempty"`
	Snapshot   *snapshot      `json:"snapshot,omitempty"`
}

type personChange struct {
	Team   TeamID `json:"team"`
	Person Person `json:"person"`
}

type channelMade struct {
	Team    TeamID  `json:"team"`
	Channel Channel `json:"channel"`
}

// channelChange is a rename, a new topic, an archiving…: the channel as it now is, and the service message that says so.
type channelChange struct {
	Team    TeamID   `json:"team"`
	Channel Channel  `json:"channel"`
	Event   string   `json:"event"`
	Actor   UserID   `json:"actor,omitempty"`
	Message *message `json:"message,omitempty"`
}

type memberChange struct {
	Team    TeamID    `json:"team"`
	Channel ChannelID `json:"channel"`
	User    UserID    `json:"user"`
	Actor   UserID    `json:"actor,omitempty"`
	Message *message  `json:"message,omitempty"`
}

type posted struct {
	Team    TeamID    `json:"team"`
	Channel ChannelID `json:"channel"`
	Message message   `json:"message"`
	Post    *Post     `json:"post,omitempty"` // when an app posted it
	// Scheduled is the id of the scheduled message that it was.
	Scheduled string `json:"scheduled,omitempty"`
	// Replied tells of the root too, as Slack's message_replied does.
	Replied bool `json:"replied,omitempty"`
}

// edited gives a message new content; EventTS is the message_changed event's own.
type edited struct {
	Team    TeamID    `json:"team"`
	Channel ChannelID `json:"channel"`
	Message message   `json:"message"`
	EventTS TS        `json:"event_ts"`
	Post    *Post     `json:"post,omitempty"`
	// EmptyPrevious sends previous_message as an empty array.
	EmptyPrevious bool `json:"empty_previous,omitempty"`
}

type deleted struct {
	Team    TeamID    `json:"team"`
	Channel ChannelID `json:"channel"`
	TS      TS        `json:"ts"`
	EventTS TS        `json:"event_ts"`
	// RootEventTS is for the second event, when the last reply under a tombstone goes and the tombstone with it.
	RootEventTS TS `json:"root_event_ts,omitempty"`
}

type settled struct {
	ID       EventID `json:"id"`
	Outcome  string  `json:"outcome"`
	Attempts int     `json:"attempts"`
}
