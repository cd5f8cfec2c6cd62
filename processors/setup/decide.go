package setup

import (
	"fmt"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/processors"
	"github.com/bigmind/backchannel/schemas"
)

// changed: a channel was associated, associated otherwise, or dissociated. Its prompt says so.
func changed(w *work, rec *kgo.Record) ([]*kgo.Record, schemas.Reason, error) {
	p := w.prompt
	if p == nil {
		return nil, schemas.NotPrompted, nil
	}
	offset := rec.Offset
	update, err := emitted(schemas.NewSetupDelivery(p.OrgID, p.TeamID, p.RequestID, fmt.Sprintf("association/%d/%d", rec.Timestamp.UnixMilli(), offset), schemas.Setup{
		ChannelID: p.ChannelID, AddedAt: p.AddedAt, InChannel: p.InChannel, PromptID: p.DeliveryID, Association: &offset,
	}))
	return []*kgo.Record{update}, "", err
}

// concluded: a prompt was posted, or not.
func concluded(w *work) ([]*kgo.Record, schemas.Reason, error) {
	o := w.outcome
	switch {
	case w.prompt != nil && w.prompt.AddedAt.After(o.Setup.AddedAt):
		return nil, schemas.Superseded, nil // the app was added again since
	case o.Status == schemas.Delivered:
		return posted(o)
	case o.Status == schemas.Failed && !o.Setup.InChannel && (o.Reason == schemas.RecipientRefused || o.Reason == schemas.AccountInactive):
		instead := *o.Setup
		instead.InChannel = true
		d, err := emitted(schemas.NewSetupDelivery(o.OrgID, o.TeamID, o.RequestID, "channel", instead))
		return []*kgo.Record{d}, "", err
	}
	return nil, schemas.NotSetup, nil
}

// posted notes where the prompt stands, and has it updated in case the channel was associated meanwhile.
func posted(o *schemas.Outcome) ([]*kgo.Record, schemas.Reason, error) {
	p := schemas.SetupPrompt{
		OrgID: o.OrgID, TeamID: o.TeamID, ChannelID: o.Setup.ChannelID, RequestID: o.RequestID, DeliveryID: o.DeliveryID,
		AddedAt: o.Setup.AddedAt, PostedIn: o.ChannelID, TS: o.TS, InChannel: o.Setup.InChannel,
	}
	value, err := schemas.SetupPrompts.Encode(p)
	if err != nil {
		return nil, "", err
	}
	update, err := emitted(schemas.NewSetupDelivery(p.OrgID, p.TeamID, p.RequestID, "posted/"+string(p.DeliveryID), schemas.Setup{
		ChannelID: p.ChannelID, AddedAt: p.AddedAt, InChannel: p.InChannel, PromptID: p.DeliveryID, IfLinked: true,
	}))
	return []*kgo.Record{processors.Emit(schemas.SetupPrompts.Spec, schemas.TeamChannelKey(p.TeamID, p.ChannelID), value), update}, "", err
}

func emitted(d schemas.Delivery) (*kgo.Record, error) {
	value, err := schemas.DeliveriesSlack.Encode(d)
	if err != nil {
		return nil, err
	}
	return processors.Emit(schemas.DeliveriesSlack.Spec, schemas.SetupKey(d.OrgID, d.RequestID), value), nil
}
