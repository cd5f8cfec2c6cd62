package slacksim

import (
	"slices"
	"strings"
)

// The commands of this file and the next make workspaces as the control API asks. They hold mu.

func (s *Simulator) team(id TeamID) (*team, error) {
	if t := s.state.teams[id]; t != nil {
		return t, nil
	}
	return nil, missing("there is no workspace %q; POST /control/teams makes one", id)
}

func (s *Simulator) createTeam(t Team) (Team, error) {
	if t.ID == "" {
		t.ID = TeamID(newID("T"))
	}
	if s.state.teams[t.ID] != nil {
		return t, refuse("there is a workspace %s already", t.ID)
	}
	if t.Name == "" {
		return t, refuse("name is missing: give the workspace's name, such as Acme")
	}
	if t.Enterprise != nil && t.Enterprise.ID == "" {
		return t, refuse("enterprise.id is missing: give one such as E0123456789, or leave enterprise out")
	}
	if t.Domain == "" {
		t.Domain = slug(t.Name)
	}
	t.Created = s.now().Unix()
	if err := s.commit(change{Team: &t}); err != nil {
		return t, err
	}
	return t, s.commit(change{Channel: &channelMade{Team: t.ID, Channel: Channel{
		ID: ChannelID(newID("C")), Name: "general", IsGeneral: true, Created: t.Created, Updated: t.Created * 1000,
	}}})
}

// slug makes a name that fits a domain, a login or a channel.
func slug(name string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(name) {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			b.WriteRune(r)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
	}
	if s := strings.Trim(b.String(), "-"); s != "" {
		return s
	}
	return "workspace"
}

func (s *Simulator) person(t *team, id UserID) (*Person, error) {
	if p := t.users[id]; p != nil {
		return p, nil
	}
	return nil, missing("workspace %s has no member %q", t.ID, id)
}

func (s *Simulator) createPerson(t *team, p Person) (Person, error) {
	if p.ID == "" {
		p.ID = t.newUserID()
	}
	if t.users[p.ID] != nil {
		return p, refuse("workspace %s has a member %s already; PATCH it to change it", t.ID, p.ID)
	}
	if p.Name == "" && p.RealName == "" {
		return p, refuse("name is missing: give the person's login, such as ada, or real_name")
	}
	return s.putPerson(t, p)
}

// newUserID begins with U, or with W for whom an Enterprise Grid organization has made (docs.slack.dev/enterprise).
func (t *team) newUserID() UserID {
	if t.Enterprise != nil {
		return UserID(newID("W"))
	}
	return UserID(newID("U"))
}

func (s *Simulator) putPerson(t *team, p Person) (Person, error) {
	if p.Name == "" {
		p.Name = slug(p.RealName)
	}
	if p.RealName == "" {
		p.RealName = p.Name
	}
	if p.TZ == "" {
		p.TZ = "Etc/UTC"
	}
	if p.Email != "" && !strings.Contains(p.Email, "@") {
		return p, refuse("email %q has no @; leave it out for a person without one", p.Email)
	}
	p.Updated = s.now().Unix()
	return p, s.commit(change{Person: &personChange{Team: t.ID, Person: p}})
}

// PersonPatch changes what it names.
type PersonPatch struct {
	Name              *string `json:"name,omitempty"`
	RealName          *string `json:"real_name,omitempty"`
	DisplayName       *string `json:"display_name,omitempty"`
	Email             *string `json:"email,omitempty"`
	Title             *string `json:"title,omitempty"`
	TZ                *string `json:"tz,omitempty"`
	IsRestricted      *bool   `json:"is_restricted,omitempty"`
	IsUltraRestricted *bool   `json:"is_ultra_restricted,omitempty"`
	// Deleted true deactivates, false reactivates.
	Deleted *bool `json:"deleted,omitempty"`
}

func (s *Simulator) updatePerson(t *team, id UserID, patch PersonPatch) (Person, error) {
	old, err := s.person(t, id)
	if err != nil {
		return Person{}, err
	}
	p := *old
	set(&p.Name, patch.Name)
	set(&p.RealName, patch.RealName)
	set(&p.DisplayName, patch.DisplayName)
	set(&p.Email, patch.Email)
	set(&p.Title, patch.Title)
	set(&p.TZ, patch.TZ)
	set(&p.IsRestricted, patch.IsRestricted)
	set(&p.IsUltraRestricted, patch.IsUltraRestricted)
	set(&p.Deleted, patch.Deleted)
	return s.putPerson(t, p)
}

func set[T any](field *T, value *T) {
	if value != nil {
		*field = *value
	}
}

func (t *team) people() []Person {
	out := make([]Person, 0, len(t.userOrder))
	for _, id := range t.userOrder {
		out = append(out, *t.users[id])
	}
	return out
}

func (t *team) channelList() []Channel {
	out := make([]Channel, 0, len(t.channelOrder))
	for _, id := range t.channelOrder {
		c := t.channels[id].Channel
		c.Members = slices.Clone(c.Members)
		out = append(out, c)
	}
	return out
}
