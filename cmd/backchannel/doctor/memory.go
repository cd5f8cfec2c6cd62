package doctor

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// memory is how a Redis server is off for memory, in bytes, as INFO says (redis.io/docs/latest/commands/info).
type memory struct {
	addr        string // empty: it is the only server
	used, limit int64  // a limit of 0: it has none of its own
	policy      string // what it does at the limit
	evicted     int64  // keys, since it was started
}

// nearlyFull is the part of its limit from which a server that does not evict is said to be short: while there is time to give it more.
const nearlyFull = 0.9

// nobodys is a key that nobody has.
const nobodys = "bc:doctor"

const (
	meanwhile  = "The views stand still, and processors and sinks wait; nothing is lost."
	moreMemory = "Give it more: 'redis-cli CONFIG SET maxmemory SIZE', and the same in its configuration file. Do not let it evict."
)

// redisKeeps asks whether Redis keeps what it is given: whether it takes what is written, and evicts nothing.
func (d *Doctor) redisKeeps(ctx context.Context) (takes bool) {
	// With XX nothing is written where there is nothing; yet it is refused as any write is.
	refused := d.Redis.SetXX(ctx, nobodys, "", time.Second).Err()
	full := redis.IsOOMError(refused)
	servers := d.memories(ctx)
	evicts, short, facts := false, false, []string{"Redis takes what is written"}
	for _, m := range servers {
		evicts = d.tellEvicting(m) || evicts
		short = d.tellShort(m, full && len(servers) == 1) || short
		facts = append(facts, m.String())
	}
	switch {
	case full && !short: // which of several it is, or how much it has, is not known
		d.fail("redis", "memory", "", "Redis is out of memory and refuses what is written: "+reason(refused)+". "+meanwhile, moreMemory)
	case refused != nil && !full:
		d.fail("redis", "writes", "", "Redis refuses what is written: "+reason(refused)+". "+meanwhile,
			"Mend what it says. READONLY: a failover is under way, or redis-url leads to a replica. MISCONF: it cannot write to its disk.")
	case !evicts && !short:
		d.pass("redis", "memory", strings.Join(facts, "; ")+".")
	}
	return refused == nil
}

// tellEvicting tells whether a server evicts, and what is lost by that.
func (d *Doctor) tellEvicting(m memory) (does bool) {
	if m.policy == "noeviction" {
		return false
	}
	loses := "the views, the ledger of deliveries and sessions get holes, so that messages are of no account, and notifications come twice or not at all"
	if strings.HasPrefix(m.policy, "volatile-") {
		loses = "whatever expires goes before its time: the ledger of deliveries, so that notifications come twice, and sessions"
	}
	fact, next := fmt.Sprintf("Redis evicts keys when memory is short (maxmemory-policy %s): %s.", m.policy, loses), "Run 'redis-cli CONFIG SET maxmemory-policy noeviction', and set it in its configuration file."
	if m.evicted > 0 {
		fact += fmt.Sprintf(" It has evicted %d keys since it was started.", m.evicted)
		next += " Then have the views built anew: 'redis-cli FLUSHDB', on a database that Backchannel has for itself."
	}
	d.fail("redis", "eviction", m.addr, fact, next)
	return true
}

// tellShort tells whether a server has no memory left, or soon has none. refuses: it has just refused a write for that.
func (d *Doctor) tellShort(m memory, refuses bool) (is bool) {
	limited := m.limit > 0 && m.policy == "noeviction" // any other makes room, or refuses
	switch {
	case refuses || limited && m.used > m.limit:
		d.fail("redis", "memory", m.addr, fmt.Sprintf("Redis is out of memory and refuses what is written: %s. %s", m, meanwhile), moreMemory)
	case limited && float64(m.used) >= nearlyFull*float64(m.limit):
		d.fail("redis", "memory", m.addr, fmt.Sprintf("Redis is nearly out of memory: %s. What does not fit it refuses, and everything waits.", m), moreMemory)
	default:
		return false
	}
	return true
}

func (m memory) String() string {
	text := fmt.Sprintf("%.1f MiB are used", float64(m.used)/(1<<20))
	if m.addr != "" {
		text = m.addr + ": " + text
	}
	if m.limit == 0 {
		return text + ", and maxmemory sets no limit"
	}
	return fmt.Sprintf("%s of %.1f MiB (maxmemory)", text, float64(m.limit)/(1<<20))
}

// memories asks each server that holds keys. One that says nothing of its memory, as the embedded one, is left out.
func (d *Doctor) memories(ctx context.Context) (all []memory) {
	cluster, is := d.Redis.(*redis.ClusterClient)
	if !is {
		if m := memoryOf(d.Redis.Info(ctx).Val()); m.policy != "" {
			all = append(all, m)
		}
		return all
	}
	var mu sync.Mutex
	_ = cluster.ForEachMaster(ctx, func(ctx context.Context, server *redis.Client) error { // one that does not answer makes the rest of the checks fail
		if m := memoryOf(server.Info(ctx).Val()); m.policy != "" {
			mu.Lock()
			defer mu.Unlock()
			m.addr = server.Options().Addr
			all = append(all, m)
		}
		return nil
	})
	return all
}

// memoryOf reads an answer of INFO.
func memoryOf(info string) (m memory) {
	for line := range strings.Lines(info) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		n, _ := strconv.ParseInt(value, 10, 64) // most are no numbers
		switch name {
		case "used_memory":
			m.used = n
		case "maxmemory":
			m.limit = n
		case "maxmemory_policy":
			m.policy = value
		case "evicted_keys":
			m.evicted = n
		}
	}
	return m
}
