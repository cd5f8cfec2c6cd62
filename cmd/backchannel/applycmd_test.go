package main

import (
	"context"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/bigmind/backchannel/deploy/embedded/chdb"
)

// emptyEngines are a broker and a ClickHouse with nothing in them, as flags.
func emptyEngines(t *testing.T) []string {
	t.Helper()
	broker, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(broker.Close)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute) // the first time, the engine is fetched
	defer cancel()
	library, err := chdb.Ensure(ctx, chdb.EnsureOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv(asProgram, "1")
	child, err := chdb.Start(context.WithoutCancel(ctx), chdb.ChildOptions{
		Command: []string{os.Args[0], engineName}, Addr: "127.0.0.1:0", DataDir: t.TempDir(), Library: library, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = child.Close() })
	if err := child.Ready(ctx); err != nil {
		t.Fatal(err)
	}
	return []string{"--kafka-brokers", broker.ListenAddrs()[0], "--clickhouse-url", "http://" + child.Addr()}
}

func TestApplyCommand(t *testing.T) {
	engines := emptyEngines(t)
	steps := []struct {
		args   []string
		code   int
		prints string
	}{
		{[]string{"apply", "--check"}, exitDrift, "would change topic slack.events: create"},
		{[]string{"apply", "--check"}, exitDrift, "would change database backchannel: create"},
		{[]string{"apply"}, 0, "migration 0001_messages: apply"},
		{[]string{"apply"}, 0, "everything is as declared"},
		{[]string{"apply", "--check"}, 0, "everything is as declared"},
	}
	for _, s := range steps {
		out, err := execute(t, "", append(s.args, engines...)...)
		if code := exitCodeOf(err); code != s.code || !strings.Contains(out, s.prints) {
			t.Errorf("%v: exit code %d (%v), want %d; printed without %q:\n%s", s.args, code, err, s.code, s.prints, out)
		}
	}
}
