package redis

import (
	"strconv"
	"strings"
	"time"
)

const (
	shortestTick = 100 * time.Millisecond
	// A tick visits every key; it may take a fiftieth of one core, as long as keys do not live a second too long for it. A tick may also have
	// waited for a core that others had: then it says nothing of what it costs.
	tickShare   = 50
	longestTick = time.Second
	// syncEvery is how much a power cut can cost.
	syncEvery = time.Second
)

// age ticks until Close, and syncs the file on the way.
func (s *Server) age() {
	pause := shortestTick
	synced := time.Now()
	for s.wait(pause) {
		begun := time.Now()
		s.tick(begun)
		pause = pauseAfter(time.Since(begun))
		if time.Since(synced) < syncEvery {
			continue
		}
		synced = time.Now()
		if err := s.file.sync(); err != nil {
			s.log.Error("embedded Redis: cannot sync its file", "error", err)
		}
	}
}

// pauseAfter is how long to wait after a tick that took so long.
func pauseAfter(took time.Duration) time.Duration {
	return min(max(shortestTick, tickShare*took), longestTick)
}

// tick ages all keys to now. A wall clock set back ages nothing: keys then live longer, as in Redis.
func (s *Server) tick(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if elapsed := now.UnixNano() - s.last.Load(); elapsed > 0 {
		s.mini.FastForward(time.Duration(elapsed))
	}
	s.last.Store(now.UnixNano())
}

// behind is how long ago keys were last aged, in milliseconds, rounded up. The next tick takes that much off a key that is written
// now, although it has not lived through it.
func (s *Server) behind(now time.Time) int64 {
	return (max(0, now.UnixNano()-s.last.Load()) + int64(time.Millisecond) - 1) / int64(time.Millisecond)
}

// longest is a time to live, or a point in time, in seconds, beyond which nothing is stretched: miniredis counts in nanoseconds.
const longest = 1 << 32

// stretch rewrites a command that sets an expiry to one that sets it by milliseconds later. What is not a valid, future expiry is left
// for the command itself to answer.
func stretch(cmd string, args []string, by, nowMS int64) (string, []string) {
	switch cmd {
	case "EXPIRE", "PEXPIRE", "EXPIREAT", "PEXPIREAT":
		if len(args) >= 2 {
			if ms, ok := later(strings.TrimPrefix(cmd, "P"), args[1], cmd[0] == 'P', by, nowMS); ok {
				return "P" + strings.TrimPrefix(cmd, "P"), replaced(args, 1, ms)
			}
		}
	case "SETEX", "PSETEX":
		if len(args) == 3 {
			if ms, ok := later("EXPIRE", args[1], cmd[0] == 'P', by, nowMS); ok {
				return "PSETEX", replaced(args, 1, ms)
			}
		}
	case "SET":
		return cmd, stretchOption(args, 2, by, nowMS)
	case "GETEX":
		return cmd, stretchOption(args, 1, by, nowMS)
	}
	return cmd, args
}

// stretchOption does so for EX, PX, EXAT and PXAT among the options, which begin at from.
func stretchOption(args []string, from int, by, nowMS int64) []string {
	for i := from; i+1 < len(args); i++ {
		option := strings.ToUpper(args[i])
		kind := "EXPIRE"
		switch option {
		case "EX", "PX":
		case "EXAT", "PXAT":
			kind = "EXPIREAT"
		default:
			continue
		}
		ms, ok := later(kind, args[i+1], option[0] == 'P', by, nowMS)
		if !ok {
			return args
		}
		args = replaced(args, i+1, ms)
		args[i] = "P" + option[1:]
		return args
	}
	return args
}

// later parses n, in milliseconds or seconds, as a time to live (EXPIRE) or a point in time (EXPIREAT), and adds by.
func later(kind, n string, isMS bool, by, nowMS int64) (string, bool) {
	v, err := strconv.ParseInt(n, 10, 64)
	if err != nil || v <= 0 || v > longest*1000 {
		return "", false
	}
	if !isMS {
		if v > longest {
			return "", false
		}
		v *= 1000
	}
	if kind == "EXPIREAT" && v <= nowMS {
		return "", false
	}
	return strconv.FormatInt(v+by, 10), true
}

func replaced(args []string, i int, with string) []string {
	out := append([]string(nil), args...)
	out[i] = with
	return out
}
