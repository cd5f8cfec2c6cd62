package conversation

import (
	"slices"
	"unicode/utf8"

	"github.com/bigmind/backchannel/ingest/conversation"
	"github.com/bigmind/backchannel/schemas"
)

// pack puts whole threads into a page, the newest first, while the budget lasts. A thread that alone is over it, which only the first of a page may be, gives its
// newest messages, and the next page goes on in it. More says that there are older threads than these.
func pack(threads []thread, said map[id]found, q conversation.Query, more bool) conversation.Page {
	var page conversation.Page
	left := q.Budget
	for _, t := range threads {
		one, size, cut := fill(t, said, q.Budget)
		if (cut || size > left) && len(page.Threads) > 0 {
			more = true
			break
		}
		if len(one.Messages) > 0 { // else what was in it has been deleted
			page.Threads = append(page.Threads, one)
		}
		left -= size
		page.Next = &conversation.Cursor{Account: q.Account, Since: micros(q.Since), Until: micros(q.Until), Last: t.last.UnixMicro(), Team: one.TeamID, Channel: one.ChannelID, Root: one.RootTS}
		if cut {
			page.Next.Within, more = one.Messages[0].TS, true
			break
		}
	}
	if !more {
		page.Next = nil
	}
	slices.Reverse(page.Threads)
	return page
}

// fill is the thread, or as many of its newest messages as the budget has room for, and what they take of it.
func fill(t thread, said map[id]found, budget int) (one conversation.Thread, size int, cut bool) {
	one = conversation.Thread{TeamID: schemas.TeamID(t.team), ChannelID: schemas.ChannelID(t.channel), RootTS: schemas.TS(t.root), LastActivity: t.last}
	for _, ts := range t.ts {
		m, ok := said[id{t.team, t.channel, ts}]
		if !ok {
			continue
		}
		takes := m.Characters
		if takes > budget {
			takes -= utf8.RuneCountInString(m.Text)
			m.Text, m.TooLong = "", true
		}
		if size+takes > budget && len(one.Messages) > 0 {
			cut = true
			break
		}
		size += takes
		one.ChannelName, one.DealID, one.DealName = m.channel, schemas.DealID(m.deal), m.dealName
		one.Messages = append(one.Messages, m.Message)
	}
	cut = cut || t.earlier && len(one.Messages) > 0
	one.Earlier = cut
	slices.Reverse(one.Messages)
	return one, size, cut
}

// characters is what a message takes of a budget.
func characters(m *conversation.Message) int {
	n := utf8.RuneCountInString(m.Text) + utf8.RuneCountInString(m.Author) + utf8.RuneCountInString(m.Company)
	for _, name := range m.Files {
		n += utf8.RuneCountInString(name)
	}
	return n
}
