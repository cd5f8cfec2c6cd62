package schemas

import (
	"fmt"
	"regexp"
	"strings"
)

// On a cluster each node has all of the small tables, replicated between all of them, and of the big ones its shard: what a view joins is on the node that
// reads the messages. The shard follows from org_id, so that everything of an organization is on one. A big table is messages_local, and so is each view that reads
// one: conversations_local; under the plain name stands a Distributed table over all shards. So writers and readers use the same names as on a single server.

// sharded are the big tables.
var sharded = map[string]bool{"messages": true, "message_origins": true, "message_texts": true, "notification_outcomes": true, "notification_log": true}

var (
	engine    = regexp.MustCompile(`(?m)^ENGINE = (\w*MergeTree)(?:\(([^)]*)\))?`)
	reference = regexp.MustCompile(`\b(FROM|JOIN|TO) (\w+)`)
	heading   = regexp.MustCompile(`^(CREATE (?:OR REPLACE )?(?:TABLE|VIEW|MATERIALIZED VIEW) (?:IF NOT EXISTS )?)(\w+)`)
	alter     = regexp.MustCompile(`^(ALTER TABLE )(\w+)`)
)

// nodesOwn is what a Distributed table has not.
var nodesOwn = regexp.MustCompile(` (INDEX|DELETE|MODIFY SETTING) `)

// Cluster rewrites statements for a cluster, which ClickHouse knows under Name. Statements have to come in the order of the migrations.
type Cluster struct {
	Name  string
	local map[string]bool // big tables, and views that read them
}

// Statements is what to run in place of a statement of a migration.
func (c *Cluster) Statements(statement string) []string {
	if c.local == nil {
		c.local = map[string]bool{}
		for t := range sharded {
			c.local[t] = true
		}
	}
	s := Uncommented(statement)
	if m := heading.FindStringSubmatch(s); m != nil {
		return c.create(s, m[2])
	}
	if m := alter.FindStringSubmatch(s); m != nil {
		return c.alter(s, m[2])
	}
	return []string{s} // an insert: it goes through the Distributed tables
}

func (c *Cluster) on() string { return " ON CLUSTER " + SQLName(c.Name) }

func (c *Cluster) create(s, object string) []string {
	_, isTable := engineOf(s)
	big := sharded[object]
	feed := strings.HasPrefix(s, "CREATE MATERIALIZED")
	if !isTable && !param.MatchString(s) { // a view with parameters reads the Distributed tables
		for _, m := range reference.FindAllStringSubmatch(s, -1) {
			big = big || c.local[m[2]]
		}
		if big {
			s = reference.ReplaceAllStringFunc(s, c.localize)
		}
	}
	stored := object
	if big && !feed {
		c.local[object], stored = true, object+"_local"
	}
	s = heading.ReplaceAllString(s, "${1}"+stored+c.on())
	if isTable {
		s = engine.ReplaceAllStringFunc(s, func(e string) string { return replicated(e, stored, big) })
	}
	if stored == object {
		return []string{s}
	}
	key := ""
	if isTable {
		key = ", cityHash64(org_id)"
	}
	said := ""
	if m := comment.FindStringSubmatch(s); m != nil {
		said = " COMMENT '" + m[1] + "'"
	}
	return []string{s, fmt.Sprintf("CREATE OR REPLACE TABLE %s%s AS %s ENGINE = Distributed(%s, currentDatabase(), %s%s)%s", object, c.on(), stored, SQLName(c.Name), stored, key, said)}
}

// localize makes a reference one to what the node itself has.
func (c *Cluster) localize(ref string) string {
	if m := reference.FindStringSubmatch(ref); c.local[m[2]] {
		return m[1] + " " + m[2] + "_local"
	}
	return ref
}

// alter changes what the nodes have; columns and comments, also of the Distributed table; and what a feed selects.
func (c *Cluster) alter(s, object string) []string {
	if strings.Contains(s, " MODIFY QUERY\n") { // of a feed, which reads what the node has
		s = reference.ReplaceAllStringFunc(s, c.localize)
	}
	plain := alter.ReplaceAllString(s, "${1}"+object+c.on())
	if !c.local[object] {
		return []string{plain}
	}
	all := []string{alter.ReplaceAllString(s, "${1}"+object+"_local"+c.on())}
	if !nodesOwn.MatchString(s) {
		all = append(all, plain)
	}
	return all
}

func engineOf(s string) (string, bool) {
	m := engine.FindStringSubmatch(s)
	if m == nil {
		return "", false
	}
	return m[1], true
}

// replicated is an engine with its replicas: of a big table those of a shard, of a small one all nodes.
func replicated(e, table string, big bool) string {
	m := engine.FindStringSubmatch(e)
	where, who := "all", "{shard}-{replica}"
	if big {
		where, who = "{shard}", "{replica}"
	}
	args := fmt.Sprintf("'/clickhouse/tables/%s/{database}/%s', '%s'", where, table, who)
	if m[2] != "" {
		args += ", " + m[2]
	}
	return "ENGINE = Replicated" + m[1] + "(" + args + ")"
}

// ClusterTables are Tables as they are on a cluster: with what stands behind the Distributed ones.
func ClusterTables(cluster string) ([]Table, error) {
	all, err := Tables()
	if err != nil {
		return nil, err
	}
	steps, err := Migrations()
	if err != nil {
		return nil, err
	}
	c := Cluster{Name: cluster}
	for _, step := range steps {
		for _, s := range step.Statements {
			c.Statements(s)
		}
	}
	for _, t := range all {
		if c.local[t.Name] && t.Kind != IsFeed {
			t.Name += "_local"
			all = append(all, t)
		}
	}
	return all, nil
}
