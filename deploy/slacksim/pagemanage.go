package slacksim

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// manageForm changes the workspace itself: who is in it, its channels, and who is in those. went is where it leads.
func (s *Simulator) manageForm(id TeamID, f url.Values) (went string, known bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, err := s.team(id)
	if err != nil {
		return "", true, err
	}
	user, member := UserID(f.Get("as")), UserID(f.Get("member"))
	switch f.Get("do") {
	case "add-person":
		_, err = s.createPerson(t, newcomer(f))
	case "deactivate", "reactivate":
		gone := f.Get("do") == "deactivate"
		_, err = s.updatePerson(t, member, PersonPatch{Deleted: &gone})
	case "set-email":
		email := strings.TrimSpace(f.Get("email"))
		_, err = s.updatePerson(t, member, PersonPatch{Email: &email})
	case "add-channel":
		var c Channel
		c, err = s.createChannel(t, Channel{Name: strings.TrimSpace(f.Get("name")), IsPrivate: f.Get("private") != "", Creator: user, Members: []UserID{user}})
		went = string(c.ID)
	default:
		known, err = s.channelForm(t, f, user, member)
		return "", known, err
	}
	return went, true, err
}

// newcomer is the person whom a form describes.
func newcomer(f url.Values) Person {
	name := strings.TrimSpace(f.Get("name"))
	return Person{
		RealName: name, Name: slug(name), Email: strings.TrimSpace(f.Get("email")), IsRestricted: f.Get("kind") == "guest",
		IsUltraRestricted: f.Get("kind") == "single-channel guest",
	}
}

func (s *Simulator) channelForm(t *team, f url.Values, user, member UserID) (known bool, err error) {
	do, id := f.Get("do"), ChannelID(f.Get("channel"))
	if !slices.Contains([]string{"add-member", "remove-member", "rename", "archive", "unarchive"}, do) {
		return false, nil
	}
	c, err := s.channel(t, id)
	if err != nil {
		return true, err
	}
	switch do {
	case "add-member":
		err = s.addMember(t, c, member, user)
	case "remove-member":
		err = s.removeMember(t, c, member, user)
	case "rename":
		name := strings.TrimSpace(f.Get("name"))
		_, err = s.updateChannel(t, id, ChannelPatch{Name: &name, Actor: user})
	default:
		archived := do == "archive"
		_, err = s.updateChannel(t, id, ChannelPatch{Archived: &archived, Actor: user})
	}
	return true, err
}

// addMembers lists who is in the open channel, and who could be added to it, apps too.
func (v *view) addMembers(t *team, c *channel) {
	if c == nil || c.IsIM || c.IsMPIM {
		return
	}
	for _, p := range t.people() {
		listed := listedPerson{Person: p, Name: t.userName(p.ID)}
		switch {
		case c.has(p.ID):
			v.Inside = append(v.Inside, listed)
		case !p.Deleted:
			v.Outside = append(v.Outside, listed)
		}
	}
}

// pagePath is where a form leads: the channel that it made, the one it was sent from, or the list of people.
func pagePath(r *http.Request, team TeamID, made string) string {
	path := "/t/" + string(team)
	switch channel := r.PostForm.Get("channel"); {
	case made != "":
		return path + "/c/" + made
	case channel != "":
		return path + "/c/" + channel
	case r.PostForm.Get("page") == "people":
		return path + "/people"
	}
	return path
}
