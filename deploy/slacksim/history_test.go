package slacksim_test

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/slack-go/slack"

	"github.com/bigmind/backchannel/deploy/slacksim"
)

// talked is a channel with ten messages, of which the third has two replies and a broadcast; m holds their ts.
func talked(t *testing.T, w *world) (m []string, replies []string) {
	t.Helper()
	ctx := t.Context()
	for i := range 10 {
		m = append(m, string(must(w.Say(ctx, w.team.ID, w.channel.ID, w.ada.ID, fmt.Sprint("m", i)))(t).TS))
	}
	root := slacksim.TS(m[2])
	for i := range 2 {
		replies = append(replies, string(must(w.Reply(ctx, w.team.ID, w.channel.ID, root, w.bob.ID, fmt.Sprint("r", i)))(t).TS))
	}
	replies = append(replies, string(must(w.Broadcast(ctx, w.team.ID, w.channel.ID, root, w.bob.ID, "for all"))(t).TS))
	return m, replies
}

func history(t *testing.T, w *world, p slack.GetConversationHistoryParameters) []string {
	t.Helper()
	p.ChannelID = string(w.channel.ID)
	var got []string
	for {
		page := must(w.api.GetConversationHistoryContext(t.Context(), &p))(t)
		for _, m := range page.Messages {
			got = append(got, m.Timestamp)
		}
		p.Cursor = page.ResponseMetaData.NextCursor
		if p.Cursor == "" {
			if page.HasMore {
				t.Error("has_more without a cursor")
			}
			return got
		}
		if !page.HasMore {
			t.Error("a cursor without has_more")
		}
	}
}

func backwards(list []string) []string {
	out := slices.Clone(list)
	slices.Reverse(out)
	return out
}

// TestHistory: newest first, 'omits replies (broadcasts aside)', 'oldest and latest are exclusive unless inclusive', and with
// oldest alone 'those closest to it' come first.
func TestHistory(t *testing.T) {
	w := newWorld(t, slacksim.Options{Settings: slacksim.Settings{NoRateLimits: true}})
	m, r := talked(t, w)
	all := append(slices.Clone(m), r[2])
	tests := []struct {
		name   string
		params slack.GetConversationHistoryParameters
		want   []string
	}{
		{"all", slack.GetConversationHistoryParameters{}, backwards(all)},
		{"in pages of three", slack.GetConversationHistoryParameters{Limit: 3}, backwards(all)},
		{"between, exclusive", slack.GetConversationHistoryParameters{Oldest: m[3], Latest: m[6]}, []string{m[5], m[4]}},
		{"between, inclusive", slack.GetConversationHistoryParameters{Oldest: m[3], Latest: m[6], Inclusive: true}, []string{m[6], m[5], m[4], m[3]}},
		{"before, in pages", slack.GetConversationHistoryParameters{Latest: m[4], Limit: 2}, []string{m[3], m[2], m[1], m[0]}},
		{"oldest alone begins with the closest", slack.GetConversationHistoryParameters{Oldest: m[0], Limit: 3}, []string{m[3], m[2], m[1], m[6], m[5], m[4], m[9], m[8], m[7], r[2]}},
		{"from nothing", slack.GetConversationHistoryParameters{Oldest: "0", Latest: m[1]}, []string{m[0]}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, history(t, w, tt.params)); diff != "" {
				t.Errorf("want, got:\n%s", diff)
			}
		})
	}
	page := must(w.api.GetConversationHistoryContext(t.Context(), &slack.GetConversationHistoryParameters{ChannelID: string(w.channel.ID)}))(t)
	root := page.Messages[len(page.Messages)-3]
	if root.Timestamp != m[2] || root.ReplyCount != 3 || root.LatestReply != r[2] || !slices.Equal(root.ReplyUsers, []string{string(w.bob.ID)}) {
		t.Errorf("the root says %+v", root.Msg)
	}
}

// TestReplies: 'its own replies page, which is oldest first', the root on each page; a deleted root leaves a tombstone, and without
// replies nothing.
func TestReplies(t *testing.T) {
	w := newWorld(t, slacksim.Options{Settings: slacksim.Settings{NoRateLimits: true}})
	m, r := talked(t, w)
	p := slack.GetConversationRepliesParameters{ChannelID: string(w.channel.ID), Timestamp: m[2], Limit: 2}
	var pages [][]string
	for {
		messages, more, next, err := w.api.GetConversationRepliesContext(t.Context(), &p)
		if err != nil {
			t.Fatal(err)
		}
		var page []string
		for _, msg := range messages {
			page = append(page, msg.Timestamp)
		}
		pages = append(pages, page)
		if p.Cursor = next; !more {
			break
		}
	}
	if diff := cmp.Diff([][]string{{m[2], r[0]}, {m[2], r[1]}, {m[2], r[2]}}, pages); diff != "" {
		t.Errorf("the pages, want, got:\n%s", diff)
	}
	for _, ts := range []string{m[2], m[4]} {
		if err := w.Delete(t.Context(), w.team.ID, w.channel.ID, slacksim.TS(ts)); err != nil {
			t.Fatal(err)
		}
	}
	messages, _, _, err := w.api.GetConversationRepliesContext(t.Context(), &slack.GetConversationRepliesParameters{ChannelID: string(w.channel.ID), Timestamp: m[2]})
	if err != nil || messages[0].SubType != "tombstone" || messages[0].User != "USLACKBOT" || len(messages) != 4 {
		t.Errorf("under a deleted root: %d messages, %v", len(messages), err)
	}
	for _, ts := range []string{m[4], "1.000001"} {
		if _, _, _, err := w.api.GetConversationRepliesContext(t.Context(), &slack.GetConversationRepliesParameters{ChannelID: string(w.channel.ID), Timestamp: ts}); err == nil || err.Error() != "thread_not_found" {
			t.Errorf("a thread that is not there: %v", err)
		}
	}
}

// TestWhoMayReadHistory: private channels that the app is not in do not exist for it; each kind has its scope.
func TestWhoMayReadHistory(t *testing.T) {
	w := newWorld(t, slacksim.Options{Settings: slacksim.Settings{NoRateLimits: true}})
	public := must(w.CreateChannel(t.Context(), w.team.ID, slacksim.Channel{Name: "elsewhere", Members: []slacksim.UserID{w.ada.ID}}))(t)
	private := must(w.CreateChannel(t.Context(), w.team.ID, slacksim.Channel{Name: "secret", IsPrivate: true, Members: []slacksim.UserID{w.ada.ID}}))(t)
	other := must(w.CreateApp(t.Context(), slacksim.App{Name: "Narrow"}))(t)
	narrow := must(w.Install(t.Context(), w.team.ID, slacksim.InstallRequest{App: other.ID, Scopes: []string{"groups:history"}}))(t)
	if err := w.Invite(t.Context(), w.team.ID, w.channel.ID, "", narrow.BotUserID); err != nil {
		t.Fatal(err)
	}
	read := func(api *slack.Client, channel slacksim.ChannelID) error {
		_, err := api.GetConversationHistoryContext(t.Context(), &slack.GetConversationHistoryParameters{ChannelID: string(channel)})
		return err
	}
	for _, tt := range []struct {
		got  error
		want string
	}{{read(w.api, public.ID), "not_in_channel"}, {read(w.api, private.ID), "channel_not_found"}, {read(w.as(narrow.Token), w.channel.ID), "missing_scope"}} {
		if tt.got == nil || tt.got.Error() != tt.want {
			t.Errorf("%v, want %s", tt.got, tt.want)
		}
	}
}

// TestBothHistoryClasses: unlisted commercial apps get '1 request/min, at most (and by default) 15 objects', unless exempt.
func TestBothHistoryClasses(t *testing.T) {
	now := time.Now()
	w := newWorld(t, slacksim.Options{Clock: func() time.Time { return now }})
	for i := range 20 {
		must(w.Say(t.Context(), w.team.ID, w.channel.ID, w.ada.ID, strconv.Itoa(i)))(t)
	}
	read := func() (int, error) {
		page, err := w.api.GetConversationHistoryContext(t.Context(), &slack.GetConversationHistoryParameters{ChannelID: string(w.channel.ID), Limit: 200})
		if err != nil {
			return 0, err
		}
		return len(page.Messages), nil
	}
	if n := must(read())(t); n != 20 {
		t.Errorf("a listed app got %d", n)
	}
	yes := true
	must(w.UpdateApp(t.Context(), w.app.ID, slacksim.AppPatch{Unlisted: &yes}))(t)
	now = now.Add(time.Minute)
	if n := must(read())(t); n != 15 {
		t.Errorf("an unlisted app got %d", n)
	}
	_, err := read()
	if limited, ok := errors.AsType[*slack.RateLimitedError](err); !ok || limited.RetryAfter != time.Minute {
		t.Errorf("again within the minute: %v", err)
	}
	now = now.Add(time.Minute)
	if n := must(read())(t); n != 15 {
		t.Errorf("a minute later it got %d", n)
	}
}

// TestChannelLists: 'conversations.list' in pages that are short or empty before the end, and whose end is empty, null or missing.
func TestChannelLists(t *testing.T) {
	w := newWorld(t, slacksim.Options{Settings: slacksim.Settings{NoRateLimits: true, ShortPages: true, CursorEnd: "varied"}})
	want := []string{"acme-deal", "general"}
	for i := range 25 {
		c := must(w.CreateChannel(t.Context(), w.team.ID, slacksim.Channel{Name: fmt.Sprintf("room-%02d", i), Members: []slacksim.UserID{w.ada.ID}}))(t)
		want = append(want, c.Name)
	}
	must(w.CreateChannel(t.Context(), w.team.ID, slacksim.Channel{Name: "hidden", IsPrivate: true, Members: []slacksim.UserID{w.ada.ID}}))(t)
	mine := must(w.CreateChannel(t.Context(), w.team.ID, slacksim.Channel{Name: "inner", IsPrivate: true, Members: []slacksim.UserID{w.ada.ID, w.install.BotUserID}}))(t)
	want = append(want, mine.Name)
	slices.Sort(want)
	for range 4 {
		var got []string
		empty, p := 0, slack.GetConversationsParameters{Types: []string{"public_channel", "private_channel"}, Limit: 4}
		for {
			page, next, err := w.api.GetConversationsContext(t.Context(), &p)
			if err != nil {
				t.Fatal(err)
			}
			if len(page) == 0 {
				empty++
			}
			for _, c := range page {
				got = append(got, c.Name)
			}
			if p.Cursor = next; next == "" {
				break
			}
		}
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" || empty == 0 {
			t.Errorf("%d empty pages; want, got:\n%s", empty, diff)
		}
	}
	joined, _, err := w.api.GetConversationsForUserContext(t.Context(), &slack.GetConversationsForUserParameters{Types: []string{"public_channel", "private_channel"}})
	if err != nil || len(joined) != 2 {
		t.Errorf("the bot is in %d channels, %v", len(joined), err)
	}
	members, _, err := w.api.GetUsersInConversationContext(t.Context(), &slack.GetUsersInConversationParameters{ChannelID: string(mine.ID)})
	if err != nil || !slices.Equal(members, []string{string(w.ada.ID), string(w.install.BotUserID)}) {
		t.Errorf("its members are %v, %v", members, err)
	}
}

// TestCursors: they expire, may be repeated, and are good for their own list.
func TestCursors(t *testing.T) {
	now := time.Now()
	w := newWorld(t, slacksim.Options{Clock: func() time.Time { return now }, Settings: slacksim.Settings{NoRateLimits: true, CursorLifeSeconds: 60, LimitRequired: true}})
	list := func(cursor string) (string, error) {
		page, next, err := w.api.GetConversationsContext(t.Context(), &slack.GetConversationsParameters{Limit: 1, Cursor: cursor})
		if err == nil && len(page) != 1 {
			t.Errorf("%d channels", len(page))
		}
		return next, err
	}
	next := must(list(""))(t)
	must(w.AddFault(t.Context(), slacksim.Fault{Kind: slacksim.FaultRepeatCursor, Count: 1}))(t)
	if again := must(list(next))(t); again != next {
		t.Errorf("the cursor %q was not repeated: %q", next, again)
	}
	now = now.Add(time.Minute)
	for cursor, why := range map[string]string{next: "expired", "dXNlcjpVMQ==": "another list's", "!": "no cursor"} {
		if _, err := list(cursor); err == nil || err.Error() != "invalid_cursor" {
			t.Errorf("%s: %v", why, err)
		}
	}
	if _, err := w.api.GetUsersContext(t.Context(), slack.GetUsersOptionLimit(0)); err == nil || !strings.Contains(err.Error(), "limit_required") {
		t.Errorf("users.list without limit: %v", err)
	}
}

// TestLookups: by email, of the team and of a bot; and an app deletes, links to and whispers messages.
func TestLookups(t *testing.T) {
	w := newWorld(t, slacksim.Options{})
	if u, err := w.api.GetUserByEmailContext(t.Context(), "ADA@acme.example"); err != nil || u.ID != string(w.ada.ID) {
		t.Errorf("users.lookupByEmail: %+v, %v", u, err)
	}
	if err := w.Deactivate(t.Context(), w.team.ID, w.ada.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := w.api.GetUserByEmailContext(t.Context(), "ada@acme.example"); err == nil || err.Error() != "users_not_found" {
		t.Errorf("a deactivated person: %v", err)
	}
	if b, err := w.api.GetBotInfoContext(t.Context(), slack.GetBotInfoParameters{Bot: string(w.install.BotID)}); err != nil || b.UserID != string(w.install.BotUserID) {
		t.Errorf("bots.info: %+v, %v", b, err)
	}
	if _, err := w.api.GetTeamInfoContext(t.Context()); err == nil || err.Error() != "missing_scope" {
		t.Errorf("team.info without team:read: %v", err)
	}
	_, ts, err := w.api.PostMessageContext(t.Context(), string(w.channel.ID), slack.MsgOptionText("mine", false))
	if err != nil {
		t.Fatal(err)
	}
	link, err := w.api.GetPermalinkContext(t.Context(), &slack.PermalinkParameters{Channel: string(w.channel.ID), Ts: ts})
	if err != nil || !strings.HasSuffix(link, "/archives/"+string(w.channel.ID)+"/p"+strings.ReplaceAll(ts, ".", "")) {
		t.Errorf("chat.getPermalink: %s, %v", link, err)
	}
	if _, err := w.api.GetPermalinkContext(t.Context(), &slack.PermalinkParameters{Channel: string(w.bob.ID), Ts: ts}); err == nil || err.Error() != "channel_not_found" {
		t.Errorf("chat.getPermalink opens a DM: %v", err)
	}
	if _, err := w.api.PostEphemeralContext(t.Context(), string(w.channel.ID), string(w.bob.ID), slack.MsgOptionText("psst", false)); err != nil {
		t.Errorf("chat.postEphemeral: %v", err)
	}
	theirs := must(w.Say(t.Context(), w.team.ID, w.channel.ID, w.bob.ID, "his"))(t)
	if _, _, err := w.api.DeleteMessageContext(t.Context(), string(w.channel.ID), ts); err != nil {
		t.Errorf("chat.delete: %v", err)
	}
	if _, _, err := w.api.DeleteMessageContext(t.Context(), string(w.channel.ID), string(theirs.TS)); err == nil || err.Error() != "cant_delete_message" {
		t.Errorf("chat.delete of another's: %v", err)
	}
}

// TestShortPagesAreNotTheEnd: 'A short or empty page is not the end; a cursor ends as empty, null or missing', in history and in
// replies too.
func TestShortPagesAreNotTheEnd(t *testing.T) {
	w := newWorld(t, slacksim.Options{Settings: slacksim.Settings{NoRateLimits: true, ShortPages: true, CursorEnd: "varied"}})
	m, r := talked(t, w)
	all := backwards(append(slices.Clone(m), r[2]))
	empty, ends := 0, map[string]bool{}
	read := func(method string, args url.Values) (got []string) {
		for cursor := ""; ; {
			args.Set("cursor", cursor)
			body := w.post(method, formType, w.install.Token, args.Encode()).body
			page, _ := body["messages"].([]any)
			for _, m := range page {
				if ts, _ := at(m, "ts").(string); len(got) == 0 || ts != got[0] { // the root is on each page of replies
					got = append(got, ts)
				}
			}
			if len(page) == 0 || method == "conversations.replies" && len(page) == 1 {
				empty++
			}
			meta, _ := body["response_metadata"].(map[string]any)
			next, there := meta["next_cursor"]
			if cursor, _ = next.(string); cursor == "" {
				ends[fmt.Sprint(next, there)] = true
				return got
			}
		}
	}
	for range 6 {
		if diff := cmp.Diff(all, read("conversations.history", url.Values{"channel": {string(w.channel.ID)}, "limit": {"2"}})); diff != "" {
			t.Fatalf("history, want, got:\n%s", diff)
		}
		want := append([]string{m[2]}, r...)
		if diff := cmp.Diff(want, read("conversations.replies", url.Values{"channel": {string(w.channel.ID)}, "ts": {m[2]}, "limit": {"2"}})); diff != "" {
			t.Fatalf("replies, want, got:\n%s", diff)
		}
		must(w.Say(t.Context(), w.team.ID, w.channel.ID, w.ada.ID, "more"))(t) // moves what 'varied' goes by
		all = append([]string{latest(t, w)}, all...)
	}
	if empty == 0 || len(ends) != 3 {
		t.Errorf("%d empty pages, ends %v; want some, and an empty one, null and none", empty, ends)
	}
}

func latest(t *testing.T, w *world) string {
	t.Helper()
	list := must(w.Messages(t.Context(), w.team.ID, w.channel.ID, slacksim.MessageQuery{}))(t).Messages
	return string(list[len(list)-1].TS)
}

// TestRepeatedHistory: 'a repeated cursor is a loop to break', also where the channel has ended.
func TestRepeatedHistory(t *testing.T) {
	w := newWorld(t, slacksim.Options{Settings: slacksim.Settings{NoRateLimits: true}})
	talked(t, w)
	read := func(cursor string) map[string]any {
		return w.post("conversations.history", formType, w.install.Token, url.Values{"channel": {string(w.channel.ID)}, "limit": {"6"}, "cursor": {cursor}}.Encode()).body
	}
	first, _ := at(read(""), "response_metadata.next_cursor").(string)
	must(w.AddFault(t.Context(), slacksim.Fault{Kind: slacksim.FaultRepeatCursor, Method: "conversations.history", Count: 1}))(t)
	again, last := read(first), read(first)
	if at(again, "response_metadata.next_cursor") != first || again["has_more"] != true || last["has_more"] != false || last["response_metadata"] != nil {
		t.Errorf("the last page, repeated and not: %v, %v", again, last)
	}
}

// TestInclusiveNeedsABound: inclusive 'is ignored without one of them'.
func TestInclusiveNeedsABound(t *testing.T) {
	w := newWorld(t, slacksim.Options{Settings: slacksim.Settings{NoRateLimits: true}})
	talked(t, w)
	plain, inclusive := history(t, w, slack.GetConversationHistoryParameters{}), history(t, w, slack.GetConversationHistoryParameters{Inclusive: true})
	if diff := cmp.Diff(plain, inclusive); diff != "" {
		t.Error(diff)
	}
}
