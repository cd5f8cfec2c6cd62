package redis

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"time"
)

// state is what a kept key holds: a string, a hash, or neither when it does not exist.
type state struct {
	key    string
	str    *string
	hash   map[string]string
	expire int64 // Unix milliseconds; 0 without
}

func (s state) gone(nowMS int64) bool {
	return s.str == nil && len(s.hash) == 0 || s.expire != 0 && s.expire <= nowMS
}

// state reads a key. miniredis counts a time to live from the last tick. Called with s.mu held, so no tick is in between.
func (s *Server) state(key string) (state, error) {
	st := state{key: key}
	switch kind := s.mini.Type(key); kind {
	case "":
		return st, nil
	case "string":
		v, err := s.mini.Get(key)
		if err != nil {
			return st, fmt.Errorf("read a kept key: %w", err)
		}
		st.str = &v
	case "hash":
		fields, err := s.mini.HKeys(key)
		if err != nil {
			return st, fmt.Errorf("read a kept key: %w", err)
		}
		st.hash = make(map[string]string, len(fields))
		for _, f := range fields {
			st.hash[f] = s.mini.HGet(key, f)
		}
	default:
		return st, fmt.Errorf("a kept key is a %s, which no command that was let through makes", kind)
	}
	if ttl := s.mini.TTL(key); ttl > 0 {
		st.expire = time.Unix(0, s.last.Load()).Add(ttl).UnixMilli()
	}
	return st, nil
}

// record appends the states in which a command left kept keys, in one frame.
func (s *Server) record(effect script) error {
	if len(s.persist) == 0 {
		return nil
	}
	if effect.flushed {
		if err := s.file.clear(); err != nil {
			return err
		}
	}
	slices.Sort(effect.keys)
	keys := slices.Compact(effect.keys)
	if len(keys) == 0 {
		return nil
	}
	states := make([]state, 0, len(keys))
	for _, k := range keys {
		st, err := s.state(k)
		if err != nil {
			return err
		}
		states = append(states, st)
	}
	return s.file.append(encode(states))
}

// encode writes states as commands of Redis' protocol, within MULTI and EXEC if they are several: what follows an incomplete
// transaction at the end of a file is not applied.
func encode(states []state) []byte {
	var b bytes.Buffer
	commands := 0
	for _, st := range states {
		commands += st.encode(&b)
	}
	if commands == 1 {
		return b.Bytes()
	}
	var framed bytes.Buffer
	command(&framed, "MULTI")
	framed.Write(b.Bytes())
	command(&framed, "EXEC")
	return framed.Bytes()
}

func (s state) encode(b *bytes.Buffer) (commands int) {
	expire := strconv.FormatInt(s.expire, 10)
	switch {
	case s.str != nil && s.expire != 0:
		command(b, "SET", s.key, *s.str, "PXAT", expire)
		return 1
	case s.str != nil:
		command(b, "SET", s.key, *s.str)
		return 1
	}
	command(b, "DEL", s.key)
	if len(s.hash) == 0 {
		return 1
	}
	args := []string{"HSET", s.key}
	for f, v := range s.hash {
		args = append(args, f, v)
	}
	command(b, args...)
	if s.expire == 0 {
		return 2
	}
	command(b, "PEXPIREAT", s.key, expire)
	return 3
}

func command(b *bytes.Buffer, args ...string) {
	fmt.Fprintf(b, "*%d\r\n", len(args))
	for _, a := range args {
		fmt.Fprintf(b, "$%d\r\n%s\r\n", len(a), a)
	}
}
