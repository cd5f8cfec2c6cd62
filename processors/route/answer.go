package route

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash/maphash"
	"strings"

	"github.com/bigmind/backchannel/schemas"
)

// answer is what the script said, as far as it was not read yet. What is read aliases it.
type answer struct {
	rest  string
	wrong bool
}

// number reads digits up to a colon.
func (a *answer) number() int {
	n := 0
	for i := range len(a.rest) {
		switch c := a.rest[i]; {
		case c == ':' && i > 0:
			a.rest = a.rest[i+1:]
			return n
		case c < '0' || c > '9' || i > 9:
			a.fail()
			return 0
		default:
			n = 10*n + int(c-'0')
		}
	}
	a.fail()
	return 0
}

func (a *answer) text() string {
	n := a.number()
	if n > len(a.rest) {
		a.fail()
		return ""
	}
	s := a.rest[:n]
	a.rest = a.rest[n:]
	return s
}

// count is the number of what comes next, of which each takes two bytes at least.
func (a *answer) count() int {
	n := a.number()
	if n > len(a.rest)/2 {
		a.fail()
		return 0
	}
	return n
}

func (a *answer) fail() { a.rest, a.wrong = "", true }

// texts copies a list, to be kept longer than the answer.
func (a *answer) texts() []string {
	n := a.count()
	if n == 0 {
		return nil
	}
	all := make([]string, n)
	for i := range all {
		all[i] = strings.Clone(a.text())
	}
	return all
}

// end says whether all was read, and was as it should be.
func (a *answer) end() error {
	if a.wrong || a.rest != "" {
		return errors.New("the look-up script answered in another shape")
	}
	return nil
}

// record decodes the next value; nil for what is absent or gone.
func record[T any](a *answer) (*T, error) {
	value := a.text()
	if value == "" {
		return nil, nil
	}
	_, text, err := schemas.ParseViewValue(value)
	if err != nil || text == "" {
		return nil, err
	}
	v := new(T)
	if err := json.Unmarshal([]byte(text), v); err != nil {
		return nil, fmt.Errorf("decode a view value: %w", err)
	}
	return v, nil
}

// records decodes the values of a list, without those that are gone.
func records[T any](a *answer) ([]*T, error) {
	n := a.count()
	if n == 0 {
		return nil, nil
	}
	all := make([]*T, 0, n)
	for range n {
		v, err := record[T](a)
		if err != nil {
			return nil, err
		}
		if v != nil {
			all = append(all, v)
		}
	}
	return all, nil
}

// read fills in the people whom an inquiry asked for.
func (l *lookup) read(in *inquiry) error {
	said, err := in.cmd.Text()
	if err != nil {
		return err
	}
	a := &answer{rest: said}
	org, err := l.org(a.text())
	if err != nil {
		return err
	}
	for _, at := range in.parties {
		party := &l.all[at]
		who, err := l.person(a.text(), party, in.org)
		if err != nil {
			return err
		}
		for _, q := range l.of(party) {
			p := &l.answers[q.index]
			p.orgViews, p.individual, p.tally = org, &who.individual, &who.tally
			if p.kind, err = l.kind(a.text()); err != nil {
				return err
			}
			p.sent.org, p.sent.person = a.number(), a.counted(&who.individual, q.request.Recipient)
			p.done = a.texts()
		}
	}
	return a.end()
}

// counted is how many the person got: of those who have or had an email the one who is meant, or else whoever it is whose email it is.
func (a *answer) counted(who *individual, to schemas.Recipient) (sent int) {
	n := a.count()
	meant := n - 1
	if to.UserID == "" && who.user != nil {
		meant = who.nth
	}
	for i := range n {
		if one := a.number(); i == meant {
			sent = one
		}
	}
	return sent
}

func (l *lookup) kind(value string) (*schemas.OrgType, error) {
	if value == "" {
		return nil, nil
	}
	return l.types.Decode(value)
}

// org is what is known of an organization.
func (l *lookup) org(said string) (*orgViews, error) {
	if org, known := l.orgs[said]; known {
		return org, nil
	}
	org, err := readOrg(said)
	if err != nil {
		return nil, err
	}
	if l.orgs == nil || len(l.orgs) >= mostRemembered {
		l.orgs = map[string]*orgViews{}
	}
	l.orgs[strings.Clone(said)] = org
	return org, nil
}

func readOrg(said string) (*orgViews, error) {
	a := &answer{rest: said}
	org := &orgViews{known: a.number() > 0, active: make(map[schemas.TeamID]*schemas.Installation)}
	var err1, err2 error
	org.orgWide, err1 = record[schemas.Preferences](a)
	org.settings, err2 = record[schemas.OrgSettings](a)
	installs, err3 := records[schemas.Installation](a)
	for _, in := range installs {
		if in.Validate() == nil && in.Callable() {
			org.active[in.TeamID] = in
		}
	}
	return org, errors.Join(err1, err2, err3, a.end())
}

// person is what is known of somebody.
func (l *lookup) person(said string, asked *party, org schemas.OrgID) (*acquaintance, error) {
	to := asked.request.Recipient
	as := markOf(whom{org, to.UserID, asked.email})*31 + mark(maphash.String(seed, said))
	if one, known := l.people[as]; known {
		return one, nil
	}
	who, err := readPerson(said, to)
	if err != nil {
		return nil, err
	}
	if l.people == nil || len(l.people) >= mostRemembered {
		l.people = map[mark]*acquaintance{}
	}
	one := &acquaintance{individual: *who}
	l.people[as] = one
	return one, nil
}

func readPerson(said string, to schemas.Recipient) (*individual, error) {
	a, who := &answer{rest: said}, &individual{}
	for i := range a.count() {
		u, err1 := record[schemas.DirectoryUser](a)
		own, err2 := record[schemas.Preferences](a)
		if err := errors.Join(err1, err2); err != nil {
			return nil, err
		}
		if u == nil || !named(u, to) || who.user != nil && !before(u, who.user) {
			continue
		}
		if who.user, who.own, who.nth = u, nil, i; own != nil && own.UserID == u.UserID {
			who.own = own
		}
	}
	who.followed = a.texts()
	slack, err := records[schemas.SlackUser](a)
	if err != nil {
		return nil, err
	}
	who.mail = schemas.NormalEmail(to.Email)
	if who.user != nil && who.user.Email != "" {
		who.mail = schemas.NormalEmail(who.user.Email)
	}
	for _, s := range slack {
		if schemas.NormalEmail(s.Email) == who.mail {
			who.slack = append(who.slack, s)
		}
	}
	return who, a.end()
}

// named reports whether a directory user is the one that a recipient names: by id, else by email.
func named(u *schemas.DirectoryUser, to schemas.Recipient) bool {
	if to.UserID != "" {
		return u.UserID == to.UserID
	}
	return schemas.NormalEmail(u.Email) == schemas.NormalEmail(to.Email)
}

// before orders those of one email: enabled ones and lower ids first.
func before(a, b *schemas.DirectoryUser) bool {
	if a.Disabled != b.Disabled {
		return b.Disabled
	}
	return a.UserID < b.UserID
}
