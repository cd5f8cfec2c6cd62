package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// asProgram in the environment makes this test binary act as backchannel, so that tests can send it signals.
const asProgram = "BACKCHANNEL_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		os.Exit(run(os.Args[1:]))
	}
	redis.SetLogger(quietRedis{slog.New(slog.DiscardHandler)})
	os.Exit(m.Run())
}

// execute runs one command line and returns what it printed.
func execute(t *testing.T, stdin string, args ...string) (stdout string, err error) {
	t.Helper()
	var out bytes.Buffer
	root := rootCommand()
	root.SetArgs(args)
	root.SetIn(strings.NewReader(stdin))
	root.SetOut(&out)
	root.SetErr(io.Discard)
	err = root.ExecuteContext(t.Context())
	return out.String(), err
}

// program is backchannel as a process of its own.
type program struct {
	*exec.Cmd
	log *bufio.Scanner
}

func start(t *testing.T, args ...string) *program {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, os.Args[0], args...)
	cmd.Env = append(os.Environ(), asProgram+"=1", "BACKCHANNEL_SLACK_SIGNING_SECRET=x", "BACKCHANNEL_KAFKA_BROKERS=127.0.0.1:1")
	out, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	return &program{cmd, bufio.NewScanner(out)}
}

// line returns the first line of its log that holds text.
func (p *program) line(t *testing.T, text string) string {
	t.Helper()
	for p.log.Scan() {
		if strings.Contains(p.log.Text(), text) {
			return p.log.Text()
		}
	}
	t.Fatalf("the program's log ended without %q", text)
	return ""
}

// exitCode reads the log to its end and waits.
func (p *program) exitCode(t *testing.T) int {
	t.Helper()
	for p.log.Scan() {
	}
	_ = p.Wait() // an exit code other than 0 is an error to it
	return p.ProcessState.ExitCode()
}

func (p *program) terminate(t *testing.T) {
	t.Helper()
	if err := p.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
}

var httpIs = func(line string) string {
	_, rest, _ := strings.Cut(line, "http=")
	addr, _, _ := strings.Cut(rest, " ")
	return "http://" + addr
}

func TestTheFirstSIGTERMDrains(t *testing.T) {
	p := start(t, "run", "events", "--http-addr", "127.0.0.1:0", "--log-format", "text")
	p.line(t, "msg=running")
	p.terminate(t)
	p.line(t, "msg=drained")
	if code := p.exitCode(t); code != 0 {
		t.Errorf("exit code %d after an orderly end, want 0", code)
	}
}

// A request that is not finished keeps the process draining, for an hour here: the second signal must not wait for it.
func TestTheSecondSIGTERMEndsAtOnce(t *testing.T) {
	p := start(t, "run", "events", "--http-addr", "127.0.0.1:0", "--log-format", "text", "--drain", "1h")
	base := httpIs(p.line(t, "msg=running"))
	body, unfinished := io.Pipe()
	defer unfinished.Close()
	begun := make(chan struct{})
	go func() {
		req, err := http.NewRequest(http.MethodPost, base+"/slack/events", body)
		if err != nil {
			return
		}
		req.Header.Set("Expect", "100-continue") // the body begins when the handler has asked for it
		resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true, ExpectContinueTimeout: time.Minute}}).Do(req)
		if err == nil {
			_ = resp.Body.Close()
		}
	}()
	go func() {
		_, _ = unfinished.Write([]byte("{")) // returns once the handler reads
		close(begun)
	}()
	<-begun
	p.terminate(t)
	for { // the first signal is taken when it no longer listens
		resp, err := http.Get(base + "/livez")
		if err != nil {
			break
		}
		_ = resp.Body.Close()
	}
	p.terminate(t)
	if code := p.exitCode(t); code != exitAtOnce {
		t.Errorf("exit code %d, want %d", code, exitAtOnce)
	}
}

func TestProbesAndMetrics(t *testing.T) {
	p := start(t, "run", "events", "history", "--http-addr", "127.0.0.1:0", "--log-format", "text")
	base := httpIs(p.line(t, "msg=running"))
	p.line(t, "part=Kafka") // it has noticed that Kafka is away
	for _, tt := range []struct {
		path   string
		status int
		want   string
	}{
		{"/livez", 200, "alive"},
		{"/readyz", 503, "waiting for Kafka: "},
		{"/metrics", 200, "backchannel_build_info{"},
		{"/metrics", 200, `backchannel_waiting{part="history"} 0`}, // that it runs is seen, though it reports nothing
	} {
		resp, err := http.Get(base + tt.path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != tt.status || !strings.Contains(string(body), tt.want) {
			t.Errorf("%s: %d, without %q:\n%.300s", tt.path, resp.StatusCode, tt.want, body)
		}
	}
	p.terminate(t)
	if code := p.exitCode(t); code != 0 {
		t.Errorf("exit code %d, want 0", code)
	}
}

func TestVersionAndUnknownCommands(t *testing.T) {
	if out, err := execute(t, "", "version"); err != nil || out != "backchannel "+version()+"\n" {
		t.Errorf("version printed %q, %v", out, err)
	}
	for _, args := range [][]string{{"runn"}, {"run", "clickhose"}, {"version", "x"}, {"run", "--no-such-flag"}} {
		if _, err := execute(t, "", args...); err == nil {
			t.Errorf("%v was accepted", args)
		}
	}
}
