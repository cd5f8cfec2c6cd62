package declared

import (
	"fmt"
	"strings"
)

// Page is the reference of all metrics, in Markdown.
func Page(all []Metric) string {
	var b strings.Builder
	b.WriteString(`# Metrics

<!-- Generated from the code by 'make generate'. To change a line, change the metric's Help. -->

Served at ` + "`/metrics`" + `, and by one rule:

- ` + "`backchannel_<tier>_<what>_<unit>`" + `, in base units (seconds, records, bytes), counters with ` + "`_total`" + `. What concerns the whole process has no tier.
- Labels are bounded: components, topics, Slack's methods, results and [reasons](../schemas/REFERENCE.md#reasons). Never an organization, a person, a channel or a message.
- Histograms have buckets, and are native histograms as well for a Prometheus that asks for them.
- Whatever the Go runtime and the process tell is there too (` + "`go_*`, `process_*`" + `), and the Kafka clients' own metrics, ` + "`" + ClientPrefix + "*`" + ` by ` + "`client_id`" + `:
  connects, disconnects, bytes read and written, records and bytes produced, fetched and buffered, by ` + "`node_id`" + ` and ` + "`topic`" + `.

`)
	for _, scope := range scopes {
		fmt.Fprintf(&b, "## %s\n\n| metric | kind | labels | what |\n|---|---|---|---|\n", scope.title)
		for _, m := range all {
			if scopeOf(m.Name).title == scope.title {
				fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", m.Name, m.Kind, labels(m.Labels), strings.ReplaceAll(m.Help, "|", `\|`))
			}
		}
		b.WriteString("\n")
	}
	return strings.TrimSuffix(b.String(), "\n")
}

type scope struct{ prefix, title string }

var scopes = []scope{
	{Prefix + "ingest_", "Ingest"}, {Prefix + "processors_", "Processors"}, {Prefix + "sinks_", "Sinks"},
	{Prefix + "slack_", "Slack's Web API"}, {Prefix + "probe_", "The standing probe"}, {Prefix, "The process and its engines"},
}

func scopeOf(name string) scope {
	for _, s := range scopes {
		if strings.HasPrefix(name, s.prefix) {
			return s
		}
	}
	return scope{}
}

func labels(names []string) string {
	if len(names) == 0 {
		return "–"
	}
	return "`" + strings.Join(names, "`, `") + "`"
}
