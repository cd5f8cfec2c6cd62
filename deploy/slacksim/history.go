package slacksim

import "slices"

var (
	historyArgs = argSpec{
		"channel": argString, "cursor": argString, "inclusive": argBool, "latest": argString, "limit": argNumber, "oldest": argString, "include_all_metadata": argBool,
	}
	repliesArgs = argSpec{
		"channel": argString, "cursor": argString, "inclusive": argBool, "latest": argString, "limit": argNumber, "oldest": argString, "ts": argString, "include_all_metadata": argBool,
	}
)

// unlistedPage is how many messages an app gets at once that is distributed commercially outside the Marketplace, at most and by
// default; it gets them once a minute (docs.slack.dev/changelog, 2025-05-29).
const unlistedPage = 15

func historyScope(kind string) string { return historyAudience[kind].scope }

// span is the part of a channel that a call asks for. Its bounds are exclusive unless inclusive is said, which counts only with one
// of them.
type span struct {
	oldest, latest TS
	inclusive      bool
}

func (c *call) span() (span, error) {
	s := span{oldest: TS(c.args.str("oldest")), latest: TS(c.args.str("latest")), inclusive: c.args.flag("inclusive")}
	if s.oldest == "0" {
		s.oldest = ""
	}
	for name, ts := range map[string]*TS{"oldest": &s.oldest, "latest": &s.latest} {
		if *ts == "" || *ts == "now" {
			*ts = ""
			continue
		}
		micros, err := ts.Micros()
		if err != nil {
			return s, fail("invalid_ts_" + name)
		}
		*ts = formatTS(int64(micros)) // Slack takes 1512085950 for 1512085950.000000
	}
	return s, nil
}

func (s span) has(ts TS) bool {
	if s.oldest != "" && (olderTS(ts, s.oldest) || ts == s.oldest && !s.inclusive) {
		return false
	}
	return s.latest == "" || olderTS(ts, s.latest) || ts == s.latest && s.inclusive
}

// conversing checks that the bot may read the channel that a call names, within the rate of its class.
func (c *call) conversing() (*channel, int, error) {
	ch, err := c.readable(historyScope)
	if err != nil {
		return nil, 0, err
	}
	if !ch.has(c.in.BotUserID) {
		return nil, 0, fail("not_in_channel")
	}
	if c.app.Unlisted && !c.in.Exempt {
		limit, err := c.args.number("limit")
		if err != nil {
			return nil, 0, err
		}
		if limit == 0 {
			limit = unlistedPage
		}
		return ch, min(limit, unlistedPage), nil
	}
	most, otherwise := 999, 100
	if c.method == "conversations.replies" {
		most, otherwise = 1000, 1000
	}
	limit, err := c.limitOf(otherwise, most)
	return ch, limit, err
}

// conversationsHistory answers conversations.history: newest first, without replies but those that were broadcast. With oldest
// alone it begins with those closest to oldest.
func conversationsHistory(c *call) (response, error) {
	ch, limit, err := c.conversing()
	if err != nil {
		return nil, err
	}
	s, err := c.span()
	if err != nil {
		return nil, err
	}
	from, err := c.readCursor("next_ts")
	if err != nil {
		return nil, err
	}
	forward := s.oldest != "" && s.latest == ""
	page, next := ch.stretch(s, TS(from), c.pageSize(limit, from), forward)
	messages := make([]*wireMessage, 0, len(page))
	for _, m := range page {
		messages = append(messages, c.shownMessage(ch, m))
	}
	return c.turned(response{"messages": messages, "pin_count": 0, "channel_actions_ts": nil, "channel_actions_count": 0}, next), nil
}

// turned is a page of history or replies. Its end says nothing of a cursor, unless Settings.CursorEnd has it otherwise.
func (c *call) turned(out response, next TS) response {
	more := next != ""
	if more || c.settings.CursorEnd != "" || c.args.has("cursor") {
		out = c.ended(out, "next_ts", string(next))
		cursor, _ := metadata(out)["next_cursor"].(string)
		more = cursor != "" // a fault may give the same page again
	}
	if !more && c.settings.CursorEnd == "" {
		delete(out, "response_metadata")
	}
	out["has_more"] = more
	return out
}

// stretch walks a channel from where a page begins until it is full, and returns it newest first, with the ts that comes next.
func (ch *channel) stretch(s span, from TS, limit int, forward bool) (page []*message, next TS) {
	step, i := -1, len(ch.messages)-1
	switch {
	case forward && from != "":
		step, i = 1, ch.position(from)
	case forward:
		step, i = 1, ch.position(s.oldest)
	case from != "":
		i = ch.after(from) - 1
	case s.latest != "":
		i = ch.after(s.latest) - 1
	}
	for ; i >= 0 && i < len(ch.messages); i += step {
		m := ch.messages[i]
		if !forward && s.oldest != "" && olderTS(m.TS, s.oldest) {
			break
		}
		if !s.has(m.TS) || !m.inHistory() {
			continue
		}
		if len(page) == limit {
			next = m.TS
			break
		}
		page = append(page, m)
	}
	if forward {
		slices.Reverse(page)
	}
	return page, next
}

// after is the position behind the message with this ts.
func (ch *channel) after(ts TS) int {
	i := ch.position(ts)
	if i < len(ch.messages) && ch.messages[i].TS == ts {
		i++
	}
	return i
}

// inHistory: it stands in the channel, also as the tombstone over its replies.
func (m *message) inHistory() bool {
	return (!m.Deleted || m.tombstone()) && (!m.isReply() || m.Broadcast)
}

// conversationsReplies answers conversations.replies: the root, on each page, then its replies, oldest first.
func conversationsReplies(c *call) (response, error) {
	ch, limit, err := c.conversing()
	if err != nil {
		return nil, err
	}
	s, err := c.span()
	if err != nil {
		return nil, err
	}
	from, err := c.readCursor("next_ts")
	if err != nil {
		return nil, err
	}
	root := ch.message(TS(c.args.str("ts")))
	if root == nil || root.Deleted && !root.tombstone() {
		return nil, fail("thread_not_found")
	}
	messages := []*wireMessage{c.shownMessage(ch, root)}
	next, room := TS(""), c.pageSize(max(1, limit-1), from)
	for _, ts := range root.Replies {
		if from != "" && olderTS(ts, TS(from)) || !s.has(ts) {
			continue
		}
		if len(messages) > room {
			next = ts
			break
		}
		messages = append(messages, c.shownMessage(ch, ch.message(ts)))
	}
	return c.turned(response{"messages": messages}, next), nil
}

// shownMessage is a message as both show it: metadata only to who asks, threads as they stand.
func (c *call) shownMessage(ch *channel, m *message) *wireMessage {
	w := c.state.wire(c.team, ch, m)
	if c.args.flag("include_all_metadata") && !m.Deleted {
		w.Metadata = m.Metadata
	}
	return w
}
