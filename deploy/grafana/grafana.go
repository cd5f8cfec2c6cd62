// Package grafana reads the dashboards that lie beside it, so that tests can ask what they ask.
package grafana

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Dashboard is what tests look at.
type Dashboard struct {
	File        string `json:"-"`
	UID         string
	Title       string
	Description string
	Tags        []string
	Panels      []Panel
}

// Panel is one of a dashboard.
type Panel struct {
	Type, Title, Description string
	FieldConfig              struct{ Defaults struct{ Unit string } }
	GridPos                  struct{ X, Y, W, H int }
	Targets                  []struct {
		Expr       string // of Prometheus; empty: of another source
		Datasource struct{ Type, UID string }
	}
}

// Dashboards are those in a folder.
func Dashboards(dir string) (all []Dashboard, err error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil {
		return nil, fmt.Errorf("find the dashboards: %w", err)
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("read a dashboard: %w", err)
		}
		d := Dashboard{File: filepath.Base(file)}
		if err := json.Unmarshal(content, &d); err != nil {
			return nil, fmt.Errorf("read %s: %w", file, err)
		}
		all = append(all, d)
	}
	return all, nil
}

// Expressions are what a panel asks of Prometheus, over an interval in place of Grafana's own.
func (p *Panel) Expressions(interval string) (all []string) {
	for _, t := range p.Targets {
		if t.Expr != "" {
			all = append(all, strings.ReplaceAll(t.Expr, "$__rate_interval", interval))
		}
	}
	return all
}
