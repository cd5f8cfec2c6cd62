package e2e

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/deploy/slacksim"
	"github.com/bigmind/backchannel/schemas"
)

// promptEvents are those that make channels known.
var promptEvents = []string{"member_joined_channel", "member_left_channel", "channel_left", "group_left", "channel_rename", "channel_id_changed"}

// The app is added to channels while everything is killed and Slack sends its events more than once: each addition has one prompt, to
// whoever added it, or in the channel when that is somebody else's app or nobody; a channel that is associated has none. The prompt then says
// what the channel is linked to, after a restart too. Removed and added again, the app asks again.
func TestSetupPrompt(t *testing.T) {
	p := newEmbedded(t)
	process := p.startAll()
	w := p.build(true)
	events := append([]string{"message.channels", "message.groups"}, promptEvents...)
	_, err := p.slack.UpdateApp(t.Context(), w.app.ID, slacksim.AppPatch{Events: &events})
	p.must(err)
	_, err = p.slack.SetSettings(t.Context(), slacksim.Settings{RetryScale: new(0.02), ReplyEvents: true}) // client_msg_id counts: killed between Slack and the ledger, we post again
	p.must(err)
	_, err = p.slack.AddFault(t.Context(), slacksim.Fault{Kind: slacksim.FaultDuplicateEvents, Event: "member_joined_channel"})
	p.must(err)
	channel := func(name string, private bool) slacksim.ChannelID {
		made, err := p.slack.CreateChannel(t.Context(), w.team, slacksim.Channel{Name: name, IsPrivate: private, Members: []slacksim.UserID{w.ada.ID, w.ben.ID}})
		p.must(err)
		return made.ID
	}
	add := func(id slacksim.ChannelID, inviter slacksim.UserID) {
		p.must(p.slack.Invite(t.Context(), w.team, id, inviter, w.install.BotUserID))
	}
	asked, private, alone, associated := channel("asked", false), channel("private", true), channel("alone", false), channel("associated", false)
	p.produce("channel.associations", string(w.team)+"/"+string(associated), object{"org_id": org, "team_id": w.team, "channel_id": associated, "account_id": "acc-acme"})
	p.awaitView(schemas.ViewTeamAssociations(w.team), string(associated))

	add(asked, w.ada.ID)
	add(private, w.ben.ID)
	_, err = p.slack.Idle(t.Context()) // told, and not done
	p.must(err)
	process.Kill()
	process = p.startAll()
	add(alone, "")
	add(associated, w.ada.ID)
	p.awaitPrompts(map[slacksim.ChannelID]string{asked: "to " + string(w.ada.ID), private: "to " + string(w.ben.ID), alone: "in " + string(alone)})

	process.Kill()
	process = p.startAll()
	p.awaitView(schemas.ViewTeamPrompts(w.team), string(asked))
	associate := func(id slacksim.ChannelID, account string) {
		p.produce("channel.associations", string(w.team)+"/"+string(id), object{"org_id": org, "team_id": w.team, "channel_id": id, "account_id": account, "deal_id": "deal-1", "by": w.ada.ID, "source": "slack"})
	}
	associate(asked, "acc-acme")
	associate(alone, "acc-gone")
	p.awaitSaid(asked, "<#"+string(asked)+"> is linked to *Acme Corp*, deal *Renewal*.")
	p.awaitSaid(alone, "<#"+string(alone)+"> is linked to *acc-gone*, an account that is no longer in Bigmind, deal *Renewal*.")
	p.must(p.kafka.ProduceSync(t.Context(), &kgo.Record{Topic: "channel.associations", Key: []byte(string(w.team) + "/" + string(alone))}).FirstErr())
	p.awaitSaid(alone, "<#"+string(alone)+"> is no longer linked to an account. Its messages are not synced.")

	moved, err := p.slack.Identify(t.Context(), w.team, asked, "C0MOVED") // a share was begun: the channel has another id, and its prompt and account go with it
	p.must(err)
	p.awaitSaid(moved.ID, "<#"+string(moved.ID)+"> is linked to *Acme Corp*, deal *Renewal*.")
	p.awaitView(schemas.ViewTeamAssociations(w.team), string(moved.ID))

	p.must(p.slack.Remove(t.Context(), w.team, private, w.install.BotUserID, w.ben.ID))
	eventually(t, within, func() error {
		value, err := p.redis.HGet(t.Context(), schemas.ViewTeamChannels(w.team), string(private)).Result()
		if err == nil && !strings.HasSuffix(value, " ") {
			err = fmt.Errorf("the private channel that we left is %s", value)
		}
		return err
	})
	add(private, w.ada.ID)
	p.awaitPrompts(map[slacksim.ChannelID]string{
		asked: "to " + string(w.ada.ID), alone: "in " + string(alone), private: "to " + string(w.ben.ID) + ", to " + string(w.ada.ID),
	})
	var delivered uint64
	eventually(t, within, func() error {
		err := p.sql([]any{&delivered}, "SELECT uniqExact(request_id) FROM notification_outcomes WHERE type = 'channel_context.setup' AND status = 'delivered'")
		if err == nil && delivered != 4 {
			err = fmt.Errorf("ClickHouse has %d prompts delivered, want 4", delivered)
		}
		return err
	})
	process.Terminate()
	if code := process.Wait(time.Minute); code != 0 {
		t.Errorf("after SIGTERM it drained with exit code %d", code)
	}
	if violations, err := p.slack.Violations(t.Context(), 0); err != nil || len(violations) > 0 {
		t.Errorf("Slack objects: %+v, %v", violations, err)
	}
}

// prompts are the prompts that were posted, by the channel that they are about: to whom, or in which channel.
func (p *pipeline) prompts() (map[slacksim.ChannelID]string, []slacksim.Post) {
	p.t.Helper()
	posts, err := p.slack.Posts(p.t.Context(), slacksim.PostQuery{})
	p.must(err)
	found := map[slacksim.ChannelID][]string{}
	for _, post := range posts.Posts {
		about := aboutChannel(p.t, post)
		if post.Method != "chat.postMessage" || post.Duplicate || about == "" {
			continue
		}
		where := "in " + string(post.Channel)
		if post.Recipient != "" {
			where = "to " + string(post.Recipient)
		}
		found[about] = append(found[about], where)
	}
	all := map[slacksim.ChannelID]string{}
	for id, list := range found {
		all[id] = strings.Join(list, ", ")
	}
	return all, posts.Posts
}

// aboutChannel is the value of a setup prompt's button, empty for any other message.
func aboutChannel(t *testing.T, post slacksim.Post) slacksim.ChannelID {
	t.Helper()
	var blocks []struct {
		ID       string `json:"block_id"`
		Elements []struct {
			Action string             `json:"action_id"`
			Value  slacksim.ChannelID `json:"value"`
		} `json:"elements"`
	}
	if len(post.Blocks) == 0 {
		return ""
	}
	if err := json.Unmarshal(post.Blocks, &blocks); err != nil {
		t.Fatal(err)
	}
	for _, b := range blocks {
		for _, e := range b.Elements {
			if b.ID == schemas.SetupBlock && e.Action == schemas.SetupAction {
				return e.Value
			}
		}
	}
	return ""
}

// awaitPrompts waits until there are as many prompts as wanted and Slack has nothing more to send, and wants no other.
func (p *pipeline) awaitPrompts(want map[slacksim.ChannelID]string) {
	p.t.Helper()
	eventually(p.t, time.Minute, func() error {
		if got, _ := p.prompts(); fmt.Sprint(got) != fmt.Sprint(want) {
			return fmt.Errorf("prompts %v, want %v", got, want)
		}
		return nil
	})
	p.drained()
	if got, _ := p.prompts(); fmt.Sprint(got) != fmt.Sprint(want) {
		p.t.Errorf("in the end there are prompts %v, want %v", got, want)
	}
}

// drained waits until Slack has nothing more to tell, and nothing of what it told is left to be done.
func (p *pipeline) drained() {
	p.t.Helper()
	_, err := p.slack.Idle(p.t.Context())
	p.must(err)
	admin := kadm.NewClient(p.kafka)
	for _, group := range []string{"backchannel-lifecycle", "backchannel-slack", "backchannel-setup", "backchannel-slack"} {
		eventually(p.t, within, func() error {
			lags, err := admin.Lag(p.t.Context(), group)
			if err == nil {
				err = lags.Error()
			}
			if err == nil && lags[group].Lag.Total() > 0 {
				err = fmt.Errorf("%s has %d records to go", group, lags[group].Lag.Total())
			}
			return err
		})
	}
}

// awaitSaid waits until the prompt about a channel says something.
func (p *pipeline) awaitSaid(channel slacksim.ChannelID, want string) {
	p.t.Helper()
	eventually(p.t, within, func() error {
		_, posts := p.prompts()
		for _, post := range slices.Backward(posts) {
			if aboutChannel(p.t, post) == channel {
				if post.Text != want {
					return fmt.Errorf("the prompt of %s says %q, want %q", channel, post.Text, want)
				}
				return nil
			}
		}
		return fmt.Errorf("no prompt of %s", channel)
	})
}
