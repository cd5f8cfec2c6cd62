package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bigmind/backchannel/schemas/seal"
)

// What cron gives for standard input is a device, and nobody's terminal.
func TestOnTerminal(t *testing.T) {
	nothing, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = nothing.Close() }()
	if onTerminal(nothing) {
		t.Error("somebody is asked who is not there")
	}
}

func TestNamedRoles(t *testing.T) {
	if to, err := named("user:auth0:1"); err != nil || to.UserID != "auth0:1" {
		t.Errorf("%+v, %v", to, err)
	}
	for _, whom := range []string{"boss:usr-ada", "manager:boss:usr-ada"} {
		if _, err := named(whom); err == nil || !strings.Contains(err.Error(), `no role "boss"`) {
			t.Errorf("%s: %v", whom, err)
		}
	}
}

// Keys are rotated from those that the data folder has; where it has none, none are made.
func TestRotateEmbedded(t *testing.T) {
	data := t.TempDir()
	c := settings(t, map[string]string{"embedded": "true", "data": data})
	if err := printKeys(c, seal.AddKey, &bytes.Buffer{}); err == nil {
		t.Error("keys were rotated that are not there")
	}
	if _, err := os.Stat(filepath.Join(data, keysFile)); err == nil {
		t.Error("a key set was made")
	}
	keys, err := seal.NewKeySet()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(data, keysFile), keys, 0o600); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := printKeys(c, seal.AddKey, &out); err != nil || out.Len() <= len(keys) {
		t.Errorf("%v, %d bytes", err, out.Len())
	}
}

// A command's help is of the command; the program's has the settings.
func TestHelp(t *testing.T) {
	for of, settings := range map[string]bool{"install-link": false, "": true} {
		root := rootCommand()
		var out bytes.Buffer
		root.SetOut(&out)
		root.SetArgs(append(strings.Fields(of), "--help"))
		if err := root.Execute(); err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(out.String(), "--clickhouse-batch"); got != settings {
			t.Errorf("%q: the settings are listed: %v", of, got)
		}
	}
}
