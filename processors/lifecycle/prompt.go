package lifecycle

import (
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/processors"
	"github.com/bigmind/backchannel/schemas"
)

// prompt asks for the account of the channel that the app was added to: a message to whoever added it, else one in the channel. The
// delivery is named for the event, so that an event that comes again asks for nothing more.
//
// Somebody whom the views do not know is written to in the channel: they may be of another company, whom users.list does not have, and
// to whom the bot writes nothing. So is a channel whose inviter came after the last word about people; it is a prompt all the same.
func (e *event) prompt(k known) ([]*kgo.Record, error) {
	if k.association != nil {
		return nil, nil
	}
	setup := schemas.Setup{ChannelID: e.channel, AddedAt: e.at, InChannel: true}
	to := k.inviter
	if to != nil && !to.IsBot && !to.Deleted && !to.IsExternal {
		setup.InChannel = false
	}
	d := schemas.NewSetupDelivery(k.install.OrgID, e.team, schemas.SetupRequestID(e.team, e.channel, e.stamp), "", setup)
	if !setup.InChannel {
		d.SlackUserID = to.UserID
	}
	return delivery(d)
}

// movePrompt carries the prompt of a channel over to its new id. Its button has to name that.
func (e *event) movePrompt(k known, id schemas.ChannelID) ([]*kgo.Record, error) {
	if k.prompt == nil {
		return nil, nil
	}
	moved := *k.prompt
	moved.ChannelID = id
	if moved.PostedIn == e.channel {
		moved.PostedIn = id
	}
	value, err := schemas.SetupPrompts.Encode(moved)
	if err != nil {
		return nil, err
	}
	update, err := delivery(schemas.NewSetupDelivery(moved.OrgID, e.team, moved.RequestID, "id/"+string(id), schemas.Setup{
		ChannelID: id, AddedAt: moved.AddedAt, InChannel: moved.InChannel, PromptID: moved.DeliveryID,
	}))
	return append(update,
		processors.Emit(schemas.SetupPrompts.Spec, schemas.TeamChannelKey(e.team, id), value),
		processors.Emit(schemas.SetupPrompts.Spec, schemas.TeamChannelKey(e.team, e.channel), nil)), err
}

func delivery(d schemas.Delivery) ([]*kgo.Record, error) {
	value, err := schemas.DeliveriesSlack.Encode(d)
	if err != nil {
		return nil, err
	}
	return []*kgo.Record{processors.Emit(schemas.DeliveriesSlack.Spec, schemas.SetupKey(d.OrgID, d.RequestID), value)}, nil
}
