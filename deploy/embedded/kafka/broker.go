package kafka

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/bigmind/backchannel/deploy/embedded/datadir"
)

// engine is the name that errors use.
const engine = "the embedded Kafka"

// Options says how to run a Broker. Addr, DataDir and Log are needed.
type Options struct {
	Addr    string // "host:port" to listen on and to tell clients; port 0 takes a free one
	DataDir string // created if absent; one process at a time
	Log     *slog.Logger

	// Advertise is the "host:port" that clients are told to connect to, when it is not Addr: needed when Addr is every
	// interface ("0.0.0.0:9092"), which is nothing a client could dial.
	Advertise string
	// AutoCreateTopics lets a client's metadata request create a topic. Off, as it should be in production: a misspelt topic is
	// an error, not a topic.
	AutoCreateTopics bool
	// TidyEvery is how often retention is enforced and compaction considered; 30 seconds by default.
	TidyEvery time.Duration
	// CompactAfter is how many records compacted topics take in before they are compacted again; 1000 by default.
	// Every compaction rewrites them whole.
	CompactAfter int64
}

// Broker is a running broker.
type Broker struct {
	cluster *kfake.Cluster
	claim   *datadir.Claim
	addr    string
	tidy    *tidier

	close  sync.Once
	closed error
	ctx    context.Context //nolint:containedctx // the broker's own life: ends its housekeeping
	cancel context.CancelFunc
	done   sync.WaitGroup
}

// Start runs a broker until Close. It answers when Start returns: ctx is only for giving up before that.
//
// Errors are one sentence each, meant for the person at the terminal: the port is in use, the data directory cannot be
// written, belongs to a running process, or was written in a format that this build does not read.
func Start(ctx context.Context, o Options) (_ *Broker, err error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("start %s: %w", engine, err)
	}
	claim, err := datadir.Take(o.DataDir, engine)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, claim.Release())
		}
	}()
	if err := checkFormat(claim.Path); err != nil {
		return nil, err
	}
	if err := repair(claim.Path, o.Log); err != nil {
		return nil, err
	}
	ln, err := listen(ctx, o.Addr, o.Advertise)
	if err != nil {
		return nil, err
	}
	cluster, err := kfake.NewCluster(clusterOptions(o, claim.Path, ln)...)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s cannot read its data directory %s (%w): move the directory away to start empty",
			engine, claim.Path, err), ln.closeIfOpen())
	}
	b := &Broker{cluster: cluster, claim: claim, addr: ln.Addr().String(), tidy: newTidier(cluster, claim.Path, o)}
	b.ctx, b.cancel = context.WithCancel(context.WithoutCancel(ctx))
	b.done.Go(func() { b.tidy.run(b.ctx) })
	return b, nil
}

// Addr is the "host:port" that clients are told to connect to.
func (b *Broker) Addr() string { return b.addr }

// Close writes what an orderly stop keeps, closes connections and frees the directory. A second Close waits for the first
// and returns the same.
func (b *Broker) Close() error {
	b.close.Do(func() {
		b.cancel()
		b.done.Wait()
		b.tidy.stop()
		b.cluster.Close()
		b.closed = b.claim.Release()
	})
	return b.closed
}
