//go:build real

package doctor

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/bigmind/backchannel/deploy/realengines"
)

// A redis-server that is filled to its limit, then evicts, and is then mended as doctor says.
func TestRealRedisIsShortOfMemory(t *testing.T) {
	rdb := redis.NewClient(&redis.Options{Addr: realengines.StartRedis(t).Addr(), MaxRetries: -1})
	defer rdb.Close()
	says := func(takes bool, wanted ...string) {
		t.Helper()
		var lines []Line
		d := &Doctor{Options: Options{Redis: rdb, Timeout: 30 * time.Second}, say: func(l Line) { lines = append(lines, l) }}
		if got := d.redisKeeps(t.Context()); got != takes {
			t.Errorf("it takes what is written: %t, want %t", got, takes)
		}
		text := printed(lines)
		for _, want := range wanted {
			if !strings.Contains(text, want) {
				t.Errorf("doctor does not say %q:\n%s", want, text)
			}
		}
		if len(lines) != 1 {
			t.Errorf("%d lines:\n%s", len(lines), text)
		}
	}
	set := func(name, value string) {
		t.Helper()
		if err := rdb.ConfigSet(t.Context(), name, value).Err(); err != nil {
			t.Fatal(err)
		}
	}
	keys := 0
	fill := func(until func(error) bool) {
		t.Helper()
		for value := bytes.Repeat([]byte{1}, 64<<10); ; keys++ {
			if keys > 10_000 {
				t.Fatal("it is never full")
			}
			if err := rdb.Set(t.Context(), fmt.Sprint("k", keys), value, 0).Err(); until(err) {
				return
			}
		}
	}
	says(true, "✓ redis", "Redis takes what is written", "maxmemory sets no limit")
	set("maxmemory", "64mb")
	says(true, "✓ redis", "of 64.0 MiB (maxmemory)")
	fill(func(error) bool { return memoryOf(rdb.Info(t.Context()).Val()).used > 60<<20 })
	says(true, "✗ redis", "nearly out of memory")
	fill(func(err error) bool { return err != nil }) // a small one still fits
	says(true, "✗ redis", "nearly out of memory")
	set("maxmemory", "60mb")
	says(false, "✗ redis", "out of memory and refuses what is written", "CONFIG SET maxmemory SIZE")
	set("maxmemory-policy", "allkeys-lru")
	fill(func(error) bool { return memoryOf(rdb.Info(t.Context()).Val()).evicted > 10 })
	says(true, "✗ redis", "evicts keys", "It has evicted", "FLUSHDB")
	set("maxmemory-policy", "noeviction")
	set("maxmemory", "128mb")
	says(true, "✓ redis", "of 128.0 MiB (maxmemory)")
	if n, err := rdb.Exists(t.Context(), nobodys).Result(); err != nil || n != 0 {
		t.Errorf("doctor has written something: %d, %v", n, err)
	}
}
