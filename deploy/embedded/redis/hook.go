package redis

import (
	"bufio"
	"bytes"
	"strings"
	"time"

	"github.com/alicebob/miniredis/v2/server"
)

// client is what the hook knows of a connection. Commands of one connection come one after the other.
type client struct {
	inner   *server.Peer // stands in for the connection while a command's reply is held back
	reply   bytes.Buffer // what was written to inner
	ours    bool         // the hook itself is dispatching: let it pass
	multi   bool         // between MULTI and EXEC
	spoiled bool         // a command was refused since MULTI
	queued  script       // what EXEC will write
}

// script is what a command has written: one of its own, or a script's or transaction's many.
type script struct {
	keys    []string
	flushed bool
	ours    bool
}

// hook sees every command before miniredis does, those of scripts included. It returns true if it has answered.
func (s *Server) hook(p *server.Peer, cmd string, args ...string) bool {
	c := s.client(p)
	now := time.Now()
	if c == nil && s.run.ours || c != nil && c.ours {
		return false
	}
	name, stretched := stretch(cmd, args, s.behind(now), now.UnixMilli())
	written, refusal := s.touched(cmd, args)
	if c != nil && c.multi && strings.HasSuffix(cmd, "SUBSCRIBE") { // its messages would go to the peer that EXEC uses
		refusal = "ERR " + cmd + " is not allowed in a transaction of the embedded Redis"
	}
	if refusal != "" {
		if c != nil && c.multi {
			c.spoiled = true
		}
		p.WriteError(refusal)
		return true
	}
	if c == nil {
		s.nested(p, name, stretched, written)
		return true
	}
	if len(written) > 0 || wholly[cmd] {
		s.answer(p, c, name, stretched, written)
		return true
	}
	c.ours = true
	s.srv.Dispatch(p, append([]string{name}, stretched...))
	c.ours = false
	return true
}

// wholly are the commands whose reply must be seen, or whose effect is known only afterwards.
var wholly = map[string]bool{
	"MULTI": true, "EXEC": true, "DISCARD": true, "EVAL": true, "EVALSHA": true, "EVAL_RO": true, "EVALSHA_RO": true,
	"FLUSHALL": true, "FLUSHDB": true,
}

// client finds or makes the state of a connection; nil for a command of a script. Those come from a peer that the hook has not
// seen and that already has its context, which miniredis gives to a connection only with its first command.
func (s *Server) client(p *server.Peer) *client {
	s.peers.Lock()
	defer s.peers.Unlock()
	c, ok := s.peers.by[p]
	if ok || p.Ctx != nil {
		return c
	}
	c = &client{}
	c.inner = server.NewPeer(bufio.NewWriter(&c.reply))
	s.peers.by[p], s.peers.by[c.inner] = c, c
	p.OnDisconnect(func() {
		s.peers.Lock()
		defer s.peers.Unlock()
		delete(s.peers.by, p)
		delete(s.peers.by, c.inner)
	})
	return c
}

// nested runs a command of a script. The connection that runs the script holds s.mu.
func (s *Server) nested(p *server.Peer, cmd string, args, written []string) {
	s.run.keys = append(s.run.keys, written...)
	s.run.flushed = s.run.flushed || isFlush(cmd)
	s.run.ours = true
	s.srv.Dispatch(p, append([]string{cmd}, args...))
	s.run.ours = false
}

// answer runs a command, puts what became of kept keys into the file, and only then lets the client have the reply.
func (s *Server) answer(p *server.Peer, c *client, cmd string, args, written []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if cmd == "EXEC" && c.spoiled {
		s.held(p, c, "DISCARD", nil)
		c.multi, c.spoiled, c.queued = false, false, script{}
		p.WriteError("EXECABORT Transaction discarded because of previous errors.")
		return
	}
	if len(written)+len(c.queued.keys) > 0 {
		if err := s.file.ready(); err != nil {
			s.misconf(p, err)
			return
		}
	}
	s.run = script{}
	reply := s.held(p, c, cmd, args)
	if err := s.record(s.effect(c, cmd, written, reply)); err != nil {
		s.misconf(p, err)
		return
	}
	p.WriteRaw(reply)
}

// held runs a command and returns its reply instead of sending it.
func (s *Server) held(p *server.Peer, c *client, cmd string, args []string) string {
	c.reply.Reset()
	c.inner.Ctx, c.inner.Resp3 = p.Ctx, p.Resp3
	c.ours = true
	s.srv.Dispatch(c.inner, append([]string{cmd}, args...))
	c.ours = false
	c.inner.Flush()
	p.Ctx, p.Resp3 = c.inner.Ctx, c.inner.Resp3
	return c.reply.String()
}

// effect says, from the reply, what a command has written: nothing yet if it was queued, nothing at all if it was a single command that
// failed. A script that failed may have written before it did.
func (s *Server) effect(c *client, cmd string, written []string, reply string) script {
	failed := strings.HasPrefix(reply, "-") || strings.HasPrefix(reply, "*-1") // an error, or EXEC after a WATCHed key changed
	effect := s.run
	switch {
	case strings.HasPrefix(reply, "+QUEUED"):
		c.queued.keys = append(c.queued.keys, written...)
		c.queued.flushed = c.queued.flushed || isFlush(cmd)
	case cmd == "MULTI":
		c.multi = c.multi || !failed
	case cmd == "DISCARD" && !failed:
		c.multi, c.spoiled, c.queued = false, false, script{}
	case cmd == "EXEC":
		if !failed {
			effect.keys = append(effect.keys, c.queued.keys...)
			effect.flushed = effect.flushed || c.queued.flushed
		}
		c.multi, c.queued = false, script{}
	case !failed:
		effect.keys = append(effect.keys, written...)
		effect.flushed = effect.flushed || isFlush(cmd)
	}
	return effect
}

func isFlush(cmd string) bool { return cmd == "FLUSHALL" || cmd == "FLUSHDB" }

// misconf is how Redis answers when it cannot persist.
func (s *Server) misconf(p *server.Peer, err error) {
	s.log.Error("embedded Redis: cannot keep what was written", "error", err)
	p.WriteError("MISCONF the embedded Redis cannot write its file, see its log; whether this command took effect is unknown")
}
