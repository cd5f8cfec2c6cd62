package schemas

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"
	"unsafe"

	"github.com/go-faster/jx"
)

// ContextMessage is one version of a message of an associated channel, or its deletion. (org, team, channel, ts) is what
// it is; the highest version is what it now says, whatever order the versions arrive in.
type ContextMessage struct {
	OrgID     OrgID     `json:"org_id" jsonschema:"required"`
	TeamID    TeamID    `json:"team_id" jsonschema:"required"`
	ChannelID ChannelID `json:"channel_id" jsonschema:"required"`
	TS        TS        `json:"ts" jsonschema:"required"`
	// Version is Slack's clock in microseconds: event_ts for a live event; for what was polled the time as of which Slack's answer held, but no
	// earlier than edited.ts and ts.
	Version      uint64      `json:"version" jsonschema:"required"`
	Deleted      bool        `json:"is_deleted,omitempty"`
	ThreadTS     TS          `json:"thread_ts,omitempty" jsonschema_description:"The root's ts, on the root itself too once it has replies."`
	Subtype      string      `json:"subtype,omitempty"`
	UserID       SlackUserID `json:"user_id,omitempty"`
	BotID        string      `json:"bot_id,omitempty"`
	AuthorName   string      `json:"author_name,omitempty"`
	AuthorEmail  string      `json:"author_email,omitempty" jsonschema_description:"Trimmed, in lower case; the views match directory users by it."`
	AuthorTeamID TeamID      `json:"author_team_id,omitempty" jsonschema_description:"The author's home workspace, when it is not the installing one."`
	IsExternal   bool        `json:"is_external,omitempty" jsonschema_description:"A person of another company (Slack Connect)."`
	Text         string      `json:"text" jsonschema_description:"Slack mrkdwn, as Slack sent it."`
	FileNames    []string    `json:"file_names,omitempty"`
	EditedTS     TS          `json:"edited_ts,omitempty"`
	// AccountID and DealID are the association when the row was written, for audit; the views resolve the current one.
	AccountID  AccountID `json:"account_id" jsonschema:"required"`
	DealID     DealID    `json:"deal_id,omitempty"`
	Source     string    `json:"source" jsonschema:"enum=live,enum=history"`
	ReceivedAt time.Time `json:"received_at"`
	// Former is what the message said before, on an edit of which Slack says it (message_changed, previous_message).
	Former *Wording `json:"former,omitempty" jsonschema_description:"On an edit: what the message said before, where Slack's event says it."`
	// Window makes the record say which messages a stretch of the channel has; it is no message then, and has no ts. Rows of the stretch with a
	// lower version that it does not list have been deleted.
	Window *SyncWindow `json:"window,omitempty"`

	// RawText, when set, is Text as a JSON string already encoded; AppendJSON then copies it instead of escaping anew.
	RawText []byte `json:"-"`
}

// Wording is what a message said at a time.
type Wording struct {
	Text      string   `json:"text" jsonschema_description:"Slack mrkdwn, as Slack sent it."`
	FileNames []string `json:"file_names,omitempty"`
	EditedTS  TS       `json:"edited_ts,omitempty" jsonschema_description:"The edit that made it; absent: none has."`

	// RawText, when set, is Text as a JSON string already encoded.
	RawText []byte `json:"-"`
}

// Validate says what is missing.
func (m *ContextMessage) Validate() error {
	if m.Window != nil {
		return errors.Join(m.Window.Validate(), require("org_id", string(m.OrgID), "team_id", string(m.TeamID), "channel_id", string(m.ChannelID)))
	}
	return require("org_id", string(m.OrgID), "team_id", string(m.TeamID), "channel_id", string(m.ChannelID),
		"ts", string(m.TS))
}

// MarshalJSON encodes the record as AppendJSON does.
func (m ContextMessage) MarshalJSON() ([]byte, error) { return m.AppendJSON(nil), nil }

// UnmarshalJSON decodes a record; the result shares no memory with value.
func (m *ContextMessage) UnmarshalJSON(value []byte) error {
	return m.DecodeAliased(append([]byte(nil), value...))
}

// AppendJSON appends the record to buf.
func (m *ContextMessage) AppendJSON(buf []byte) []byte {
	o := newObject(buf)
	o.str("org_id", string(m.OrgID))
	o.str("team_id", string(m.TeamID))
	o.str("channel_id", string(m.ChannelID))
	o.str("ts", string(m.TS))
	o.field("version")
	o.buf = strconv.AppendUint(o.buf, m.Version, 10)
	o.flag("is_deleted", m.Deleted)
	o.optional("thread_ts", string(m.ThreadTS))
	o.optional("subtype", m.Subtype)
	o.optional("user_id", string(m.UserID))
	o.optional("bot_id", m.BotID)
	o.optional("author_name", m.AuthorName)
	o.optional("author_email", m.AuthorEmail)
	o.optional("author_team_id", string(m.AuthorTeamID))
	o.flag("is_external", m.IsExternal)
	o.wording(m.Text, m.RawText, m.FileNames, m.EditedTS)
	o.str("account_id", string(m.AccountID))
	o.optional("deal_id", string(m.DealID))
	o.str("source", m.Source)
	o.time("received_at", m.ReceivedAt)
	if m.Former != nil {
		o.former(m.Former)
	}
	if m.Window != nil {
		o.window(m.Window)
	}
	return o.end()
}

// DecodeAliased replaces *m by what value holds. Strings without escapes alias value: they are valid while it is kept
// unmodified, which is what a sink needs that copies them into columns at once.
func (m *ContextMessage) DecodeAliased(value []byte) error {
	if m.readPlain(value) {
		return nil
	}
	*m = ContextMessage{}
	d := jx.DecodeBytes(value)
	if err := d.ObjBytes(m.field); err != nil {
		return err
	}
	return AtEnd(d)
}

// field reads one field. An error names it, but never one that we do not know: what stands there may be anything.
func (m *ContextMessage) field(d *jx.Decoder, key []byte) (err error) {
	switch string(key) {
	case "org_id":
		m.OrgID, err = Alias[OrgID](d)
	case "team_id":
		m.TeamID, err = Alias[TeamID](d)
	case "channel_id":
		m.ChannelID, err = Alias[ChannelID](d)
	case "ts":
		m.TS, err = Alias[TS](d)
	case "version":
		m.Version, err = d.UInt64()
	case "is_deleted":
		m.Deleted, err = d.Bool()
	case "thread_ts":
		m.ThreadTS, err = Alias[TS](d)
	case "subtype":
		m.Subtype, err = Alias[string](d)
	case "user_id":
		m.UserID, err = Alias[SlackUserID](d)
	case "bot_id":
		m.BotID, err = Alias[string](d)
	case "author_name":
		m.AuthorName, err = Alias[string](d)
	case "author_email":
		m.AuthorEmail, err = Alias[string](d)
	case "author_team_id":
		m.AuthorTeamID, err = Alias[TeamID](d)
	case "is_external":
		m.IsExternal, err = d.Bool()
	case "text":
		m.Text, err = Alias[string](d)
	case "file_names":
		m.FileNames, err = names(d)
	case "edited_ts":
		m.EditedTS, err = Alias[TS](d)
	case "account_id":
		m.AccountID, err = Alias[AccountID](d)
	case "deal_id":
		m.DealID, err = Alias[DealID](d)
	case "source":
		m.Source, err = Alias[string](d)
	case "former":
		m.Former, err = readFormer(d)
	case "window":
		var raw jx.Raw
		if raw, err = d.Raw(); err == nil {
			m.Window = nil
			err = json.Unmarshal(raw, &m.Window)
		}
	case "received_at":
		var s string
		if s, err = Alias[string](d); err == nil {
			m.ReceivedAt, err = time.Parse(time.RFC3339Nano, s)
		}
		if _, isTime := errors.AsType[*time.ParseError](err); isTime {
			err = errTime // the original quotes the value
		}
	default:
		return d.Skip()
	}
	if err != nil {
		return fmt.Errorf("%s: %w", key, err)
	}
	return nil
}

// names reads an array of strings. Of a field that is there twice the last counts, as in encoding/json.
func names(d *jx.Decoder) (all []string, err error) {
	err = d.Arr(func(d *jx.Decoder) error {
		name, err := Alias[string](d)
		all = append(all, name)
		return err
	})
	return all, err
}

func readFormer(d *jx.Decoder) (*Wording, error) {
	if d.Next() == jx.Null {
		return nil, d.Skip()
	}
	var w Wording
	return &w, d.ObjBytes(func(d *jx.Decoder, key []byte) (err error) {
		switch string(key) {
		case "text":
			w.Text, err = Alias[string](d)
		case "file_names":
			w.FileNames, err = names(d)
		case "edited_ts":
			w.EditedTS, err = Alias[TS](d)
		default:
			return d.Skip()
		}
		if err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
		return nil
	})
}

// readPlain reads what AppendJSON wrote, unless it has files or is an edit, in a third of the time; it says whether it could.
// FuzzContextMessage holds it to the same result as the general way.
func (m *ContextMessage) readPlain(value []byte) bool {
	r := newReader(value)
	*m = ContextMessage{
		OrgID:        str[OrgID](&r, `{"org_id":"`),
		TeamID:       str[TeamID](&r, `,"team_id":"`),
		ChannelID:    str[ChannelID](&r, `,"channel_id":"`),
		TS:           str[TS](&r, `,"ts":"`),
		Version:      r.uint(`,"version":`),
		Deleted:      r.skip(`,"is_deleted":true`),
		ThreadTS:     optional[TS](&r, `,"thread_ts":"`),
		Subtype:      optional[string](&r, `,"subtype":"`),
		UserID:       optional[SlackUserID](&r, `,"user_id":"`),
		BotID:        optional[string](&r, `,"bot_id":"`),
		AuthorName:   optional[string](&r, `,"author_name":"`),
		AuthorEmail:  optional[string](&r, `,"author_email":"`),
		AuthorTeamID: optional[TeamID](&r, `,"author_team_id":"`),
		IsExternal:   r.skip(`,"is_external":true`),
		Text:         str[string](&r, `,"text":"`),
		EditedTS:     optional[TS](&r, `,"edited_ts":"`),
		AccountID:    str[AccountID](&r, `,"account_id":"`),
		DealID:       optional[DealID](&r, `,"deal_id":"`),
		Source:       str[string](&r, `,"source":"`),
		ReceivedAt:   r.time(`,"received_at":"`),
	}
	return r.end()
}

var errTime = errors.New("a time must be in RFC 3339 form")

// AtEnd refuses what follows the value that was read.
func AtEnd(d *jx.Decoder) error {
	if err := d.Skip(); !errors.Is(err, io.EOF) {
		return errors.New("something follows the JSON object")
	}
	return nil
}

// Alias reads a JSON string without copying it when it has no escapes: the result then aliases the decoder's input.
func Alias[T ~string](d *jx.Decoder) (T, error) {
	b, err := d.StrBytes()
	if err != nil || len(b) == 0 {
		return "", err
	}
	return T(unsafe.String(&b[0], len(b))), nil
}
