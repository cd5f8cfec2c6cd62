package demo

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/bigmind/backchannel/deploy/slacksim"
)

// People talk a lot at first, about 50 changes a second over all channels, and then calmly: fewer threads a minute than Slack lets one read again,
// so that whoever looks around for long does not wait long at the end.
const (
	busyFor    = time.Minute
	busyEvery  = 20 * time.Millisecond
	calmlyThen = time.Second
)

var phrases = []string{
	"Morning! Did the import finish overnight?",
	"Yes, 2.4 million rows, no rejects :tada:",
	"We need SSO before legal signs. Is that on your side or ours?",
	"Our security team asks for the SOC 2 report &amp; the pen test summary",
	"Can we move the go-live to the 14th? Marketing wants the announcement first.",
	"The dashboard shows `NaN` for Q3 &lt;- known issue?",
	"Fixed in 4.12, rolling out this afternoon",
	"価格の見積もりを送ってください 🙏",
	"Budget is approved: 250 seats from January",
	"Could you join the steering committee on Thursday?",
	"Here is the checklist: https://northwind.example/checklist",
	"Blocked by our firewall, need the IP ranges",
}

// asks is what a customer says, in the channel that is shared with them.
var asks = []string{
	"When will the SSO renewal be ready?",
	"Can you send the checklist?",
	"Our renewal is due in January; who signs on your side?",
	"Thanks!",
}

// speaker is who says something in a channel, and what: in the shared one it is the customer, one time in three.
func (w *world) speaker(random *rand.Rand, c slacksim.ChannelID) (slacksim.TeamID, slacksim.UserID, string) {
	if c == w.channels[0].ID && random.IntN(3) == 0 {
		return w.customer.ID, w.guests[random.IntN(len(w.guests))].ID, asks[random.IntN(len(asks))]
	}
	return w.team.ID, w.people[random.IntN(len(w.people)-1)].ID, phrases[random.IntN(len(phrases))] // the last one is deactivated
}

// withholdOneIn is how many of the messages, edits and deletions that stand in an associated channel have no event, as Slack loses some. Answers in
// threads have theirs: to find one, its thread has to be read, of which Slack allows 50 a minute.
const withholdOneIn = 25

// withhold lets the next event of a channel be lost.
func (r *run) withhold(ctx context.Context, c slacksim.ChannelID) error {
	_, err := r.Slack.AddFault(ctx, slacksim.Fault{Kind: slacksim.FaultWithholdEvents, Event: "message", Channel: c, Count: 1})
	return err
}

// spoken is a message that can be answered, edited or deleted later.
type spoken struct {
	channel slacksim.ChannelID
	ts      slacksim.TS
}

// talk lets people talk, answer in threads, edit, delete, and Slack do its own: unfurl links, announce topics.
func (r *run) talk(ctx context.Context) error {
	random := rand.New(rand.NewPCG(r.Seed, 1)) //nolint:gosec // a script, not a secret
	var said []spoken
	n := 0
	act := func() error {
		n++
		c := r.world.channels[random.IntN(len(r.world.channels))]
		dice := random.IntN(100)
		if len(said) == 0 {
			dice = 0
		}
		var m slacksim.Message
		var err error
		i := random.IntN(max(len(said), 1))
		where := c.ID
		if dice >= 55 && dice < 93 {
			where = said[i].channel
		}
		team, who, text := r.world.speaker(random, where)
		text = fmt.Sprintf("%s (%d)", text, n)
		lost := r.lost(random, dice, c, said, i)
		if lost != "" {
			if err := r.withhold(ctx, lost); err != nil {
				return fmt.Errorf("act in the simulated workspace: %w", err)
			}
		}
		switch {
		case dice < 55:
			began := time.Now()
			if m, err = r.Slack.Say(ctx, team, c.ID, who, text); err == nil && c.account != "" && lost == "" {
				r.measure(m, began)
			}
		case dice < 75:
			m, err = r.Slack.Reply(ctx, team, said[i].channel, said[i].ts, who, text)
		case dice < 78:
			m, err = r.Slack.Broadcast(ctx, team, said[i].channel, said[i].ts, who, text)
		case dice < 88:
			_, err = r.Slack.Edit(ctx, r.world.team.ID, said[i].channel, said[i].ts, text+" — edited")
		case dice < 93:
			if m := r.looked.Load(); m != nil && *m == (measured{said[i].channel, said[i].ts, m.began}) {
				return nil // it would never be found
			}
			err = r.Slack.Delete(ctx, r.world.team.ID, said[i].channel, said[i].ts)
			said[i] = said[len(said)-1]
			said = said[:len(said)-1]
		case dice < 96:
			_, err = r.Slack.Unfurl(ctx, r.world.team.ID, said[i].channel, said[i].ts, slacksim.Unfurl{URL: "https://northwind.example/checklist", Title: "Checklist"})
		case dice < 98:
			m, err = r.Slack.BotMessage(ctx, r.world.team.ID, c.ID, "ci-bot", "Build "+text)
		default:
			_, err = r.Slack.ServiceMessage(ctx, team, c.ID, "pinned_item", who, "pinned a message to this channel.")
		}
		if err != nil {
			return fmt.Errorf("act in the simulated workspace: %w", err)
		}
		if m.TS != "" && m.ThreadTS == "" && m.BotID == "" {
			said = append(said, spoken{m.Channel, m.TS})
		}
		return nil
	}
	busy, end := context.WithTimeout(ctx, busyFor)
	defer end()
	if err := pace(busy, busyEvery, act); err != nil {
		return err
	}
	return pace(ctx, calmlyThen, act)
}

// lost says in which channel the event of what comes next is to be lost, if it is.
func (r *run) lost(random *rand.Rand, dice int, next channel, said []spoken, i int) slacksim.ChannelID {
	if random.IntN(withholdOneIn) > 0 {
		return ""
	}
	switch {
	case dice < 55 && next.account != "":
		return next.ID
	case dice >= 78 && dice < 93 && r.world.associated(said[i].channel):
		return said[i].channel
	}
	return ""
}
