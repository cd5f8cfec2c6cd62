// Package importing loads accounts, deals and people from a file into their topics: CSV with a header, or JSON lines. A file is read and
// checked as a whole before anything is sent, so that every row that is wrong is named at once.
package importing

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/bigmind/backchannel/schemas"
)

// Kind is what a file holds.
type Kind struct {
	Name    string // as the command line has it
	Topic   schemas.Spec
	Columns []Column
	// decode makes a record of a row's JSON object; problems are sentences for whoever wrote the row.
	decode func(org schemas.OrgID, object []byte) (id string, value []byte, problems []string)
}

// Column is a field of the record, in a file's header too.
type Column struct {
	Name     string
	Form     Form
	Required bool
	About    string
}

// Form is how a column is written in CSV.
type Form string

// The forms.
const (
	Text Form = "text"
	List Form = "several, separated by ;"
	Flag Form = "true or false"
	Time Form = "time, as 2026-11-23T09:00:00Z"
)

var updatedAt = Column{"updated_at", Time, false, "when it changed at its source"}

// Kinds are all that can be imported.
var Kinds = []Kind{
	kindOf("accounts", schemas.CRMAccounts, []Column{
		{"account_id", Text, true, "id in the CRM"}, {"name", Text, true, ""}, {"domains", List, false, "internet domains; of an address such as https://www.acme.example/ the domain is taken"},
		{"owner_user_id", Text, false, "user to whom it belongs"}, updatedAt,
	}, func(org schemas.OrgID, a *schemas.Account) (string, []string) {
		problems := same("org_id", &a.OrgID, org)
		problems = append(problems, required("name", a.Name)...)
		for i, d := range a.Domains {
			domain, ok := domainOf(d)
			if !ok {
				problems = append(problems, fmt.Sprintf("domains: %q is no internet domain, such as acme.example", d))
			}
			a.Domains[i] = domain
		}
		return string(a.AccountID), append(problems, ids("account_id", string(a.AccountID), "owner_user_id", string(a.OwnerID))...)
	}),
	kindOf("deals", schemas.CRMDeals, []Column{
		{"deal_id", Text, true, "id in the CRM"}, {"account_id", Text, true, "account to which it belongs"}, {"name", Text, true, ""},
		{"stage", Text, false, ""}, {"owner_user_id", Text, false, "user to whom it belongs; absent: to the account's owner"}, updatedAt,
	}, func(org schemas.OrgID, d *schemas.Deal) (string, []string) {
		problems := append(same("org_id", &d.OrgID, org), required("name", d.Name, "account_id", string(d.AccountID))...)
		return string(d.DealID), append(problems, ids("deal_id", string(d.DealID), "account_id", string(d.AccountID), "owner_user_id", string(d.OwnerID))...)
	}),
	kindOf("users", schemas.DirectoryUsers, []Column{
		{"user_id", Text, true, "id in Bigmind"}, {"email", Text, false, "by which the person is found in Slack"}, {"name", Text, false, ""},
		{"role", Text, false, "owner, admin or member"}, {"manager_id", Text, false, "user who is the manager"}, {"disabled", Flag, false, ""}, updatedAt,
	}, func(org schemas.OrgID, u *schemas.DirectoryUser) (string, []string) {
		problems := same("org_id", &u.OrgID, org)
		if u.Email = strings.TrimSpace(u.Email); u.Email != "" && !isEmail(u.Email) {
			problems = append(problems, fmt.Sprintf("email: %q is no email address", u.Email))
		}
		if u.Role != "" && u.Role != "owner" && u.Role != "admin" && u.Role != "member" {
			problems = append(problems, fmt.Sprintf("role: %q is not owner, admin or member", u.Role))
		}
		return string(u.UserID), append(problems, ids("user_id", string(u.UserID), "manager_id", string(u.ManagerID))...)
	}),
}

// Named finds a kind.
func Named(name string) (Kind, error) {
	var names []string
	for _, k := range Kinds {
		if k.Name == name {
			return k, nil
		}
		names = append(names, k.Name)
	}
	return Kind{}, fmt.Errorf("there is no %q to import; want %s", name, strings.Join(names, ", "))
}

func kindOf[T any](name string, topic schemas.Topic[T], columns []Column, check func(org schemas.OrgID, v *T) (id string, problems []string)) Kind {
	return Kind{Name: name, Topic: topic.Spec, Columns: columns, decode: func(org schemas.OrgID, object []byte) (string, []byte, []string) {
		var v T
		decoder := json.NewDecoder(bytes.NewReader(object))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&v); err != nil {
			return "", nil, []string{decodeProblem(err)}
		}
		if decoder.More() {
			return "", nil, []string{"there is more than one JSON object in the row"}
		}
		id, problems := check(org, &v)
		value, err := topic.Encode(v)
		if err == nil && len(problems) == 0 {
			_, err = topic.Decode(value) // as every reader will
		}
		if err != nil {
			problems = append(problems, err.Error())
		}
		if len(value)+len(id)+len(org)+1 > schemas.MaxRecordBytes {
			problems = append(problems, fmt.Sprintf("the row is longer than a record may be (%d bytes)", schemas.MaxRecordBytes))
		}
		return id, value, problems
	}}
}

func decodeProblem(err error) string {
	if kind, ok := errors.AsType[*json.UnmarshalTypeError](err); ok && kind.Field != "" {
		return fmt.Sprintf("%s: a JSON %s stands where another type belongs", kind.Field, kind.Value)
	}
	if _, ok := errors.AsType[*time.ParseError](err); ok {
		return "updated_at: want a time such as 2026-11-23T09:00:00Z"
	}
	if field, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		return "there is no field " + field
	}
	return "the row is not a JSON object"
}

// same fills an id in, or says that a row is another organization's.
func same(field string, id *schemas.OrgID, org schemas.OrgID) []string {
	if *id != "" && *id != org {
		return []string{fmt.Sprintf("%s: the row is of %q, and %q is imported", field, *id, org)}
	}
	*id = org
	return nil
}

// required takes name, value pairs and names the empty ones.
func required(pairs ...string) (problems []string) {
	for i := 0; i < len(pairs); i += 2 {
		if strings.TrimSpace(pairs[i+1]) == "" {
			problems = append(problems, pairs[i]+" is missing")
		}
	}
	return problems
}

// ids takes name, value pairs and says what is no id: keys are ids joined by '/'. The first is the record's own.
func ids(pairs ...string) (problems []string) {
	if pairs[1] == "" {
		problems = append(problems, pairs[0]+" is missing")
	}
	for i := 0; i < len(pairs); i += 2 {
		if strings.ContainsFunc(pairs[i+1], func(r rune) bool { return r == '/' || unicode.IsControl(r) }) || strings.TrimSpace(pairs[i+1]) != pairs[i+1] {
			problems = append(problems, fmt.Sprintf("%s: %q is no id: no / and no control characters may be in it, and no spaces around it", pairs[i], pairs[i+1]))
		}
	}
	return problems
}
