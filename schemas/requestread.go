package schemas

import (
	"math"
	"time"
	"unicode/utf8"
	"unsafe"
)

// DecodeRequest replaces *r by the request that value holds, as topic.Decode does, in a fraction of the time when value says
// nothing unusual: every field once, none unknown, no null. Anything else is read the general way, so that both always agree
// (FuzzRequest). Strings alias value, and Content.Raw is the content as it stands there: they are valid while value is kept
// unmodified. The error, and what was read in spite of it, are topic.Decode's.
func DecodeRequest(topic Topic[NotificationRequest], value []byte, r *NotificationRequest) error {
	if r.readPlain(value) {
		return nil
	}
	var err error
	*r, err = topic.Decode(value)
	return err
}

func (r *NotificationRequest) readPlain(value []byte) bool {
	*r = NotificationRequest{}
	if !utf8.Valid(value) {
		return false
	}
	in := newReader(value)
	in.object(r.field)
	in.space()
	return !in.failed && in.rest == ""
}

func (r *NotificationRequest) field(in *reader, key string) (bit uint32) {
	switch key {
	case "org_id":
		r.OrgID = OrgID(in.text())
		return 1 << 0
	case "request_id":
		r.RequestID = RequestID(in.text())
		return 1 << 1
	case "type":
		r.Type = NotificationType(in.text())
		return 1 << 2
	case "recipient":
		in.object(r.Recipient.field)
		return 1 << 3
	case "recipients":
		in.list(func(in *reader) {
			r.Recipients = append(r.Recipients, Recipient{})
			in.object(r.Recipients[len(r.Recipients)-1].field)
		})
		return 1 << 4
	case "content":
		in.space()
		from := in.rest
		in.object(r.Content.field)
		raw := from[:len(from)-len(in.rest)]
		r.Content.Raw = unsafe.Slice(unsafe.StringData(raw), len(raw)) // of value, which the caller keeps
		return 1 << 5
	case "dedup_id":
		r.DedupID = in.text()
		return 1 << 6
	case "on_ambiguous":
		r.OnAmbiguous = AmbiguousPolicy(in.text())
		return 1 << 7
	case "thread":
		r.Thread = in.text()
		return 1 << 8
	case "thread_mode":
		r.ThreadMode = ThreadMode(in.text())
		return 1 << 9
	case "group":
		r.Group = in.text()
		return 1 << 10
	case "group_window_seconds":
		in.space()
		n := in.uint("")
		r.GroupWindow = int(n)
		in.failed = in.failed || n > math.MaxInt32
		return 1 << 11
	case "priority":
		r.Priority = Priority(in.text())
		return 1 << 12
	case "expires_at":
		r.ExpiresAt = in.strictTime()
		return 1 << 13
	case "created_at":
		r.CreatedAt = in.strictTime()
		return 1 << 14
	case "named":
		r.Named = &Recipient{}
		in.object(r.Named.field)
		return 1 << 15
	}
	return 0
}

func (r *Recipient) field(in *reader, key string) (bit uint32) {
	switch key {
	case "user_id":
		r.UserID = UserID(in.text())
		return 1 << 0
	case "email":
		r.Email = in.text()
		return 1 << 1
	case "role":
		r.Role = Role(in.text())
		return 1 << 2
	case "account_id":
		r.AccountID = AccountID(in.text())
		return 1 << 3
	case "deal_id":
		r.DealID = DealID(in.text())
		return 1 << 4
	}
	return 0
}

func (c *Content) field(in *reader, key string) (bit uint32) {
	switch key {
	case "title":
		c.Title = in.text()
		return 1 << 0
	case "body":
		c.Body = in.text()
		return 1 << 1
	case "link":
		c.Link = &Link{}
		in.object(c.Link.field)
		return 1 << 2
	case "fields":
		in.list(func(in *reader) {
			c.Fields = append(c.Fields, Field{})
			in.object(c.Fields[len(c.Fields)-1].field)
		})
		return 1 << 3
	case "actions":
		in.list(func(in *reader) {
			c.Actions = append(c.Actions, Action{})
			in.object(c.Actions[len(c.Actions)-1].field)
		})
		return 1 << 4
	}
	return 0
}

func (l *Link) field(in *reader, key string) (bit uint32) {
	switch key {
	case "url":
		l.URL = in.text()
		return 1 << 0
	case "text":
		l.Text = in.text()
		return 1 << 1
	}
	return 0
}

func (f *Field) field(in *reader, key string) (bit uint32) {
	switch key {
	case "label":
		f.Label = in.text()
		return 1 << 0
	case "value":
		f.Value = in.text()
		return 1 << 1
	}
	return 0
}

func (a *Action) field(in *reader, key string) (bit uint32) {
	switch key {
	case "text":
		a.Text = in.text()
		return 1 << 0
	case "url":
		a.URL = in.text()
		return 1 << 1
	case "style":
		a.Style = ActionStyle(in.text())
		return 1 << 2
	}
	return 0
}

// What follows reads fields in any order, with spaces between them. Anything unusual fails the reader.

func (r *reader) space() {
	for r.rest != "" && (r.rest[0] == ' ' || r.rest[0] == '\n' || r.rest[0] == '\t' || r.rest[0] == '\r') {
		r.rest = r.rest[1:]
	}
}

// object reads an object of which every key that field knows is there at most once; field returns the key's bit, 0 for one
// that it does not know. encoding/json would merge what is there twice, and takes keys in any case.
func (r *reader) object(field func(in *reader, key string) (bit uint32)) {
	r.space()
	if r.need("{"); r.next("}") {
		return
	}
	for seen := uint32(0); !r.failed; {
		key := r.text()
		r.space()
		r.need(":")
		bit := field(r, key)
		r.failed = r.failed || bit == 0 || seen&bit != 0
		seen |= bit
		if r.next("}") {
			return
		}
		r.need(",")
	}
}

func (r *reader) list(item func(in *reader)) {
	r.space()
	if r.need("["); r.next("]") {
		return
	}
	for !r.failed {
		if item(r); r.next("]") {
			return
		}
		r.need(",")
	}
}

// next passes over space, and over what may come after it.
func (r *reader) next(literal string) bool {
	r.space()
	return r.skip(literal)
}

func (r *reader) text() string {
	r.space()
	if !r.need(`"`) {
		return ""
	}
	return r.string()
}

// strictTime is as strict as encoding/json.
func (r *reader) strictTime() time.Time {
	text := r.text()
	var t time.Time
	err := t.UnmarshalText(unsafe.Slice(unsafe.StringData(text), len(text))) // it keeps none of it
	r.failed = r.failed || err != nil
	return t
}
