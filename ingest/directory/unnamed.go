package directory

import (
	"context"
	"strings"

	"github.com/slack-go/slack"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/ingest/lists"
	"github.com/bigmind/backchannel/schemas"
)

// namedAtOnce bounds how many channels a round asks for, so that a workspace to whose channels the app was added in bulk does not keep its lists from being read.
const namedAtOnce = 50

// nameChannels asks for each channel that the app was added to since the list was read: member_joined_channel says no name
// (docs.slack.dev/reference/events/member_joined_channel).
func (w *workspace) nameChannels(ctx context.Context) error {
	if len(w.channelTypes()) == 0 {
		return nil
	}
	ours := string(schemas.TeamChannelKey(w.in.TeamID, ""))
	page, err := lists.Find(ctx, w.opts.Redis, lists.Channels(w.in.OrgID), lists.Query{Part: schemas.ListUnnamed, Limit: namedAtOnce, Keep: func(ids []string) ([]bool, error) {
		kept := make([]bool, len(ids))
		for i, id := range ids {
			kept[i] = strings.HasPrefix(id, ours)
		}
		return kept, nil
	}})
	if err != nil {
		return err
	}
	for _, key := range page.IDs {
		_, id := schemas.Key(key).Split()
		records, _, err := w.page(ctx, list{name: "channels", method: "conversations.info", fetch: w.info(id)}, "")
		if code(err) == "channel_not_found" { // the app has left it: an event says so
			continue
		}
		if err == nil && len(records) > 0 {
			err = w.opts.Publisher.Publish(ctx, records...)
		}
		if err != nil {
			return err
		}
		w.records.WithLabelValues("channels").Add(float64(len(records)))
	}
	return nil
}

// info asks for one channel.
func (w *workspace) info(id string) func(context.Context, string) ([]*kgo.Record, string, error) {
	return func(ctx context.Context, _ string) ([]*kgo.Record, string, error) {
		c, err := w.slack.GetConversationInfoContext(ctx, &slack.GetConversationInfoInput{ChannelID: id})
		if err != nil || !c.IsMember {
			return nil, "", err
		}
		rec, err := w.channel(c)
		return []*kgo.Record{rec}, "", err
	}
}
