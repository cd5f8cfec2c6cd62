//go:build bench

package bench

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/processors"
	"github.com/bigmind/backchannel/processors/enrich"
	"github.com/bigmind/backchannel/schemas"
	"github.com/bigmind/backchannel/sinks"
	chsink "github.com/bigmind/backchannel/sinks/clickhouse"
)

// A worker is one contender in a process of its own. It prints nothing and ends when it has done its records; the
// parent reads its CPU time and peak memory from the operating system.
func worker(name string) error {
	n, err := strconv.Atoi(os.Getenv("BENCH_RECORDS"))
	if err != nil {
		return err
	}
	kafka, run := []kgo.Opt{kgo.SeedBrokers(os.Getenv("BENCH_KAFKA"))}, os.Getenv("BENCH_RUN")
	switch name {
	case "copy":
		return bareCopy(kafka, run, n, schemas.SlackEvents.Name, schemas.ContextMessages.Name)
	case "copy-requests":
		return bareCopy(kafka, run, n, schemas.NotificationRequests.Name, "bench.copied")
	case "route":
		return runRoute(kafka, run, n)
	case "enrich":
		return runEnrich(kafka, run, n)
	case "insert":
		return bareInsert(n)
	case "sink":
		return runSink(kafka, run, n)
	case "consume":
		return bareConsume(kafka, run, n)
	}
	return fmt.Errorf("no worker %q", name)
}

const batchRecords = 5000

// bareCopy is what a processor cannot do without: consume, produce and commit in transactions, the records untouched.
func bareCopy(kafka []kgo.Opt, run string, n int, from, to string) error {
	sess, err := kgo.NewGroupTransactSession(append(kafka,
		kgo.ConsumerGroup("bench-copy-"+run), kgo.ConsumeTopics(from),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.TransactionalID("bench-copy-"+run), kgo.ProducerLinger(0))...)
	if err != nil {
		return err
	}
	defer sess.Close()
	ctx := context.Background()
	for done := 0; done < n; {
		batch := sess.PollRecords(ctx, batchRecords).Records()
		if len(batch) == 0 {
			continue
		}
		if err := sess.Begin(); err != nil {
			return err
		}
		promise := kgo.AbortingFirstErrPromise(sess.Client())
		for _, r := range batch {
			sess.Produce(ctx, &kgo.Record{Topic: to, Key: r.Key, Value: r.Value}, promise.Promise())
		}
		committed, err := sess.End(ctx, promise.Err() == nil)
		if err != nil {
			return err
		}
		if committed {
			done += len(batch)
		}
	}
	return nil
}

func runEnrich(kafka []kgo.Opt, run string, n int) error {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	rdb := redis.NewClient(&redis.Options{Addr: os.Getenv("BENCH_REDIS"), Protocol: 2})
	def := enrich.Definition(rdb)
	def.Name = "enrich-bench-" + run
	counted := &counting{inner: def.Processor}
	def.Processor = counted
	r, err := processors.NewRunner(def, processors.Options{
		Kafka: kafka, Metrics: processors.NewMetrics(prometheus.NewRegistry()), Log: slog.New(slog.DiscardHandler), MaxBatch: batchRecords,
		Health: func(err error) {
			if err != nil {
				fmt.Fprintln(os.Stderr, err)
			} else if counted.n.Load() >= int64(n) {
				stop()
			}
		},
	})
	if err != nil {
		return err
	}
	return r.Run(ctx)
}

type counting struct {
	inner processors.Processor
	n     atomic.Int64
}

func (c *counting) Process(ctx context.Context, batch []*kgo.Record) (*processors.Result, error) {
	result, err := c.inner.Process(ctx, batch)
	if err == nil {
		n := int64(len(batch))
		for _, rec := range result.Emitted() {
			if rec.Topic == schemas.NotificationAddressed.Name {
				n-- // it comes again
			}
		}
		c.n.Add(n)
	}
	return result, err
}

const insertRows = 50_000

// bareInsert is what the sink cannot do without: the same rows, in memory as columns, appended and sent.
func bareInsert(n int) error {
	opts, err := clickhouse.ParseDSN(os.Getenv("BENCH_CLICKHOUSE"))
	if err != nil {
		return err
	}
	conn, err := clickhouse.Open(opts)
	if err != nil {
		return err
	}
	columns := memoryColumns(insertRows)
	before := cpu()
	for done := 0; done < n; done += insertRows {
		if err := columns.insert(context.Background(), conn); err != nil {
			return err
		}
	}
	return reportCPU(cpu() - before)
}

func runSink(kafka []kgo.Opt, run string, n int) error {
	opts, err := clickhouse.ParseDSN(os.Getenv("BENCH_CLICKHOUSE"))
	if err != nil {
		return err
	}
	conn, err := clickhouse.Open(opts)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	def := chsink.Definition(conn, insertRows, 200*time.Millisecond)
	def.Name = "clickhouse-bench-" + run
	def.In = []schemas.Spec{{Name: benchRows}}
	counted := &countingSink{inner: def.Sink}
	def.Sink = counted
	r, err := sinks.NewRunner(def, sinks.Options{
		Kafka: kafka, Metrics: sinks.NewMetrics(prometheus.NewRegistry()), Log: slog.New(slog.DiscardHandler),
		Health: func(err error) {
			if err != nil {
				fmt.Fprintln(os.Stderr, err)
			} else if counted.n.Load() >= int64(n) {
				stop()
			}
		},
	})
	if err != nil {
		return err
	}
	before := cpu()
	if err := r.Run(ctx); err != nil {
		return err
	}
	return reportCPU(cpu() - before)
}

// bareConsume reads the rows' topic and does nothing: what any sink pays before its first column.
func bareConsume(kafka []kgo.Opt, run string, n int) error {
	client, err := kgo.NewClient(append(kafka, kgo.ConsumerGroup("bench-consume-"+run), kgo.ConsumeTopics(benchRows),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchIsolationLevel(kgo.ReadCommitted()))...)
	if err != nil {
		return err
	}
	defer client.Close()
	before := cpu()
	for done := 0; done < n; {
		done += client.PollRecords(context.Background(), insertRows).NumRecords()
	}
	return reportCPU(cpu() - before)
}

// benchRows holds the rows that the sink reads: enrich's output.
const benchRows = "context.messages"

type countingSink struct {
	inner sinks.Sink
	n     atomic.Int64
}

func (c *countingSink) Write(ctx context.Context, batch []*kgo.Record) (sinks.Result, error) {
	result, err := c.inner.Write(ctx, batch)
	if err == nil {
		c.n.Add(int64(len(batch)))
	}
	return result, err
}

// cpu is this process's user and system time so far.
func cpu() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// reportCPU tells the parent the CPU time without preparation.
func reportCPU(d time.Duration) error {
	_, err := fmt.Println(int64(d))
	return err
}
