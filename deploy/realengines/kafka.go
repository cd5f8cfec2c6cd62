//go:build unix

package realengines

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// kafkaReady bounds a broker's start: about 3 s alone on an idle machine, and many times that on a busy one after a crash, whose logs it reads first.
const kafkaReady = 5 * time.Minute

// Kafka is one Apache Kafka broker in KRaft mode, which is its own controller.
type Kafka struct {
	tb      testing.TB
	id      int
	addr    string
	dir     string
	jars    string
	process *Process
}

// StartKafka starts one broker and waits until it answers.
func StartKafka(tb testing.TB) *Kafka {
	tb.Helper()
	return StartKafkaCluster(tb, 1)[0]
}

// StartKafkaCluster starts n brokers that know each other, and waits until all answer. From three on, topics have three
// replicas unless they say otherwise, and acks=all means two.
func StartKafkaCluster(tb testing.TB, n int) []*Kafka {
	tb.Helper()
	jars, err := kafkaJars()
	if err != nil {
		tb.Fatal(err)
	}
	addrs := FreeAddrs(tb, 2*n)
	voters := make([]string, n)
	for i := range n {
		voters[i] = fmt.Sprintf("%d@%s", i+1, addrs[n+i])
	}
	brokers := make([]*Kafka, n)
	cluster := clusterID()
	for i := range brokers {
		b := &Kafka{tb: tb, id: i + 1, addr: addrs[i], dir: tb.TempDir(), jars: jars}
		b.format(cluster, properties(b, addrs[n+i], strings.Join(voters, ","), n))
		brokers[i] = b
	}
	for _, b := range brokers {
		b.start()
	}
	for _, b := range brokers {
		b.await(1) // one that ended is told by its own name, not by the others' waiting for it
	}
	for _, b := range brokers {
		b.await(n)
	}
	return brokers
}

// Addr is host:port of the broker.
func (k *Kafka) Addr() string { return k.addr }

// DataDir is the folder with its segments.
func (k *Kafka) DataDir() string { return filepath.Join(k.dir, "data") }

// Kill ends the broker as a crash does. Its data stays.
func (k *Kafka) Kill() { k.process.Kill() }

// Pause stops the broker where it is until Resume.
func (k *Kafka) Pause() { k.process.Pause() }

// Resume lets a paused broker go on.
func (k *Kafka) Resume() { k.process.Resume() }

// Restart starts a killed broker again at its address and waits until it answers.
func (k *Kafka) Restart() {
	k.tb.Helper()
	k.Kill()
	k.start()
	k.await(1)
}

func (k *Kafka) start() {
	k.tb.Helper()
	k.process = Start(k.tb, fmt.Sprintf("kafka-%d", k.id), k.dir, nil,
		"java", "-Xmx512m", "-cp", filepath.Join(k.jars, "*"), "kafka.Kafka", "server.properties")
}

// await waits until this broker answers for a cluster of at least n brokers.
func (k *Kafka) await(n int) {
	k.tb.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(k.addr), kgo.RequestRetries(0))
	if err != nil {
		k.tb.Fatal(err)
	}
	defer client.Close()
	admin := kadm.NewClient(client)
	k.process.Await(kafkaReady, func() error {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		found, err := admin.BrokerMetadata(ctx)
		if err != nil {
			return err
		}
		if len(found.Brokers) < n {
			return fmt.Errorf("%d of %d brokers are in the cluster", len(found.Brokers), n)
		}
		return nil
	})
}

func (k *Kafka) format(cluster, properties string) {
	k.tb.Helper()
	file := filepath.Join(k.dir, "server.properties")
	if err := os.WriteFile(file, []byte(properties), 0o644); err != nil {
		k.tb.Fatal(err)
	}
	java, err := exec.LookPath("java")
	if err != nil {
		k.tb.Fatalf("the command java, which runs Kafka, is missing: install Java 17 or newer (Debian: %s)", debian("java"))
	}
	cmd := exec.Command(java, "-Xmx128m", "-cp", filepath.Join(k.jars, "*"), "kafka.tools.StorageTool", "format", "-t", cluster, "-c", file)
	if out, err := cmd.CombinedOutput(); err != nil {
		k.tb.Fatalf("format Kafka's storage: %v\n%s", err, out)
	}
}

// clusterID is what Kafka's 'random-uuid' prints: 16 bytes in URL-safe base64. A leading dash would read as an option.
func clusterID() string {
	raw := make([]byte, 16)
	_, _ = rand.Read(raw) // it never fails
	raw[0] &= 0x7f
	return base64.RawURLEncoding.EncodeToString(raw)
}

func properties(k *Kafka, controller, voters string, n int) string {
	replicas, inSync := min(n, 3), max(1, min(n, 3)-1)
	return fmt.Sprintf(`process.roles=broker,controller
node.id=%d
controller.quorum.voters=%s
listeners=PLAINTEXT://%s,CONTROLLER://%s
advertised.listeners=PLAINTEXT://%s
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs=%s
auto.create.topics.enable=false
default.replication.factor=%d
min.insync.replicas=%d
offsets.topic.replication.factor=%d
offsets.topic.num.partitions=8
transaction.state.log.replication.factor=%d
transaction.state.log.min.isr=%d
transaction.state.log.num.partitions=8
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
broker.session.timeout.ms=6000
`, k.id, voters, k.addr, controller, k.addr, filepath.Join(k.dir, "data"), replicas, inSync, replicas, replicas, inSync)
}
