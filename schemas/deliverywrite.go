package schemas

import (
	"encoding/json"
	"time"
)

// AppendJSON appends the delivery as encoding/json would write it, in a fifth of the time, and its content as Content.Raw has it, if
// that is there (TestDeliveriesAreWrittenAsEncodingJSONDoes).
func (d *Delivery) AppendJSON(buf []byte) []byte {
	o := newObject(buf)
	o.str("delivery_id", string(d.DeliveryID))
	o.str("request_id", string(d.RequestID))
	o.str("org_id", string(d.OrgID))
	o.str("type", string(d.Type))
	o.optional("type_name", d.TypeName)
	o.recipient("recipient", &d.Recipient)
	o.optional("team_id", string(d.TeamID))
	o.optional("slack_user_id", string(d.SlackUserID))
	o.optional("email", d.Email)
	o.content(&d.Content)
	o.optional("thread", d.Thread)
	o.optional("thread_mode", string(d.ThreadMode))
	o.str("on_ambiguous", string(d.OnAmbiguous))
	o.optional("priority", string(d.Priority))
	if len(d.Merged) > 0 {
		o.encoded("merged", d.Merged)
	}
	if d.Decision != nil {
		o.decision(d.Decision)
	}
	o.moment("expires_at", d.ExpiresAt)
	o.moment("requested_at", d.RequestedAt)
	o.moment("routed_at", d.RoutedAt)
	o.moment("released_at", d.ReleasedAt)
	if d.Setup != nil {
		o.encoded("setup", d.Setup)
	}
	return o.end()
}

// AppendJSON is the same for one that waits.
func (h *HeldNotification) AppendJSON(buf []byte) []byte {
	o := newObject(buf)
	o.str("org_id", string(h.OrgID))
	o.optional("group", h.Group)
	o.str("channel", string(h.Channel))
	o.optional("why", string(h.Why))
	o.time("due_at", h.DueAt)
	o.field("delivery")
	o.buf = h.Delivery.AppendJSON(o.buf)
	return o.end()
}

// moment appends a time, unless it is zero.
func (o *object) moment(name string, t time.Time) {
	if !t.IsZero() {
		o.time(name, t)
	}
}

func (o *object) recipient(name string, r *Recipient) {
	o.field(name)
	in := newObject(o.buf)
	in.optional("user_id", string(r.UserID))
	in.optional("email", r.Email)
	in.optional("role", string(r.Role))
	in.optional("account_id", string(r.AccountID))
	in.optional("deal_id", string(r.DealID))
	o.buf = in.end()
}

func (o *object) content(c *Content) {
	if c.Raw == nil {
		o.encoded("content", c)
		return
	}
	o.field("content")
	o.buf = append(o.buf, c.Raw...)
}

func (o *object) decision(d *Decision) {
	o.field("decision")
	in := newObject(o.buf)
	in.str("rule", string(d.Rule))
	in.str("choice", string(d.Choice))
	for i, c := range d.Considered {
		if i == 0 {
			in.field("considered")
			in.buf = append(in.buf, '[')
		} else {
			in.buf = append(in.buf, ',')
		}
		one := newObject(in.buf)
		one.str("rule", string(c.Rule))
		one.str("value", string(c.Value))
		in.buf = one.end()
	}
	if len(d.Considered) > 0 {
		in.buf = append(in.buf, ']')
	}
	in.flag("mandatory", d.Mandatory)
	in.flag("fallback", d.Fallback)
	in.optional("held", string(d.Held))
	in.moment("held_until", d.HeldUntil)
	in.optional("tz", d.TimeZone)
	if d.Named != nil {
		in.recipient("named", d.Named)
	}
	o.buf = in.end()
}

// encoded appends what is rare the general way. None of these types can fail to be encoded.
func (o *object) encoded(name string, v any) {
	value, err := json.Marshal(v)
	if err != nil {
		value = []byte("null")
	}
	o.field(name)
	o.buf = append(o.buf, value...)
}
