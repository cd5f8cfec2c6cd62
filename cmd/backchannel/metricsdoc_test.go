package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// clientPrefix is what the Kafka client's own metrics begin with; they are documented together.
const clientPrefix = "backchannel_kafka"

// TestEveryMetricIsDocumented compares the names that the code declares with those in deploy/README.md, both ways.
func TestEveryMetricIsDocumented(t *testing.T) {
	declared := metricNames(t, "../..")
	if len(declared) < 10 {
		t.Fatalf("found only %d metrics in the code: does the test still know how they are declared?", len(declared))
	}
	content, err := os.ReadFile("../../deploy/README.md")
	if err != nil {
		t.Fatal(err)
	}
	documented := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^\| `+"`"+`(backchannel_\w+)`+"`").FindAllStringSubmatch(string(content), -1) {
		documented[m[1]] = true
		if !declared[m[1]] {
			t.Errorf("deploy/README.md documents %s, which the code does not have", m[1])
		}
	}
	for name := range declared {
		if !documented[name] {
			t.Errorf("deploy/README.md, 'Metrics reference', lacks %s", name)
		}
	}
	for _, mentioned := range regexp.MustCompile(`backchannel_[a-z]+_\w+`).FindAllString(string(content), -1) {
		if !declared[mentioned] && !strings.HasPrefix(mentioned, clientPrefix) {
			t.Errorf("deploy/README.md mentions %s, which the code does not have", mentioned)
		}
	}
}

// metricNames collects the names of metrics: the field Name of a prometheus Opts literal.
func metricNames(t *testing.T, root string) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			field, ok := n.(*ast.KeyValueExpr)
			if !ok {
				return true
			}
			key, isName := field.Key.(*ast.Ident)
			value, isText := field.Value.(*ast.BasicLit)
			if !isName || !isText || key.Name != "Name" || value.Kind != token.STRING {
				return true
			}
			if name, err := strconv.Unquote(value.Value); err == nil && strings.HasPrefix(name, "backchannel_") {
				names[name] = true
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}
