package apply

import (
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/ClickHouse/clickhouse-go/v2"
)

// macro is the one of Grafana's ClickHouse plugin that the dashboard uses.
var macro = regexp.MustCompile(`\$__timeFilter\((\w+)\)`)

// Every panel of the data team's dashboard asks what there is.
func TestTheDataDashboardAsksWhatThereIs(t *testing.T) {
	opts := options()
	tables(t, opts, false)
	conn, err := clickhouse.Open(opts)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	content, err := os.ReadFile("../grafana/data.json")
	if err != nil {
		t.Fatal(err)
	}
	var dashboard struct {
		Panels []struct {
			Title   string `json:"title"`
			Targets []struct {
				RawSQL string `json:"rawSql"`
			} `json:"targets"`
		} `json:"panels"`
		Templating struct {
			List []struct {
				Type  string `json:"type"`
				Query string `json:"query"`
			} `json:"list"`
		} `json:"templating"`
	}
	if err := json.Unmarshal(content, &dashboard); err != nil || len(dashboard.Panels) == 0 {
		t.Fatalf("%d panels, %v", len(dashboard.Panels), err)
	}
	queries := map[string]string{}
	for _, p := range dashboard.Panels {
		for _, target := range p.Targets {
			queries[p.Title] = target.RawSQL
		}
	}
	for _, v := range dashboard.Templating.List {
		if v.Type == "query" {
			queries["variable"] = v.Query
		}
	}
	for title, sql := range queries {
		if title != "variable" && !strings.Contains(sql, "'${org}'") {
			t.Errorf("%s is not of one organization", title)
		}
		if strings.Contains(sql, "since = ") && !strings.Contains(sql, "since = '${__from:date:seconds}'") {
			t.Errorf("%s reads more than the dashboard's time", title)
		}
		sql = macro.ReplaceAllString(strings.NewReplacer("${org}", "acme", "${__from:date:seconds}", "1795000000").Replace(sql), "$1 > now() - 1")
		rows, err := conn.Query(t.Context(), sql)
		if err != nil {
			t.Errorf("%s: %v", title, err)
			continue
		}
		if err := rows.Close(); err != nil {
			t.Errorf("%s: %v", title, err)
		}
	}
}
