package schemas

import (
	"go/ast"
	"go/parser"
	"go/token"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// Every declared reason is explained once, and nothing else is: the table becomes the reference and the console's words.
func TestReasonsCoverTheEnum(t *testing.T) {
	declared := declaredReasons(t)
	if len(declared) < 25 {
		t.Fatalf("found %d declared reasons: the test does not see them", len(declared))
	}
	explained := map[Reason]bool{}
	label := regexp.MustCompile(`^[a-z]+(_[a-z]+)*$`)
	for _, r := range Reasons {
		if explained[r.Reason] {
			t.Errorf("%s is explained twice", r.Reason)
		}
		explained[r.Reason] = true
		if _, ok := declared[r.Reason]; !ok {
			t.Errorf("%s is explained and not declared", r.Reason)
		}
		if !label.MatchString(string(r.Reason)) {
			t.Errorf("%q is no metric label", r.Reason)
		}
		if r.Where != "dropped" && r.Where != "dead letter" && r.Where != "outcome" && r.Where != "held" && r.Where != "coverage" {
			t.Errorf("%s happens in %q", r.Reason, r.Where)
		}
		if !strings.HasSuffix(r.Means, ".") || !strings.HasSuffix(r.Mend, ".") {
			t.Errorf("%s is not explained in sentences: %q %q", r.Reason, r.Means, r.Mend)
		}
		if strings.Contains(r.Means+r.Mend, "|") {
			t.Errorf("%s would break the table of the reference", r.Reason)
		}
	}
	for reason, name := range declared {
		if !explained[reason] {
			t.Errorf("%s (%s) is not explained in Reasons", name, reason)
		}
	}
}

// declaredReasons reads the constants of type Reason from the source: value to name.
func declaredReasons(t *testing.T) map[Reason]string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "reasons.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	declared := map[Reason]string{}
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if id, ok := spec.Type.(*ast.Ident); !ok || id.Name != "Reason" {
			return true
		}
		for i, value := range spec.Values {
			text, err := strconv.Unquote(value.(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			if other, twice := declared[Reason(text)]; twice {
				t.Errorf("%s and %s are the same reason", other, spec.Names[i].Name)
			}
			declared[Reason(text)] = spec.Names[i].Name
		}
		return true
	})
	return declared
}
