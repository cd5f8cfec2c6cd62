package slacksim

import (
	"net"
	"net/http"
	"time"
)

// reset ends a call's connection without an answer, as a network does.
func reset(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler) // net/http ends the connection, without a log
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // so that the peer sees a reset, not an end
	}
	_ = conn.Close()
}

// troubles are the faults of an attempt: the time that it is signed with, and whether it gets nowhere. Callers hold mu.
func (s *Simulator) troubles(d *delivery, now time.Time) (signed time.Time, cut bool) {
	matches := func(f *Fault) bool {
		return (f.Event == "" || f.Event == d.Type) && f.matches(d.Team, d.App, d.Channel)
	}
	if f := s.faults.strike(FaultClockSkew, matches); f != nil {
		now = now.Add(f.delay())
	}
	return now, s.faults.strike(FaultPartition, matches) != nil
}

// later makes a first attempt out of its order.
func (q *deliverer) later(d *delivery, wait time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.ctx.Err() != nil {
		return
	}
	if q.outstanding == 0 {
		q.idle = make(chan struct{})
	}
	q.outstanding++
	q.timers[d] = time.AfterFunc(wait, func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		delete(q.timers, d)
		q.ready = append(q.ready, d)
		q.pump()
	})
}
