package socketmode_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bigmind/backchannel/deploy/slacksim"
)

// What Slack says over its connections is on the topic, once, and acknowledged once.
func TestEventsReachKafka(t *testing.T) {
	onStage(t, func(t *testing.T, s *stage) {
		r := run(t, s.options())
		synctest.Wait()
		sayMany(s, 50)
		if stats := s.settled(); stats.Accepted != 50 || stats.Retries != 0 {
			t.Errorf("%+v", stats)
		}
		if open, _ := s.sockets(); open != 2 || r.metric("connections", "") != 2 || r.metric("connections_counted", "") < 1 || r.waits() != "" {
			t.Errorf("%d connections, %v say we, Slack counts %v, and it waits for %q", open, r.metric("connections", ""), r.metric("connections_counted", ""), r.waits())
		}
		r.stop()
		s.everySaid(50)
		if n := r.metric("envelopes_total", "accepted"); n != 50 {
			t.Errorf("%v envelopes were counted as accepted", n)
		}
		if strings.Contains(r.logged(), "message ") || strings.Contains(r.logged(), s.app.AppToken) || strings.Contains(r.logged(), "ticket=") {
			t.Errorf("a secret or what people wrote is in the log:\n%s", r.logged())
		}
	})
}

// Slack is told that an envelope arrived when Kafka has it and not before; a Kafka that is away gets the event when Slack sends it again.
func TestNothingIsAcknowledgedBeforeKafkaHasIt(t *testing.T) {
	onStage(t, func(t *testing.T, s *stage) {
		r := run(t, s.options())
		defer r.stop()
		synctest.Wait()
		release := s.hold()
		defer release()
		s.say("while Kafka is away")
		time.Sleep(30 * time.Second)
		if accepted, away := r.metric("envelopes_total", "accepted"), r.metric("envelopes_total", "unavailable"); accepted != 0 || away != 2 {
			t.Errorf("%v accepted and %v left to Slack, want none and both attempts", accepted, away)
		}
		release()
		stats := s.settled()
		if stats.Accepted != 1 || stats.Retries != 2 {
			t.Errorf("%+v, want it accepted when it came after a minute\n%s", stats, r.logged())
		}
		s.everySaid(1)
		last := s.published()
		if e := last[len(last)-1]; e.RetryNum == 0 && len(last) == 1 || e.EventID == "" {
			t.Errorf("the record is %+v", e)
		}
	})
}

// Slack ends every connection after hours, with a warning or without. Whoever talks meanwhile is heard at once: another connection
// was opened before.
func TestConnectionsAreRefreshed(t *testing.T) {
	onStage(t, func(t *testing.T, s *stage) {
		r := run(t, s.options())
		time.Sleep(30 * time.Second) // nobody talks in the very moment of a refresh
		for range 9 * 60 {
			s.say("every minute")
			time.Sleep(time.Minute)
		}
		stats := s.settled()
		if stats.Accepted != 9*60 || stats.Retries != 0 {
			t.Errorf("%+v, want no retry", stats)
		}
		if n := r.metric("disconnects_total", "refresh"); n != 4 || s.net.laid() != 6 {
			t.Errorf("%v refreshes and %d connections in all, want 4 and 6", n, s.net.laid())
		}
		if diff := strings.Join(r.health, "; "); r.waits() != "" || len(r.health) != 2 {
			t.Errorf("it was without a connection: %s", diff)
		}
		r.stop()
		s.everySaid(9 * 60)
	})
}

// Without a warning, in the middle of events that Kafka has not answered for: what was taken is acknowledged on the connection that ends.
func TestARefreshWhileKafkaIsSlow(t *testing.T) {
	onStage(t, func(t *testing.T, s *stage) {
		r := run(t, s.options())
		synctest.Wait()
		release := s.hold()
		sayMany(s, 1)
		time.Sleep(time.Second)
		s.must(s.Disconnect(t.Context(), s.app.ID, slacksim.Disconnection{Reason: "refresh_requested"}))
		time.Sleep(time.Second)
		release()
		if stats := s.settled(); stats.Accepted != 1 || stats.Retries != 0 {
			t.Errorf("%+v, want the acknowledgement to arrive before the connection's end", stats)
		}
		if open, _ := s.sockets(); open != 2 {
			t.Errorf("%d connections", open)
		}
		r.stop()
		s.everySaid(1)
	})
}

// A connection that died without a word is noticed by its silence, and what Slack sent over it comes again.
func TestAHalfOpenSocketIsNoticed(t *testing.T) {
	onStage(t, func(t *testing.T, s *stage) {
		opts := s.options()
		opts.Connections = 1
		r := run(t, opts)
		synctest.Wait()
		close(s.net.last().dead)
		s.say("to nobody")
		time.Sleep(26 * time.Second)
		if s.net.laid() != 2 || r.metric("disconnects_total", "silent") != 1 {
			t.Fatalf("%d connections, %v silent", s.net.laid(), r.metric("disconnects_total", "silent"))
		}
		if stats := s.settled(); stats.Accepted != 1 {
			t.Errorf("%+v", stats)
		}
		if r.waits() != "" || !strings.Contains(strings.Join(r.health, ";"), "connection") {
			t.Errorf("health said %q", r.health)
		}
		r.stop()
		s.everySaid(1)
	})
}

// Ghosts use up the ten. It says so, and goes on when Slack has dropped them.
func TestGhosts(t *testing.T) {
	onStage(t, func(t *testing.T, s *stage) {
		var dead []*running
		for range 5 {
			dead = append(dead, run(t, s.options()))
		}
		synctest.Wait()
		late := run(t, s.options())
		time.Sleep(time.Second)
		if !strings.Contains(late.waits(), "too_many_websockets") {
			t.Errorf("the eleventh waits for %q", late.waits())
		}
		for _, w := range s.net.wires[:10] {
			_ = w.Close() // a kill -9: no farewell
		}
		for _, r := range dead {
			r.cancel()
			<-r.ended
		}
		if _, ghosts := s.sockets(); ghosts != 10 {
			t.Fatalf("%d ghosts", ghosts)
		}
		before := s.api.count()
		time.Sleep(3 * time.Minute)
		if late.waits() != "" {
			t.Errorf("it waits for %q", late.waits())
		}
		if n := s.api.count() - before; n > 20 {
			t.Errorf("Slack was asked %d times meanwhile", n)
		}
		late.stop()
	})
}

// Somebody switches Socket Mode off: no more is tried than a look now and then, it is said how to mend it, and mended it goes on.
func TestLinkDisabled(t *testing.T) {
	onStage(t, func(t *testing.T, s *stage) {
		r := run(t, s.options())
		defer r.stop()
		synctest.Wait()
		off, on := false, true
		_, err := s.UpdateApp(t.Context(), s.app.ID, slacksim.AppPatch{SocketMode: &off})
		s.must(err)
		before := s.api.count()
		time.Sleep(time.Hour)
		if n := s.api.count() - before; n > 2*13 {
			t.Errorf("Slack was asked %d times in an hour", n)
		}
		if w := r.waits(); !strings.Contains(w, "Socket Mode") || !strings.Contains(w, "slack-app-token") || r.metric("disconnects_total", "link_disabled") != 2 {
			t.Errorf("it waits for %q, %v", w, r.metric("disconnects_total", "link_disabled"))
		}
		_, err = s.UpdateApp(t.Context(), s.app.ID, slacksim.AppPatch{SocketMode: &on})
		s.must(err)
		time.Sleep(10 * time.Minute)
		s.say("back")
		if stats := s.settled(); stats.Accepted != 1 || r.waits() != "" {
			t.Errorf("%+v, and it waits for %q", stats, r.waits())
		}
	})
}

// A token that is wrong is named, and Slack not stormed with it.
func TestAWrongToken(t *testing.T) {
	onStage(t, func(t *testing.T, s *stage) {
		for token, says := range map[string]string{s.install.Token: "not_allowed_token_type", "xapp-wrong": "invalid_auth"} {
			opts := s.options()
			opts.AppToken = token
			r := run(t, opts)
			time.Sleep(time.Hour)
			r.stop()
			if w := r.waits(); !strings.Contains(w, says) || !strings.Contains(w, "slack-app-token") || strings.Contains(r.logged(), token) {
				t.Errorf("it waits for %q and logged\n%s", w, r.logged())
			}
			if n := r.metric("disconnects_total", "refused"); n == 0 || n > 2*13 {
				t.Errorf("refused %v times in an hour", n)
			}
		}
	})
}

// Slack limits apps.connections.open: until it says, it is not asked again, by any of the connections.
func TestOpeningIsLimited(t *testing.T) {
	onStage(t, func(t *testing.T, s *stage) {
		s.api.fail = func(n int) (status, retryAfter int) {
			if n == 1 {
				return http.StatusTooManyRequests, 40
			}
			return 0, 0
		}
		r := run(t, s.options())
		defer r.stop()
		time.Sleep(39 * time.Second)
		if n := r.metric("disconnects_total", "limited"); n != 1 || s.api.count() != 1 || !strings.Contains(r.waits(), "40") {
			t.Errorf("limited %v times in %d calls, and it waits for %q", n, s.api.count(), r.waits())
		}
		time.Sleep(20 * time.Second)
		if open, _ := s.sockets(); open != 2 {
			t.Errorf("%d connections", open)
		}
	})
}

// Slack does not answer, or the network breaks, again and again: the pauses grow, and each event that Slack sends again arrives.
func TestNothingIsLostWhenConnectionsBreak(t *testing.T) {
	onStage(t, func(t *testing.T, s *stage) {
		s.api.fail = func(n int) (status, retryAfter int) {
			return map[bool]int{true: http.StatusServiceUnavailable}[n%2 == 0], 0
		}
		r := run(t, s.options())
		time.Sleep(10 * time.Second)
		for i := range 40 {
			sayMany(s, 5)
			switch i % 4 {
			case 0:
				_ = s.net.last().Close()
			case 1:
				close(s.net.last().dead)
			case 2:
				s.must(s.Disconnect(t.Context(), s.app.ID, slacksim.Disconnection{Reason: []string{"warning", "refresh_requested"}[i/4%2]}))
			}
			time.Sleep(3 * time.Minute)
		}
		stats := s.settled()
		if stats.Accepted != 200 {
			t.Errorf("%+v, want each accepted in the end", stats)
		}
		r.stop()
		s.everySaid(200)
	})
}

// SIGTERM: what was taken is acknowledged, nothing more is taken, and Slack counts no ghost.
func TestTheEndIsOrderly(t *testing.T) {
	onStage(t, func(t *testing.T, s *stage) {
		r := run(t, s.options())
		synctest.Wait()
		release := s.hold()
		defer release()
		sayMany(s, 3)
		time.Sleep(100 * time.Millisecond)
		r.cancel()
		time.Sleep(time.Second)
		s.say("after SIGTERM") // nobody takes it, whichever connection it comes over
		release()
		<-r.ended
		if n := r.metric("envelopes_total", "accepted"); n != 1 { // of one channel, in order: the second comes after the first
			t.Errorf("%v were acknowledged", n)
		}
		if open, ghosts := s.sockets(); open+ghosts != 0 {
			t.Errorf("%d connections and %d ghosts are left", open, ghosts)
		}
		if n := r.metric("disconnects_total", "drained"); n != 2 {
			t.Errorf("%v drained", n)
		}
		after := run(t, s.options())
		defer after.stop()
		if stats := s.settled(); stats.Accepted != 4 {
			t.Errorf("%+v", stats)
		}
		s.everySaid(4)
	})
}

// Slack's own view of interactions: an answer arrives with the acknowledgement; without a handler, or when it fails, a person sees that.
func TestInteractions(t *testing.T) {
	onStage(t, func(t *testing.T, s *stage) {
		handler := &answering{}
		opts := s.options()
		opts.Interactions = handler
		r := run(t, opts)
		synctest.Wait()
		press := s.button()
		s.must(s.Press(t.Context(), s.team.ID, press))
		if len(handler.got) != 1 || !strings.Contains(handler.got[0], `"type":"block_actions"`) || r.metric("envelopes_total", "answered") != 1 {
			t.Errorf("%v interactions were answered: %.200s", r.metric("envelopes_total", "answered"), handler.got)
		}
		handler.err = errors.New("the views are away")
		if err := s.Press(t.Context(), s.team.ID, press); err == nil || r.metric("envelopes_total", "failed") != 1 {
			t.Errorf("a failure looks like success: %v", err)
		}
		r.stop()
		opts.Interactions = nil
		r = run(t, opts)
		defer r.stop()
		synctest.Wait()
		if err := s.Press(t.Context(), s.team.ID, press); err == nil || r.metric("envelopes_total", "unhandled") != 1 || !strings.Contains(r.logged(), "nobody here answers interactions") {
			t.Errorf("what nobody handles is acknowledged: %v", err)
		}
	})
}
