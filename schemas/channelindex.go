package schemas

import (
	"slices"
	"strings"
)

// The console lists channels and people in pages, filtered, from sorted sets that the views sink keeps for each organization (all with score
// 0, so that Redis orders them by their bytes). A member is an entry, a zero byte, and the record's key. An entry is a letter that says
// which list it is in, for some lists whose (an id and EntryScope), the state by which the list is ordered first, and the folded name:
//
//	*0acme rollout            all channels, here one that is not associated
//	p1acme rollout            private ones, here an associated one
//	s0acme rollout            those that are shared with another company
//	xT0ACME\x01 0acme rollout those that are shared with this one
//	kacc-acme\x01 1acme roll… those of an account
//	w0rollout                 the name from each of its words on: what a search finds
//	?0c0acme                  those of which only the id is known yet, and the app is in
//	*1ada okafor              all people, here one who is matched
const (
	ListAll     = "*"
	ListPrivate = "p"
	ListShared  = "s"
	ListCompany = "x"
	ListAccount = "k"
	ListWord    = "w"
	ListUnnamed = "?"
	// EntryState stands in an entry where its state goes, which the sink knows.
	EntryState = "\x02"
)

// The states by which lists are ordered: what there is something to do about comes first.
const (
	StateOpen  = "0" // a channel that is not associated, a person who is not matched
	StateDone  = "1" // an associated channel, a matched person
	StateEnded = "2" // a person who is disabled
)

// ViewOrgChannelIndex is a sorted set of the organization's channels, as "team/channel".
func ViewOrgChannelIndex(org OrgID) string { return orgKey(org, "channels:index") }

// ViewOrgChannelFacts is a hash by "team/channel" of what the entries of a channel are made of, and ViewOrgChannelLinks of its account.
func ViewOrgChannelFacts(org OrgID) string { return orgKey(org, "channels:facts") }

// ViewOrgChannelLinks is beside ViewOrgChannelFacts.
func ViewOrgChannelLinks(org OrgID) string { return orgKey(org, "channels:links") }

// ViewOrgCompanies is a hash by home team id: a SlackUser of that other company, who has its name.
func ViewOrgCompanies(org OrgID) string { return orgKey(org, "companies") }

// ViewOrgPeopleIndex is a sorted set of the organization's directory users.
func ViewOrgPeopleIndex(org OrgID) string { return orgKey(org, PeopleIndex) }

// What follows ViewOrgBase in the keys of the list of people: hashes by directory user, and by Slack user as "team/user", of what entries are made of.
const (
	PeopleIndex = "people:index"
	PeopleUsers = "people:users"
	PeopleSlack = "people:slack"
)

// ViewOrgSlackIndex is a sorted set of the names of people in the organization's workspaces (search.go), and ViewOrgSlackEntries beside it.
func ViewOrgSlackIndex(org OrgID) string { return orgKey(org, "slackusers:index") }

// ViewOrgSlackEntries is beside ViewOrgSlackIndex.
func ViewOrgSlackEntries(org OrgID) string { return orgKey(org, "slackusers:entries") }

// Title is what people call the channel: its name, else its id.
func (c *SlackChannel) Title() string {
	if strings.TrimSpace(c.Name) == "" {
		return string(c.ChannelID)
	}
	return c.Name
}

// ListFacts are what the sink makes the channel's entries of: whether the app is in it, its folded name, and its entries with EntryState in them,
// each after EntrySeparator.
func (c *SlackChannel) ListFacts() string {
	name := CutEntry(FoldWords(c.Title()))
	entries := []string{ListAll + EntryState + name}
	if c.IsPrivate {
		entries = append(entries, ListPrivate+EntryState+name)
	}
	if c.IsExtShared || len(c.ExternalTeamIDs) > 0 {
		entries = append(entries, ListShared+EntryState+name)
	}
	for _, team := range c.ExternalTeamIDs[:min(len(c.ExternalTeamIDs), maxWords)] {
		entries = append(entries, ListCompany+ListScope(team)+EntryState+name)
	}
	in := "-"
	if c.IsMember {
		in = "m"
		if strings.TrimSpace(c.Name) == "" {
			entries = append(entries, ListUnnamed+EntryState+name)
		}
	}
	return join(in, name, append(entries, wordEntries(c.Title())...))
}

// ListFacts are the same for a directory user: the normal email, whether they are disabled, and their entries.
func (u *DirectoryUser) ListFacts() string {
	title := u.Title()
	entries := append([]string{ListAll + EntryState + CutEntry(FoldWords(title))}, wordEntries(title+" "+u.Email)...)
	state := "-"
	if u.Disabled {
		state = "d"
	}
	return join(plainID(NormalEmail(u.Email)), state, entries)
}

// ListFacts are the same for a Slack user: the normal email, and whether they may be matched.
func (u *SlackUser) ListFacts() string {
	may := "-"
	if u.Matchable() {
		may = "m"
	}
	return join(plainID(NormalEmail(u.Email)), may, nil)
}

// Title is what people call the user: their name, else their email, else their id.
func (u *DirectoryUser) Title() string {
	switch {
	case strings.TrimSpace(u.Name) != "":
		return u.Name
	case u.Email != "":
		return u.Email
	}
	return string(u.UserID)
}

// SearchEntries are the Slack user's, by whose name somebody is guessed whose email does not match: of people of the organization's own.
func (u *SlackUser) SearchEntries() []string {
	if u.IsBot || u.IsExternal || u.Deleted || strings.TrimSpace(u.Name) == "" {
		return nil
	}
	return []string{EntryName + CutEntry(FoldWords(u.Name))}
}

// ListScope is what the entries of a company's, or an account's, channels begin with, after their letter.
func ListScope[ID ~string](id ID) string { return plainID(string(id)) + EntryScope }

// wordEntries are what a search finds: the folded text from each of its words on.
func wordEntries(text string) []string {
	words := FoldWords(text)
	entries := []string{ListWord + EntryState + CutEntry(words)}
	for range maxWords {
		_, rest, more := strings.Cut(words, " ")
		if !more {
			break
		}
		words = rest
		entries = append(entries, ListWord+EntryState+CutEntry(words))
	}
	slices.Sort(entries)
	return slices.Compact(entries)
}

func join(first, second string, entries []string) string {
	return strings.Join(append([]string{first, second}, entries...), EntrySeparator)
}
