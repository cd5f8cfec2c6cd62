// Package conversation is what was said in an account's channels, in pages that fit a budget of characters: what the API gives to applications that
// feed models. The messages are in ClickHouse, which ingest does not ask; cmd passes in what does.
package conversation

import (
	"context"
	"time"

	"github.com/bigmind/backchannel/ingest/cursor"
	"github.com/bigmind/backchannel/schemas"
)

// Query chooses a page. Pages go back in time: the first has the newest.
type Query struct {
	Account schemas.AccountID
	Since   time.Time // threads in which something was said from then on, each as a whole; zero: all
	Until   time.Time // what was said later is not there: so that pages fit together while people talk
	Budget  int       // characters that the messages of a page may have
	Before  *Cursor   // what is older than this place
}

// Reader reads the conversations of an account of an organization. Of an account that the organization does not have it finds nothing.
type Reader interface {
	Read(ctx context.Context, org schemas.OrgID, q Query) (Page, error)
}

// Page is a stretch of an account's conversations, in the order of their last messages, the oldest first.
type Page struct {
	Threads []Thread
	Next    *Cursor // where the page before begins; nil: there is none
}

// Thread is a message and its replies, or a message outside threads alone, in the order in which they were said.
type Thread struct {
	TeamID       schemas.TeamID    `json:"team_id"`
	ChannelID    schemas.ChannelID `json:"channel_id"`
	ChannelName  string            `json:"channel_name,omitempty"`
	DealID       schemas.DealID    `json:"deal_id,omitempty" doc:"Of the channel, today."`
	DealName     string            `json:"deal_name,omitempty"`
	RootTS       schemas.TS        `json:"root_ts" doc:"Of the first message: with team and channel the id of the thread."`
	LastActivity time.Time         `json:"last_activity" doc:"When the last message was said."`
	Earlier      bool              `json:"earlier,omitempty" doc:"The thread alone is larger than a page: its earlier messages are on the next one."`
	Messages     []Message         `json:"messages" nullable:"false"`
}

// Message is a message as it reads now.
type Message struct {
	TS         schemas.TS          `json:"ts" doc:"Slack's id of the message in its channel."`
	SaidAt     time.Time           `json:"said_at"`
	UserID     schemas.SlackUserID `json:"user_id,omitempty" doc:"Slack user id of the author."`
	Author     string              `json:"author,omitempty" doc:"Name of the author."`
	Company    string              `json:"company,omitempty" doc:"Of an author of another company, where Slack says it."`
	External   bool                `json:"external,omitempty" doc:"The author is of another company."`
	App        bool                `json:"app,omitempty" doc:"An app wrote it."`
	Text       string              `json:"text" doc:"In Slack's mrkdwn: &amp;, &lt; and &gt; stand for the characters, <@U…> for a person, <#C…> for a channel, <https://…|words> for a link."`
	Files      []string            `json:"files,omitempty" doc:"Names of attached files."`
	Edited     bool                `json:"edited,omitempty"`
	Characters int                 `json:"characters" doc:"What the message takes of the budget: text, names and files."`
	TooLong    bool                `json:"too_long,omitempty" doc:"The message alone is over the budget: its text is left out, not cut. A larger budget has it."`
}

// Cursor is the last place of a page: a thread, or a message within it. It goes on with the walk that it is of, and with no other.
type Cursor struct {
	Account schemas.AccountID `json:"a"`
	Since   int64             `json:"s,omitempty"` // microseconds, of Query
	Until   int64             `json:"u"`           // microseconds, as the first page had it
	Last    int64             `json:"l"`           // last activity of the thread, microseconds
	Team    schemas.TeamID    `json:"t"`
	Channel schemas.ChannelID `json:"c"`
	Root    schemas.TS        `json:"r"`
	Within  schemas.TS        `json:"w,omitempty"` // the thread goes on before this message
}

// String is the cursor as it goes into a URL.
func (c Cursor) String() string { return cursor.Text(c) }

// ParseCursor undoes String; nil for an empty text.
func ParseCursor(text string) (*Cursor, error) {
	c, err := cursor.Parse[Cursor](text)
	if err == nil && c != nil && (c.Account == "" || c.Until <= 0 || c.Root == "") {
		err = cursor.ErrUnreadable
	}
	if err != nil {
		return nil, err
	}
	return c, nil
}
