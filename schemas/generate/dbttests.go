package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bigmind/backchannel/schemas"
)

// dbtTest is a generic test of dbt: its name, and what it is given.
type dbtTest map[string]dbtProperties

type dbtProperties struct {
	Name      string       `yaml:"name,omitempty"`
	Arguments dbtArguments `yaml:"arguments,omitempty"`
	Config    dbtConfig    `yaml:"config,omitempty"`
}

type dbtArguments struct {
	ColumnName string `yaml:"column_name,omitempty"` // of a table's test: an expression
	Values     []any  `yaml:"values,omitempty,flow"`
	Quote      *bool  `yaml:"quote,omitempty"`
}

type dbtConfig struct {
	Where    string `yaml:"where,omitempty"`
	Severity string `yaml:"severity,omitempty"`
}

// merged makes a test read a table as it is now; of a view it is not needed.
const merged = " SETTINGS final = 1"

// database is the name that a project gives as a variable.
const database = "{{ var('backchannel_database', 'backchannel') }}"

// message is the key of a message.
var message = []string{"org_id", "team_id", "channel_id", "ts"}

// keys are the columns that tell the rows of a view apart. A table has its sorting key.
var keys = map[string][]string{
	"account_activity":     {"org_id", "account_id", "day"},
	"conversations":        message,
	"current_associations": {"team_id", "channel_id"},
	"customer_messages":    message,
	"freshness":            message,
	"message_versions":     append(slices.Clone(message), "number"),
	"sync_deliveries":      {"org_id", "team_id", "channel_id"},
	"threads":              {"org_id", "team_id", "channel_id", "root_ts"},
}

// untested is what is read through views that have tests: each test would read all of it.
var untested = map[string]bool{"messages": true}

// keyless have no columns that tell their rows apart, but what rules says.
var keyless = map[string]bool{"association_periods": true, "people": true, "retention_log": true}

// mayBeEmpty are columns of keys, and organizations, that say something by being empty.
var mayBeEmpty = map[string]bool{
	"channel_associations.org_id": true, "retention_log.org_id": true,
	"notification_log.recipient": true, "notification_log.channel": true,
	"notification_outcomes.delivery_id": true, "notification_outcomes.channel": true,
}

// filled are columns beside the key that are never empty.
var filled = map[string][]string{
	"association_periods":  {"team_id", "channel_id", "account_id"},
	"conversations":        {"account_id"},
	"current_associations": {"account_id"},
	"customer_messages":    {"account_id"},
	"message_versions":     {"account_id"},
	"threads":              {"account_id"},
	"notification_log":     {"status"},
}

// accepted are the values of columns that have few.
var accepted = map[string][]any{
	"conversations.source":         {"live", "history"},
	"freshness.how":                {"live", "late", "repaired", "backfilled"},
	"sync_coverage.status":         {"backfilling", "complete", "stopped"},
	"notification_log.status":      {"delivered", "suppressed", "expired", "failed"},
	"notification_outcomes.status": {"delivered", "suppressed", "expired", "failed"},
}

// rule is an expression of which a test says that no two rows have the same (unique), or that it is so (not_null of what is NULL otherwise).
type rule struct{ table, name, test, expression string }

var rules = []rule{
	{"association_periods", "has_one_association_of_a_channel_now", "unique", "if(valid_to IS NULL, concat(team_id, '/', channel_id), NULL)"},
	{"association_periods", "ends_after_it_began", "not_null", "if(valid_to < valid_from, NULL, 1)"},
	{"people", "has_each_person_once", "unique", "concat(org_id, '/', if(slack_user_id = '', user_id, concat(team_id, '/', slack_user_id)))"},
	{"people", "has_an_id_of_each_person", "not_null", "if(user_id = '' AND slack_user_id = '', NULL, 1)"},
	{"message_versions", "has_one_current_wording", "unique", "if(is_current = 1, " + id(message) + ", NULL)"},
	{"account_activity", "adds_up", "not_null", "if(answered + unanswered = external_messages AND external_messages <= messages AND messages > 0, 1, NULL)"},
	{"customer_messages", "is_answered_afterwards", "not_null", "if(waited_secs < 0 OR (waited_secs IS NULL) != (answered_at IS NULL), NULL, 1)"},
	{"threads", "is_answered_afterwards", "not_null", "if(first_response_secs < 0 OR (first_response_secs IS NULL) != (first_response_at IS NULL) OR root_deleted = 1 AND first_response_at IS NOT NULL, NULL, 1)"},
}

// mention is of what must be in another table, by the same columns unless there says otherwise. It is asked for in a set, which takes less memory than the join of
// dbt's relationships, and may have several columns.
type mention struct {
	table, name, when string // when: which rows mention something
	columns           []string
	to                string
	there             []string
	severity          string // warn: it may be so for reasons of others
}

var mentions = []mention{
	{table: "conversations", name: "has_its_association", columns: []string{"org_id", "team_id", "channel_id", "account_id"}, to: "current_associations"},
	{table: "conversations", name: "is_in_message_versions", columns: message, to: "message_versions"},
	{table: "conversations", name: "is_in_freshness", columns: message, to: "freshness"},
	{table: "conversations", name: "is_in_account_activity", columns: []string{"org_id", "account_id", "toDate(ts_time)"}, to: "account_activity", there: []string{"org_id", "account_id", "day"}},
	{table: "conversations", name: "of_customers_is_in_customer_messages", when: "is_external = 1", columns: message, to: "customer_messages"},
	{table: "conversations", name: "replies_are_in_threads", when: "is_reply = 1", columns: keys["threads"], to: "threads"},
	{table: "conversations", name: "authors_are_in_people", when: "author_user_id != ''", columns: []string{"org_id", "author_user_id"}, to: "people", there: []string{"org_id", "user_id"}},
	{table: "customer_messages", name: "is_in_conversations", columns: message, to: "conversations"},
	{table: "message_versions", name: "is_in_conversations", columns: message, to: "conversations"},
	{table: "threads", name: "is_in_conversations", columns: keys["threads"], to: "conversations"},
	{table: "account_activity", name: "is_in_conversations", columns: []string{"org_id", "account_id", "day"}, to: "conversations", there: []string{"org_id", "account_id", "toDate(ts_time)"}},
	{table: "current_associations", name: "is_in_association_periods", columns: []string{"org_id", "team_id", "channel_id", "account_id"}, to: "association_periods"},
	{table: "current_associations", name: "has_its_account", columns: []string{"org_id", "account_id"}, to: "accounts" + merged, severity: "warn"},
	{table: "deals", name: "has_its_account", when: "account_id != ''", columns: []string{"org_id", "account_id"}, to: "accounts" + merged, severity: "warn"},
	{table: "notification_outcomes", name: "is_in_notification_log", columns: []string{"org_id", "request_id"}, to: "notification_log" + merged},
}

// missing is the condition that a row mentions what is not there.
func (m mention) missing() string {
	there := m.columns
	if m.there != nil {
		there = m.there
	}
	condition := "(" + strings.Join(m.columns, ", ") + ") NOT IN (SELECT " + strings.Join(there, ", ") + " FROM " + database + "." + m.to + ")"
	if m.when != "" {
		condition = m.when + " AND " + condition
	}
	return condition
}

// id joins the columns of a key into one value.
func id(columns []string) string { return "concat(" + strings.Join(columns, ", '/', ") + ")" }

// tableTests are the tests of more than one column.
func tableTests(t schemas.Table) ([]dbtTest, error) {
	if untested[t.Name] {
		return nil, nil
	}
	read := ""
	if t.Kind == schemas.IsTable {
		read = merged
	}
	var tests []dbtTest
	add := func(test, name string, p dbtProperties) {
		p.Name = t.Name + "_" + name
		if p.Config.Where == "" && read != "" {
			p.Config.Where = "1" + read
		}
		tests = append(tests, dbtTest{test: p})
	}
	key := keys[t.Name]
	if t.Kind == schemas.IsTable && !keyless[t.Name] {
		key = strings.Split(t.Key, ", ")
	}
	if len(key) == 0 && !keyless[t.Name] {
		return nil, fmt.Errorf("%s: dbttests.go does not know its key", t.Name)
	}
	if len(key) > 0 {
		add("unique", "has_each_once", dbtProperties{Arguments: dbtArguments{ColumnName: id(key)}})
	}
	if empty := emptiness(t, key); empty != "" {
		add("not_null", "has_ids", dbtProperties{Arguments: dbtArguments{ColumnName: "if(" + empty + ", NULL, 1)"}})
	}
	for _, r := range rules {
		if r.table == t.Name {
			add(r.test, r.name, dbtProperties{Arguments: dbtArguments{ColumnName: r.expression}})
		}
	}
	for _, m := range mentions {
		if m.table == t.Name {
			add("not_null", m.name, dbtProperties{Arguments: dbtArguments{ColumnName: "NULL"}, Config: dbtConfig{Where: m.missing() + read, Severity: m.severity}})
		}
	}
	return tests, nil
}

// emptiness is the condition that an id of a row is empty.
func emptiness(t schemas.Table, key []string) string {
	columns := slices.Concat([]string{"org_id"}, key, filled[t.Name])
	var empty []string
	for i, name := range columns {
		at := slices.IndexFunc(t.Columns, func(c schemas.Column) bool { return c.Name == name })
		if at >= 0 && strings.Contains(t.Columns[at].Type, "String") && !mayBeEmpty[t.Name+"."+name] && !slices.Contains(columns[:i], name) {
			empty = append(empty, name+" = ''")
		}
	}
	return strings.Join(empty, " OR ")
}

// columnTests are the tests of the values of a column.
func columnTests(t schemas.Table, c schemas.Column) []dbtTest {
	values, quote := accepted[t.Name+"."+c.Name], (*bool)(nil)
	if values == nil && c.Type == "UInt8" && c.Name != "is_deleted" { // merged rows are not
		values, quote = []any{0, 1}, new(bool)
	}
	if values == nil || untested[t.Name] {
		return nil
	}
	p := dbtProperties{Arguments: dbtArguments{Values: values, Quote: quote}}
	if t.Kind == schemas.IsTable {
		p.Config.Where = "1" + merged
	}
	return []dbtTest{{"accepted_values": p}}
}
