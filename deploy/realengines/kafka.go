package realengines

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/hex"
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

// Kafka is a cluster of Apache Kafka brokers (KRaft, each also a controller).
type Kafka struct {
	Brokers []*Process
	addrs   []string
}

// StartKafka starts n brokers, 1 or 3, and waits until all have joined. With three, internal topics are kept three times
// with two in sync, and so is a topic that asks for the broker's default.
func StartKafka(tb testing.TB, n int) *Kafka {
	tb.Helper()
	java := needs(tb, "java", "default-jre-headless")
	classpath := filepath.Join(kafkaJars(tb), "*")
	ports := freePorts(tb, 2*n)
	k := &Kafka{}
	voters := make([]string, n)
	for i := range n {
		k.addrs = append(k.addrs, "127.0.0.1:"+ports[2*i])
		voters[i] = fmt.Sprintf("%d@127.0.0.1:%s", i+1, ports[2*i+1])
	}
	id := clusterID()
	for i := range n {
		dir := tb.TempDir()
		config := filepath.Join(dir, "server.properties")
		write(tb, config, properties(i+1, n, ports[2*i], ports[2*i+1], strings.Join(voters, ","), filepath.Join(dir, "data")))
		format := exec.Command(java, "-XX:TieredStopAtLevel=1", "-cp", classpath, "kafka.tools.StorageTool", "format", "-t", id, "-c", config)
		if said, err := format.CombinedOutput(); err != nil {
			tb.Fatalf("format the storage of Kafka broker %d: %v\n%s", i+1, err, said)
		}
		p := &Process{
			tb: tb, name: fmt.Sprintf("kafka-%d", i+1), log: filepath.Join(dir, "log"),
			argv:  []string{java, "-Xmx512m", "-Xshare:auto", "-cp", classpath, "kafka.Kafka", config},
			ready: func() error { return joined(k.addrs[i], n) },
		}
		tb.Cleanup(p.Kill) // its data goes with the test: there is nothing to flush
		p.Launch()
		k.Brokers = append(k.Brokers, p)
	}
	for _, b := range k.Brokers {
		b.Await()
	}
	return k
}

// Addrs are the brokers' addresses, separated by commas.
func (k *Kafka) Addrs() string { return strings.Join(k.addrs, ",") }

func properties(id, n int, port, controller, voters, dir string) string {
	replicas, inSync := 1, 1
	if n >= 3 {
		replicas, inSync = 3, 2
	}
	return fmt.Sprintf(`process.roles=broker,controller
node.id=%d
controller.quorum.voters=%s
listeners=PLAINTEXT://127.0.0.1:%s,CONTROLLER://127.0.0.1:%s
advertised.listeners=PLAINTEXT://127.0.0.1:%[3]s
controller.listener.names=CONTROLLER
log.dirs=%[5]s
default.replication.factor=%[6]d
min.insync.replicas=%[7]d
offsets.topic.replication.factor=%[6]d
offsets.topic.num.partitions=8
transaction.state.log.replication.factor=%[6]d
transaction.state.log.min.isr=%[7]d
transaction.state.log.num.partitions=8
group.initial.rebalance.delay.ms=0
broker.session.timeout.ms=6000
`, id, voters, port, controller, dir, replicas, inSync)
}

// joined says whether the broker at addr sees n brokers and a controller.
func joined(addr string, n int) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(addr), kgo.RequestRetries(0))
	if err != nil {
		return fmt.Errorf("make a Kafka client: %w", err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	meta, err := kadm.NewClient(client).BrokerMetadata(ctx)
	if err != nil {
		return fmt.Errorf("ask for the brokers: %w", err)
	}
	if len(meta.Brokers) < n || meta.Controller < 0 {
		return fmt.Errorf("%d of %d brokers have joined", len(meta.Brokers), n)
	}
	return nil
}

//go:embed pom.xml
var pom []byte

// kafkaJars is the folder with Kafka's jars, in the user's cache; fetched by Maven once for each version of pom.xml.
func kafkaJars(tb testing.TB) string {
	tb.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		tb.Fatalf("find the user's cache folder: %v", err)
	}
	sum := sha256.Sum256(pom)
	jars := filepath.Join(cache, "backchannel", "kafka-"+hex.EncodeToString(sum[:4]))
	if _, err := os.Stat(jars); err == nil {
		return jars
	}
	mvn := needs(tb, "mvn", "maven")
	if err := os.MkdirAll(filepath.Dir(jars), 0o755); err != nil {
		tb.Fatalf("make the cache folder: %v", err)
	}
	// Two tests may fetch at once: each into a folder of its own, and the first to finish names it.
	fetched, err := os.MkdirTemp(filepath.Dir(jars), "kafka-fetching-")
	if err != nil {
		tb.Fatalf("make a folder for Kafka: %v", err)
	}
	defer os.RemoveAll(fetched)
	project := filepath.Join(tb.TempDir(), "pom.xml")
	write(tb, project, string(pom))
	cmd := exec.Command(mvn, "-q", "-B", "-f", project, "dependency:copy-dependencies", "-DincludeScope=runtime", "-DoutputDirectory="+fetched)
	if said, err := cmd.CombinedOutput(); err != nil {
		tb.Fatalf("fetch Apache Kafka with Maven: %v\n%s", err, said)
	}
	if err := os.Rename(fetched, jars); err != nil {
		if _, there := os.Stat(jars); there != nil {
			tb.Fatalf("keep Kafka's jars: %v", err)
		}
	}
	return jars
}

// clusterID is 16 random bytes in the form that Kafka's Uuid has; it may not begin with a dash.
func clusterID() string {
	raw := make([]byte, 16)
	_, _ = rand.Read(raw) // never fails, as documented
	raw[0] &= 0x7f
	return base64.RawURLEncoding.EncodeToString(raw)
}

func write(tb testing.TB, path, content string) {
	tb.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		tb.Fatalf("write %s: %v", filepath.Base(path), err)
	}
}
