package history

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"hash/fnv"
	"strconv"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/bigmind/backchannel/ingest"
	"github.com/bigmind/backchannel/schemas"
)

const (
	// beatEvery is how often a replica says that it lives; it is dead when nothing was heard of it for leaseLife.
	beatEvery = 5 * time.Second
	leaseLife = 20 * time.Second
	// ownedFor is how long a workspace stays a replica's that lives. A dead one's is taken over at once, whatever is left of it.
	ownedFor = time.Hour
)

// replicas are the processes that poll, and which of them polls a workspace: that of the highest hash with it (rendezvous hashing), so that
// a replica that comes or goes moves its own share only.
type replicas struct {
	redis       redis.UniversalClient
	me          string
	every, life time.Duration // beatEvery and leaseLife, but in tests of long times

	mu      sync.Mutex
	alive   []string
	heard   time.Time // when we last told that we live
	idle    time.Time // until when nobody had polled for longer than gapAfter
	changed chan struct{}
}

func newReplicas(rdb redis.UniversalClient) *replicas {
	return &replicas{redis: rdb, me: rand.Text(), every: beatEvery, life: leaseLife, changed: make(chan struct{})}
}

// beat says that a replica lives, by Redis's clock, and returns all that do. KEYS: the sorted set. ARGV: who, life in seconds.
var beat = redis.NewScript(`
local now = tonumber(redis.call('TIME')[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - tonumber(ARGV[2]))
redis.call('ZADD', KEYS[1], now, ARGV[1])
return redis.call('ZRANGE', KEYS[1], 0, -1)`)

// run beats until ctx is done, and then says that we are gone.
func (r *replicas) run(ctx context.Context) {
	for ctx.Err() == nil {
		r.once(ctx)
		ingest.Sleep(ctx, r.every)
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	r.redis.ZRem(last, schemas.PollersKey, r.me) // should it fail, our lease ends by itself
}

func (r *replicas) once(ctx context.Context) {
	idle, err1 := r.polled(ctx, time.Now())
	alive, err := beat.Run(ctx, r.redis, []string{schemas.PollersKey}, r.me, int(r.life.Seconds())).StringSlice()
	r.mu.Lock()
	defer r.mu.Unlock()
	if err1 == nil {
		r.idle = idle
	}
	if err = errors.Join(err, err1); err != nil {
		return // Redis is away: whoever needs it says so. After leaseLife we no longer count ourselves among the living.
	}
	same := len(alive) == len(r.alive)
	for i := range alive {
		same = same && alive[i] == r.alive[i]
	}
	r.alive, r.heard = alive, time.Now()
	if !same {
		close(r.changed)
		r.changed = make(chan struct{})
	}
}

// polled notes that we poll, and returns since when somebody always has, as far as Redis remembers.
func (r *replicas) polled(ctx context.Context, now time.Time) (time.Time, error) {
	text, err := r.redis.SetArgs(ctx, schemas.PolledKey, now.Unix(), redis.SetArgs{Get: true}).Result()
	if err != nil && !errors.Is(err, redis.Nil) {
		return time.Time{}, fmt.Errorf("note that somebody polls: %w", err)
	}
	idle, err := r.redis.Get(ctx, schemas.IdleKey).Int64()
	if err != nil && !errors.Is(err, redis.Nil) {
		return time.Time{}, fmt.Errorf("ask since when somebody polls: %w", err)
	}
	last, _ := strconv.ParseInt(text, 10, 64) // what is none counts as never
	if known := err == nil; known && now.Sub(time.Unix(last, 0)) <= max(gapAfter, r.life) {
		return time.Unix(idle, 0), nil
	}
	if err := r.redis.Set(ctx, schemas.IdleKey, now.Unix(), 0).Err(); err != nil {
		return time.Time{}, fmt.Errorf("note that nobody had polled: %w", err)
	}
	return now, nil
}

// idleTill is until when nobody had polled.
func (r *replicas) idleTill() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.idle
}

// living returns who lives, nobody when we cannot tell, and a channel that is closed when that changes.
func (r *replicas) living() ([]string, <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if time.Since(r.heard) > r.life {
		return nil, r.changed
	}
	return r.alive, r.changed
}

// chosen says whether a workspace falls to us among those who live.
func (r *replicas) chosen(team schemas.TeamID, alive []string) bool {
	best, highest := "", uint64(0)
	for _, id := range alive {
		h := fnv.New64a()
		_, _ = h.Write([]byte(id + "/" + string(team))) // a hash takes anything
		if sum := mix(h.Sum64()); sum >= highest {
			best, highest = id, sum
		}
	}
	return best == r.me
}

// mix spreads what FNV leaves close together (splitmix64).
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// own takes or keeps a workspace. KEYS: the lease. ARGV: who, life in milliseconds, who lives. 0: a replica that lives has it; 1: it was ours;
// 2: it is now, and what others did with it has to be read.
var own = redis.NewScript(`
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then
  for i = 3, #ARGV do if ARGV[i] == holder then return 0 end end
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
if holder == ARGV[1] then return 1 end
return 2`)

var disown = redis.NewScript(`if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0`)

func (r *replicas) own(ctx context.Context, team schemas.TeamID, alive []string) (ours, fresh bool, err error) {
	args := []any{r.me, ownedFor.Milliseconds()}
	for _, id := range alive {
		args = append(args, id)
	}
	n, err := own.Run(ctx, r.redis, []string{schemas.LeaseKey(team, "history")}, args...).Int()
	if err != nil {
		return false, false, fmt.Errorf("take a workspace: %w", err)
	}
	return n > 0, n == 2, nil
}

// disown gives a workspace back, so that the next replica need not wait.
func (r *replicas) disown(ctx context.Context, team schemas.TeamID) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	disown.Run(ctx, r.redis, []string{schemas.LeaseKey(team, "history")}, r.me) // should it fail, it ends with our life
}
