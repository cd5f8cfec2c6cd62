package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/cmd/backchannel/importing"
)

// importer runs imports against a broker.
type importer struct {
	t    *testing.T
	args []string
}

func newImporter(t *testing.T) *importer {
	t.Helper()
	broker, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "crm.accounts", "crm.deals", "directory.users"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(broker.Close)
	return &importer{t: t, args: []string{"--kafka-brokers", strings.Join(broker.ListenAddrs(), ",")}}
}

// run imports a file of some content, and returns what was printed and the exit code.
func (i *importer) run(kind, content string, args ...string) (out string, code int, err error) {
	i.t.Helper()
	path := filepath.Join(i.t.TempDir(), "file.csv")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		i.t.Fatal(err)
	}
	out, err = execute(i.t, "", append(append([]string{"import", kind, path, "--org", "acme"}, args...), i.args...)...)
	var coded exitError
	if errors.As(err, &coded) {
		code = coded.code
	} else if err != nil {
		code = 1
	}
	return out, code, err
}

// topic is what a topic has of an organization.
func (i *importer) topic(name string) map[string][]byte {
	i.t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(i.args[1]), kgo.KeepControlRecords())
	if err != nil {
		i.t.Fatal(err)
	}
	defer client.Close()
	state, err := importing.State(i.t.Context(), client, name, "acme")
	if err != nil {
		i.t.Fatal(err)
	}
	return state
}

func TestImport(t *testing.T) {
	i := newImporter(t)
	var b strings.Builder
	b.WriteString("account_id,name,domains\n")
	for n := range 5000 {
		fmt.Fprintf(&b, "a%d,Account %d,a%d.example\n", n, n, n)
	}
	all := b.String()
	if out, code, err := i.run("accounts", all, "--dry-run"); code != 0 || !strings.Contains(out, "5000 new") || !strings.Contains(out, "nothing was sent") || len(i.topic("crm.accounts")) != 0 {
		t.Fatalf("dry run: %d %v\n%s", code, err, out)
	}
	if out, code, err := i.run("accounts", all); code != 0 || out != "accounts of acme: 5000 new, 0 changed, 0 unchanged, 0 deleted\n" {
		t.Fatalf("%d %v\n%s", code, err, out)
	}
	if got := i.topic("crm.accounts"); len(got) != 5000 || string(got["a7"]) != `{"org_id":"acme","account_id":"a7","name":"Account 7","domains":["a7.example"]}` {
		t.Errorf("%d accounts, a7 is %s", len(got), got["a7"])
	}
	changed := strings.Replace(all, "a7,Account 7", "a7,Account Seven", 1)
	if out, code, err := i.run("accounts", changed); code != 0 || out != "accounts of acme: 0 new, 1 changed, 4999 unchanged, 0 deleted\n" {
		t.Errorf("again: %d %v\n%s", code, err, out)
	}
}

// Of a row that is wrong nothing is sent; the others are, and the exit code says so.
func TestImportWithBadRows(t *testing.T) {
	i := newImporter(t)
	_, code, err := i.run("users", "user_id,email\nu1,ada@acme.example\nu2,nobody\nu3,ben@acme.example\n")
	if code != exitBadRows || !strings.Contains(err.Error(), "1 row has errors") || len(i.topic("directory.users")) != 2 {
		t.Errorf("%d %v, %d users", code, err, len(i.topic("directory.users")))
	}
	_, code, err = i.run("users", "user_id,email\nu1,ada@acme.example\nu2,nobody\n", "--replace", "--delete", "1")
	if code != exitBadRows || !strings.Contains(err.Error(), "nothing is sent") || len(i.topic("directory.users")) != 2 {
		t.Errorf("with --replace: %d %v", code, err)
	}
}

// --replace deletes what the file lacks, and only as many as were named; another organization is not touched.
func TestReplace(t *testing.T) {
	i := newImporter(t)
	if _, code, err := i.run("deals", "deal_id,account_id,name\nd1,a,One\nd2,a,Two\nd3,a,Three\n"); code != 0 {
		t.Fatal(err)
	}
	if _, err := execute(t, `{"deal_id":"d1","account_id":"a","name":"Theirs"}`, append([]string{"import", "deals", "-", "--format", "jsonl", "--org", "acme2"}, i.args...)...); err != nil {
		t.Fatal(err)
	}
	left := "deal_id,account_id,name\nd1,a,One\n"
	for _, args := range [][]string{{"--replace"}, {"--replace", "--delete", "1"}, {"--replace", "--delete", "0"}} {
		if _, code, err := i.run("deals", left, args...); code != 1 || !strings.Contains(err.Error(), "2 of 3 deals") || !strings.Contains(err.Error(), "--delete 2") || len(i.topic("crm.deals")) != 3 {
			t.Errorf("%v: %d %v", args, code, err)
		}
	}
	if out, code, err := i.run("deals", left, "--replace", "--delete", "2"); code != 0 || out != "deals of acme: 0 new, 0 changed, 1 unchanged, 2 deleted\n" {
		t.Errorf("%d %v\n%s", code, err, out)
	}
	if got := i.topic("crm.deals"); len(got) != 1 || got["d1"] == nil {
		t.Errorf("left are %v", got)
	}
}

func TestImportSaysWhatIsMissing(t *testing.T) {
	for says, args := range map[string][]string{
		"--org":       {"import", "users", "x.csv"},
		"accounts":    {"import", "people", "x.csv", "--org", "acme"},
		"--format":    {"import", "users", "x.xlsx", "--org", "acme"},
		"no such":     {"import", "users", "nowhere.csv", "--org", "acme"},
		"--replace":   {"import", "users", "x.csv", "--org", "acme", "--delete", "3"},
		"--delimiter": {"import", "users", "x.csv", "--org", "acme", "--delimiter", ",,"},
		"must not":    {"import", "users", "x.csv", "--org", "a/b"},
	} {
		if _, err := execute(t, "", args...); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v: %v, want %q", args, err, says)
		}
	}
}
