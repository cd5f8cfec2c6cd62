package route

import (
	"errors"

	"github.com/bigmind/backchannel/processors"
	"github.com/bigmind/backchannel/schemas"
)

// answer is what the script said: a flat list, of which the number of what comes next precedes it.
type answer struct {
	values []any
	short  bool
}

func (a *answer) next() any {
	if len(a.values) == 0 {
		a.short = true
		return nil
	}
	v := a.values[0]
	a.values = a.values[1:]
	return v
}

func (a *answer) text() string {
	s, _ := a.next().(string)
	return s
}

func (a *answer) number() int {
	n, _ := a.next().(int64)
	return int(n)
}

func (a *answer) texts() []string {
	n := a.number()
	if n == 0 {
		return nil
	}
	all := make([]string, n)
	for i := range all {
		all[i] = a.text()
	}
	return all
}

// record decodes the next value; nil for what is absent or gone.
func record[T any](a *answer, memo *processors.Memo[T]) (*T, error) {
	value := a.text()
	if value == "" {
		return nil, nil
	}
	return memo.Decode(value)
}

// records decodes the values of a list, without those that are gone.
func records[T any](a *answer, memo *processors.Memo[T]) ([]*T, error) {
	n := a.number()
	if n == 0 {
		return nil, nil
	}
	all := make([]*T, 0, n)
	for range n {
		v, err := record(a, memo)
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
func (l *lookup) read(q *inquiry, people []person) error {
	values, err := q.cmd.Slice()
	if err != nil {
		return err
	}
	a := &answer{values: values}
	org, err := l.readOrg(a)
	if err != nil {
		return err
	}
	for some := range q.byPerson() {
		who, err := l.readPerson(a, some[0].request.Recipient)
		if err != nil {
			return err
		}
		for i := range some {
			p := person{orgViews: org, individual: who}
			if p.kind, err = record(a, &l.types); err != nil {
				return err
			}
			p.sent.org, p.sent.person = a.number(), a.number()
			p.done = a.texts()
			people[some[i].index] = p
		}
	}
	if a.short || len(a.values) > 0 {
		return errors.New("the look-up script answered in another shape")
	}
	return nil
}

func (l *lookup) readOrg(a *answer) (*orgViews, error) {
	org := &orgViews{known: a.number() > 0, active: make(map[schemas.TeamID]*schemas.Installation)}
	var err1, err2 error
	org.orgWide, err1 = record(a, &l.choices)
	org.settings, err2 = record(a, &l.settings)
	installs, err3 := records(a, &l.installs)
	for _, in := range installs {
		if in.Validate() == nil && in.Callable() {
			org.active[in.TeamID] = in
		}
	}
	return org, errors.Join(err1, err2, err3)
}

func (l *lookup) readPerson(a *answer, to schemas.Recipient) (*individual, error) {
	who := &individual{}
	for range a.number() {
		u, err := record(a, &l.users)
		if err != nil {
			return nil, err
		}
		own, err := record(a, &l.choices)
		if err != nil {
			return nil, err
		}
		if u == nil || !named(u, to) || who.user != nil && !before(u, who.user) {
			continue
		}
		if who.user, who.own = u, nil; own != nil && own.UserID == u.UserID {
			who.own = own
		}
	}
	who.followed = a.texts()
	slack, err := records(a, &l.slack)
	if err != nil {
		return nil, err
	}
	email := who.email(to)
	for _, s := range slack {
		if schemas.NormalEmail(s.Email) == email {
			who.slack = append(who.slack, s)
		}
	}
	return who, nil
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

// email is the person's address: the directory's, else the request's.
func (who *individual) email(to schemas.Recipient) string {
	if who.user != nil && who.user.Email != "" {
		return schemas.NormalEmail(who.user.Email)
	}
	return schemas.NormalEmail(to.Email)
}
