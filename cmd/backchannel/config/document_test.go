package config

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// document is where SREs look settings up. It must name every one, as it is.
const document = "../../../deploy/README.md"

func TestEverySettingIsDocumented(t *testing.T) {
	content, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]bool{}
	for line := range strings.Lines(string(content)) {
		rows[strings.TrimSpace(line)] = true
	}
	for _, s := range Settings {
		if row := documented(s); !rows[row] {
			t.Errorf("deploy/README.md, 'Configuration reference', lacks the row\n%s", row)
		}
	}
}

func TestNoSettingIsDocumentedThatIsGone(t *testing.T) {
	content, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(string(content), "\n## Configuration reference\n")
	if !found {
		t.Fatal("deploy/README.md has no section 'Configuration reference'")
	}
	section, _, _ = strings.Cut(section, "\n## ")
	known := map[string]bool{}
	for _, s := range Settings {
		known[documented(s)] = true
	}
	for line := range strings.Lines(section) {
		if strings.HasPrefix(line, "| `") && !known[strings.TrimSpace(line)] {
			t.Errorf("deploy/README.md documents what is not a setting, or not in this form:\n%s", line)
		}
	}
}

// documented is a setting's row.
func documented(s Setting) string {
	preset, help := "–", s.Help
	if s.Default != "" {
		preset = "`" + s.Default + "`"
	}
	if s.Secret {
		help += ". Secret"
	}
	return fmt.Sprintf("| `%s` | %s | %s |", s.Name, preset, help)
}
