package kafka

import (
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

func TestStartSaysWhatIsWrong(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	running := start(t, options(t.TempDir()))
	newer := t.TempDir()
	write(t, filepath.Join(newer, "meta.json"), `{"version":2}`)
	damaged := t.TempDir()
	write(t, filepath.Join(damaged, "meta.json"), `{`)

	for name, test := range map[string]struct {
		change func(*Options)
		want   string
	}{
		"port in use":      {func(o *Options) { o.Addr = taken.Addr().String() }, "another program does"},
		"no such address":  {func(o *Options) { o.Addr = "nowhere" }, `cannot listen on "nowhere"`},
		"no directory":     {func(o *Options) { o.DataDir = "" }, "needs a data directory"},
		"unwritable":       {func(o *Options) { o.DataDir = "/proc/kafka" }, "cannot write to its data directory /proc/kafka"},
		"second process":   {func(o *Options) { o.DataDir = running.claim.Path }, "already running on " + running.claim.Path},
		"newer format":     {func(o *Options) { o.DataDir = newer }, "in format 2 and this build reads format 1"},
		"damaged":          {func(o *Options) { o.DataDir = damaged }, "cannot read its data directory " + damaged},
		"every interface":  {func(o *Options) { o.Addr = "0.0.0.0:0" }, "say which address to advertise"},
		"bad to advertise": {func(o *Options) { o.Advertise = "host" }, `cannot advertise "host"`},
	} {
		t.Run(name, func(t *testing.T) {
			o := options(t.TempDir())
			test.change(&o)
			b, err := Start(t.Context(), o)
			if err == nil {
				b.Close()
				t.Fatal("it started")
			}
			if !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("got %q, want a line with %q", err, test.want)
			}
		})
	}
}

func TestFailedStartFreesTheDirectory(t *testing.T) {
	o := options(t.TempDir())
	o.Addr = "nowhere"
	if _, err := Start(t.Context(), o); err == nil {
		t.Fatal("it started")
	}
	o.Addr = "127.0.0.1:0"
	start(t, o)
}

func TestAdvertisesTheGivenAddress(t *testing.T) {
	o := options(t.TempDir())
	o.Addr, o.Advertise = "0.0.0.0:0", "kafka.example:9092"
	b := start(t, o)
	if b.Addr() != "kafka.example:9092" {
		t.Errorf("Addr is %q", b.Addr())
	}
}

func TestOneBrokerAtTheGivenAddress(t *testing.T) {
	b := start(t, options(t.TempDir()))
	brokers, err := kadm.NewClient(client(t, b.Addr())).ListBrokers(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(brokers) != 1 || net.JoinHostPort(brokers[0].Host, strconv.Itoa(int(brokers[0].Port))) != b.Addr() {
		t.Errorf("clients are told %+v, the broker is at %s", brokers, b.Addr())
	}
}

func TestTopicsAreCreatedOnlyIfAsked(t *testing.T) {
	for name, test := range map[string]struct {
		auto bool
		want error
	}{"by default": {false, kerr.UnknownTopicOrPartition}, "if asked": {true, nil}} {
		t.Run(name, func(t *testing.T) {
			o := options(t.TempDir())
			o.AutoCreateTopics = test.auto
			cl := client(t, start(t, o).Addr(), kgo.AllowAutoTopicCreation(), kgo.UnknownTopicRetries(1), kgo.DefaultProduceTopic("typo"))
			if err := cl.ProduceSync(t.Context(), record("k", "v")).FirstErr(); !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
		})
	}
}

// A record keeps its producer's timestamp even where the topic asks for the broker's: kfake does not honour LogAppendTime.
func TestTimestampsAreTheProducers(t *testing.T) {
	b := start(t, options(t.TempDir()))
	createTopic(t, b.Addr(), "stamped", 1, map[string]string{"message.timestamp.type": "LogAppendTime"})
	r := record("k", "v")
	r.Timestamp = time.UnixMilli(1_700_000_000_000)
	produce(t, b.Addr(), "stamped", r)
	cl := client(t, b.Addr(), kgo.ConsumeTopics("stamped"))
	records := cl.PollFetches(t.Context()).Records()
	if len(records) != 1 || !records[0].Timestamp.Equal(r.Timestamp) {
		t.Errorf("got %v", records)
	}
}

func TestSettingsOfABrokerOfProduction(t *testing.T) {
	b := start(t, options(t.TempDir()))
	createTopic(t, b.Addr(), "small", 1, nil)
	cl := client(t, b.Addr(), kgo.DefaultProduceTopic("small"), kgo.ProducerBatchMaxBytes(4<<20), kgo.ProducerBatchCompression(kgo.NoCompression()))
	if err := cl.ProduceSync(t.Context(), record("k", strings.Repeat("x", 2<<20))).FirstErr(); !errors.Is(err, kerr.MessageTooLarge) {
		t.Errorf("2 MiB: got %v, want %v", err, kerr.MessageTooLarge)
	}
}

func TestCloseTwice(t *testing.T) {
	b := start(t, options(t.TempDir()))
	closeNow(t, b)
	closeNow(t, b)
}

func TestKcat(t *testing.T) {
	kcat, err := exec.LookPath("kcat")
	if err != nil {
		t.Skip("kcat is not installed (apt-get install kcat): its test is skipped")
	}
	b := start(t, options(t.TempDir()))
	createTopic(t, b.Addr(), "from.kcat", 1, nil)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	in := exec.CommandContext(ctx, kcat, "-q", "-b", b.Addr(), "-P", "-t", "from.kcat", "-K", "=", "-X", "acks=all")
	in.Stdin = strings.NewReader("a=1\nb=2\n")
	if out, err := in.CombinedOutput(); err != nil {
		t.Fatalf("kcat -P: %v: %s", err, out)
	}
	out, err := exec.CommandContext(ctx, kcat, "-q", "-b", b.Addr(), "-C", "-t", "from.kcat", "-e", "-f", "%k=%s@%o ").Output()
	if err != nil {
		t.Fatalf("kcat -C: %v", err)
	}
	if diff := cmp.Diff("a=1@0 b=2@1 ", string(out)); diff != "" {
		t.Error(diff)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
