// Package declared reads from the source which metrics the program has: what documents, rules and dashboards are held against.
package declared

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Prefix is what the name of every metric of the program begins with. Those of the Kafka client begin with ClientPrefix; they are declared by
// franz-go's kprom, not here.
const (
	Prefix       = "backchannel_"
	ClientPrefix = Prefix + "kafka_"
)

// Metric is one metric, as the code declares it.
type Metric struct {
	Name   string
	Kind   string // counter, gauge or histogram
	Labels []string
	Help   string
	Native bool   // a histogram that is native too
	File   string // where, from root
}

// Metrics are those declared below a folder, sorted by name: literals of prometheus.CounterOpts, GaugeOpts and HistogramOpts. What cannot be read
// without running the program is an error: a name, a help text or labels that are no literals.
func Metrics(root string) ([]Metric, error) {
	var all []Metric
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "node_modules" || path != root && strings.HasPrefix(d.Name(), ".")):
			return filepath.SkipDir
		case d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		found, err := inFile(path)
		if err != nil {
			return err
		}
		for i := range found {
			if found[i].File, err = filepath.Rel(root, path); err != nil {
				return fmt.Errorf("name %s: %w", path, err)
			}
		}
		all = append(all, found...)
		return nil
	})
	slices.SortFunc(all, func(a, b Metric) int { return strings.Compare(a.Name, b.Name) })
	return all, err
}

var kinds = map[string]string{"CounterOpts": "counter", "GaugeOpts": "gauge", "HistogramOpts": "histogram"}

func inFile(path string) (found []Metric, err error) {
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
	if err != nil {
		return nil, fmt.Errorf("parse: %w", err)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		call, isCall := n.(*ast.CallExpr)
		if !isCall || len(call.Args) == 0 {
			return true
		}
		opts, isOpts := call.Args[0].(*ast.CompositeLit)
		if !isOpts || kinds[selected(opts.Type)] == "" {
			return true
		}
		m, bad := read(opts)
		if bad == nil && len(call.Args) > 1 {
			if labels, ok := call.Args[1].(*ast.CompositeLit); ok {
				var more []string
				more, bad = texts(labels.Elts)
				m.Labels = append(m.Labels, more...)
			}
		}
		if bad != nil {
			err = fmt.Errorf("%s: a metric whose %w", path, bad)
		}
		found = append(found, m)
		return true
	})
	return found, err
}

// selected is the name behind the dot of prometheus.CounterOpts.
func selected(e ast.Expr) string {
	if s, ok := e.(*ast.SelectorExpr); ok {
		return s.Sel.Name
	}
	return ""
}

func read(opts *ast.CompositeLit) (m Metric, err error) {
	m.Kind = kinds[selected(opts.Type)]
	for _, e := range opts.Elts {
		field, ok := e.(*ast.KeyValueExpr)
		if !ok {
			continue
		}
		key, _ := field.Key.(*ast.Ident)
		switch key.Name {
		case "Name":
			m.Name, err = text(field.Value)
		case "Help":
			m.Help, err = text(field.Value)
		case "NativeHistogramBucketFactor":
			m.Native = true
		case "ConstLabels":
			if labels, ok := field.Value.(*ast.CompositeLit); ok {
				for _, e := range labels.Elts {
					if kv, ok := e.(*ast.KeyValueExpr); ok {
						label, bad := text(kv.Key)
						m.Labels, err = append(m.Labels, label), bad
					}
				}
			}
		}
		if err != nil {
			return m, err
		}
	}
	return m, nil
}

func texts(list []ast.Expr) (all []string, err error) {
	for _, e := range list {
		t, err := text(e)
		if err != nil {
			return nil, err
		}
		all = append(all, t)
	}
	return all, nil
}

// text is a literal, or several that are added.
func text(e ast.Expr) (string, error) {
	switch e := e.(type) {
	case *ast.BasicLit:
		return strconv.Unquote(e.Value)
	case *ast.BinaryExpr:
		left, err := text(e.X)
		if err != nil {
			return "", err
		}
		right, err := text(e.Y)
		return left + right, err
	}
	return "", errors.New("name, help and labels are no literals")
}
