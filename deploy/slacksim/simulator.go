package slacksim

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"
)

// Options configure a simulator. The zero value is a Slack in memory at its strictest.
type Options struct {
	// Clock tells the time that messages and signatures bear. Default time.Now. Timers are the runtime's: in a bubble of
	// testing/synctest everything is virtual.
	Clock func() time.Time
	// DataDir is where the journal is kept. Empty: in memory only.
	DataDir string
	// Log gets the simulator's own troubles. Default: none.
	Log *slog.Logger
	// Client delivers events. Its redirect policy is replaced by Slack's. Default: a client of its own.
	Client *http.Client
	// EventConcurrency is how many deliveries are under way at once. Default 32.
	EventConcurrency int
	// Settings are the switches at the start; the control API changes them.
	Settings Settings
}

// Simulator is a Slack. Its state is behind mu.
type Simulator struct {
	clock   func() time.Time
	log     *slog.Logger
	client  *http.Client
	journal *journal
	deliver *deliverer

	mu       sync.Mutex
	state    *state
	settings Settings
	faults   faults
	limits   limiter
	calls    map[string]*CallStats
	interact interactions
	rules    eventRules
	sockets  *sockets
	codes    map[string]*oauthCode
	issuer   issuer
	changed  chan struct{} // closed at the next change
	closed   bool
}

// New opens a simulator. With a DataDir it brings back what an earlier one left, and resumes the deliveries that were
// under way. Close it.
func New(o Options) (*Simulator, error) {
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Client == nil {
		o.Client = &http.Client{}
	}
	if o.EventConcurrency <= 0 {
		o.EventConcurrency = 32
	}
	s := &Simulator{
		clock: o.Clock, log: o.Log, client: eventClient(o.Client, o.EventConcurrency), state: newState(),
		settings: o.Settings.withDefaults(), limits: limiter{}, calls: map[string]*CallStats{}, changed: make(chan struct{}),
		deliver: newDeliverer(o.EventConcurrency), interact: newInteractions(), sockets: newSockets(1),
		codes: map[string]*oauthCode{}, issuer: newIssuer(),
	}
	s.deliver.attempt, s.deliver.settle, s.deliver.scale = s.attempt, s.settle, s.retryScale
	if o.DataDir != "" {
		j, err := openJournal(o.DataDir, s.state)
		if err != nil {
			return nil, err
		}
		s.journal = j
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state.Salt == "" {
		salt := randomFrom(idAlphabet, 3)
		if err := s.commit(change{Born: &salt}); err != nil {
			return nil, errors.Join(err, s.journal.close())
		}
	}
	s.deliver.enqueue(s.state.unsettled())
	for _, do := range s.state.scheduled {
		s.arm(do)
	}
	return s, nil
}

// Close stops deliveries and closes the journal. Events that were not accepted yet are delivered by the next simulator
// on the same DataDir.
func (s *Simulator) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	close(s.changed)
	s.mu.Unlock()
	s.deliver.close()
	s.sockets.close()
	s.client.CloseIdleConnections()
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.journal.close(); err != nil {
		return fmt.Errorf("close the simulator's journal: %w", err)
	}
	return nil
}

// Serve answers on ln until ctx ends, then lets requests under way finish for up to 5 seconds.
func (s *Simulator) Serve(ctx context.Context, ln net.Listener) error {
	server := &http.Server{
		Handler: s.Handler(), ReadHeaderTimeout: 10 * time.Second,
		BaseContext: func(net.Listener) context.Context { return ctx }, // ends the page's event streams
	}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(ln) }()
	select {
	case err := <-failed:
		return fmt.Errorf("serve the Slack simulator: %w", err)
	case <-ctx.Done():
	}
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	err := server.Shutdown(stop)
	if err != nil {
		err = errors.Join(fmt.Errorf("stop the Slack simulator: %w", err), server.Close())
	}
	<-failed
	return err
}

// Handler serves the Web API under /api/, the control API under /control/, and the page at /.
func (s *Simulator) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/api/{method}", s.serveAPI)
	s.interactRoutes(mux)
	s.eventRuleRoutes(mux)
	s.socketRoutes(mux)
	s.oauthRoutes(mux)
	s.openIDRoutes(mux)
	s.manifestRoutes(mux)
	s.controlRoutes(mux)
	s.pageRoutes(mux)
	return mux
}

// Idle waits until every delivery has been accepted or given up, retries included.
func (s *Simulator) Idle(ctx context.Context) error {
	if err := s.deliver.wait(ctx); err != nil {
		return fmt.Errorf("wait for deliveries to settle: %w", err)
	}
	return nil
}

// commit journals a change, applies it, and hands over the deliveries it causes. Callers hold mu and have checked that
// the change fits.
func (s *Simulator) commit(c change) error {
	e := entry{Seq: s.state.Seq + 1, At: s.now().UnixMicro(), Change: c}
	if err := s.journal.append(e); err != nil {
		return err
	}
	s.deliver.enqueue(s.capped(s.faults.filter(s, s.state.apply(e))))
	if !s.closed && c.Settled == nil {
		close(s.changed)
		s.changed = make(chan struct{})
	}
	return nil
}

func (s *Simulator) now() time.Time { return s.clock() }

// nextTS hands out a ts that is later than all others of the channel. Callers hold mu.
func (s *Simulator) nextTS(c *channel) TS {
	c.lastTS = max(c.lastTS+1, s.now().UnixMicro())
	return formatTS(c.lastTS)
}

// settle notes how a delivery ended.
func (s *Simulator) settle(d *delivery, outcome string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.commit(change{Settled: &settled{ID: d.ID, Outcome: outcome, Attempts: d.attempts}}); err != nil {
		s.log.Error("a delivery's end could not be noted; it will be made again after a restart", "event_id", d.ID, "error", err)
	}
}

func (s *Simulator) retryScale() float64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return *s.settings.RetryScale
}
