package redis

import "strings"

// keys picks the keys that a command writes from its arguments.
type keys func(args []string) []string

func first(args []string) []string {
	return args[:min(1, len(args))]
}

func all(args []string) []string { return args }

// everySecond is for key, value, key, value….
func everySecond(args []string) (out []string) {
	for i := 0; i < len(args); i += 2 {
		out = append(out, args[i])
	}
	return out
}

// writers are the commands whose effect on a kept key the log understands: it is a string or a hash, or gone, afterwards.
var writers = map[string]keys{
	"SET": first, "SETEX": first, "PSETEX": first, "SETNX": first, "GETSET": first, "GETDEL": first, "GETEX": first,
	"INCR": first, "INCRBY": first, "INCRBYFLOAT": first, "DECR": first, "DECRBY": first, "APPEND": first, "SETRANGE": first,
	"MSET": everySecond, "MSETNX": everySecond,
	"HSET": first, "HMSET": first, "HSETNX": first, "HDEL": first, "HINCRBY": first, "HINCRBYFLOAT": first,
	"EXPIRE": first, "PEXPIRE": first, "EXPIREAT": first, "PEXPIREAT": first, "PERSIST": first,
	"DEL": all, "UNLINK": all,
}

// refused are other commands that write, by the keys that they write. A command that is in no list is refused when any of its
// arguments looks like a kept key.
var refused = map[string]keys{
	"SETBIT": first, "DELEX": first, "RESTORE": first, "MOVE": first,
	"HEXPIRE": first, "HPERSIST": first, "HSETEX": first,
	"LINSERT": first, "LPOP": first, "LPUSH": first, "LPUSHX": first, "LREM": first, "LSET": first, "LTRIM": first,
	"RPOP": first, "RPUSH": first, "RPUSHX": first,
	"SADD": first, "SPOP": first, "SREM": first, "SDIFFSTORE": first, "SINTERSTORE": first, "SUNIONSTORE": first,
	"ZADD": first, "ZINCRBY": first, "ZREM": first, "ZREMRANGEBYLEX": first, "ZREMRANGEBYRANK": first, "ZREMRANGEBYSCORE": first,
	"ZPOPMAX": first, "ZPOPMIN": first, "ZINTERSTORE": first, "ZUNIONSTORE": first,
	"PFADD": first, "PFMERGE": first, "GEOADD": first,
	"XADD": first, "XACK": first, "XDEL": first, "XTRIM": first, "XAUTOCLAIM": first, "XCLAIM": first,
}

func none([]string) []string { return nil }

// keyless commands write no key, whatever their arguments look like. Those that run others (EVAL, EXEC) are seen to there.
var keyless = map[string]keys{
	"AUTH": none, "HELLO": none, "PING": none, "ECHO": none, "QUIT": none, "CLIENT": none, "CLUSTER": none, "COMMAND": none,
	"INFO": none, "TIME": none, "WAIT": none, "MEMORY": none, "OBJECT": none,
	"SUBSCRIBE": none, "UNSUBSCRIBE": none, "PSUBSCRIBE": none, "PUNSUBSCRIBE": none, "PUBLISH": none, "PUBSUB": none,
	"SCRIPT": none, "EVAL": none, "EVALSHA": none, "EVAL_RO": none, "EVALSHA_RO": none,
	"MULTI": none, "EXEC": none, "DISCARD": none, "WATCH": none, "UNWATCH": none,
	"FLUSHALL": none, "FLUSHDB": none,
}

// touched returns the kept keys that a command writes, and why it must be refused instead, if so.
func (s *Server) touched(cmd string, args []string) (written []string, refusal string) {
	switch {
	case len(s.persist) == 0 || s.srv.IsReadOnlyCommand(cmd):
		return nil, ""
	case cmd == "SELECT" && len(args) == 1 && args[0] != "0", cmd == "SWAPDB":
		return nil, "ERR the embedded Redis has one database, number 0"
	}
	if of, ok := writers[cmd]; ok {
		return s.kept(of(args)), ""
	}
	of, ok := keyless[cmd]
	if !ok {
		of, ok = refused[cmd]
	}
	if !ok {
		of = all
	}
	if hit := s.kept(of(args)); len(hit) > 0 {
		return nil, "ERR the embedded Redis cannot keep what " + cmd + " does to a key that begins with " + s.prefixOf(hit[0]) +
			" across a restart: use string and hash commands there, or another key"
	}
	return nil, ""
}

// kept filters the keys that outlive the process.
func (s *Server) kept(keys []string) (out []string) {
	for _, k := range keys {
		if s.prefixOf(k) != "" {
			out = append(out, k)
		}
	}
	return out
}

func (s *Server) prefixOf(key string) string {
	for _, p := range s.persist {
		if strings.HasPrefix(key, p) {
			return p
		}
	}
	return ""
}
