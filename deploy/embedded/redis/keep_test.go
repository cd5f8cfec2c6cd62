package redis

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"
)

// swap is the shape of the ledger's script: compare, then set with a time to live.
var swap = redis.NewScript(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1`)

// Kill -9 while several clients write: afterwards each write that was answered is there, by every way of writing.
func TestAcknowledgedWritesSurviveKill(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	addr, kill := startChild(t, dir)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var (
		mu    sync.Mutex
		acked = map[string]string{}
		total atomic.Int64
	)
	enough := make(chan struct{})
	var writers sync.WaitGroup
	for w := range 4 {
		c := connect(t, addr)
		writers.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				key, value := fmt.Sprintf("keep:%d:%d", w, i), fmt.Sprint("done ", i)
				if err := begin(ctx, c, key, value, i); err != nil {
					return // killed
				}
				mu.Lock()
				acked[key] = value
				mu.Unlock()
				if total.Add(1) == 2000 {
					close(enough)
				}
			}
		})
	}
	select {
	case <-enough:
	case <-time.After(time.Minute):
		t.Fatalf("only %d writes in a minute", total.Load())
	}
	kill()
	stop()
	writers.Wait()

	c := connect(t, start(t, dir).Addr())
	for key, want := range acked {
		got, err := c.Get(t.Context(), key).Result()
		if err != nil || got != want {
			t.Fatalf("%s holds %q, %v after the restart; %q was acknowledged", key, got, err, want)
		}
		if ttl := c.PTTL(t.Context(), key).Val(); ttl <= 50*time.Minute || ttl > time.Hour+time.Second {
			t.Fatalf("%s lives for %s more, want about an hour", key, ttl)
		}
	}
}

// begin writes a ledger entry as a delivery does, in one of the ways that clients have.
func begin(ctx context.Context, c *redis.Client, key, value string, way int) error {
	switch way % 3 {
	case 0:
		if err := c.SetNX(ctx, key, "begun", time.Hour).Err(); err != nil {
			return err
		}
		return swap.Run(ctx, c, []string{key}, "begun", value, time.Hour.Milliseconds()).Err()
	case 1:
		_, err := c.Pipelined(ctx, func(p redis.Pipeliner) error {
			p.Set(ctx, key, "begun", time.Hour)
			p.Set(ctx, key, value, time.Hour)
			return nil
		})
		return err
	}
	_, err := c.TxPipelined(ctx, func(p redis.Pipeliner) error {
		p.Set(ctx, key, "begun", time.Hour)
		p.Set(ctx, key, value, time.Hour)
		return nil
	})
	return err
}

// What a restart keeps: what holds a kept prefix, as it then was; nothing else.
func TestARestartKeepsThePrefixAlone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := start(t, dir)
	c, ctx := connect(t, s.Addr()), t.Context()
	for _, err := range []error{
		c.Set(ctx, "keep:string", "1", 0).Err(), c.Incr(ctx, "keep:string").Err(),
		c.HSet(ctx, "keep:hash", "a", "1", "b", "2").Err(), c.HDel(ctx, "keep:hash", "a").Err(),
		c.Set(ctx, "keep:gone", "x", 0).Err(), c.Del(ctx, "keep:gone").Err(),
		c.SetNX(ctx, "keep:string", "not taken", 0).Err(),
		c.Set(ctx, "view:other", "x", 0).Err(), c.SAdd(ctx, "view:set", "x").Err(),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	c = connect(t, start(t, dir).Addr())
	if keys := c.Keys(ctx, "*").Val(); len(keys) != 2 {
		t.Errorf("keys %v, want the two that are kept", keys)
	}
	if got := c.Get(ctx, "keep:string").Val(); got != "2" {
		t.Errorf("the string holds %q, want 2", got)
	}
	if diff := cmp.Diff(map[string]string{"b": "2"}, c.HGetAll(ctx, "keep:hash").Val()); diff != "" {
		t.Errorf("the hash: %s", diff)
	}
}

func TestFlushEmptiesTheFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := start(t, dir)
	c, ctx := connect(t, s.Addr()), t.Context()
	c.Set(ctx, "keep:before", "x", 0)
	if err := c.FlushAll(ctx).Err(); err != nil {
		t.Fatal(err)
	}
	c.Set(ctx, "keep:after", "x", 0)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if keys := connect(t, start(t, dir).Addr()).Keys(ctx, "*").Val(); len(keys) != 1 || keys[0] != "keep:after" {
		t.Errorf("keys %v, want what was written after the flush", keys)
	}
}

// A write that could not be kept is refused, not silently lost; also from a script and within a transaction.
func TestRefusals(t *testing.T) {
	t.Parallel()
	s := start(t, t.TempDir())
	c, ctx := connect(t, s.Addr()), t.Context()
	for name, err := range map[string]error{
		"SADD":   c.SAdd(ctx, "keep:set", "x").Err(),
		"ZADD":   c.ZAdd(ctx, "keep:z", redis.Z{Member: "x"}).Err(),
		"RENAME": c.Rename(ctx, "other", "keep:x").Err(),
		"SELECT": c.Do(ctx, "SELECT", 1).Err(),
		"script": c.Eval(ctx, "return redis.call('SADD', KEYS[1], 'x')", []string{"keep:s"}).Err(),
		"transaction": func() error {
			_, err := c.TxPipelined(ctx, func(p redis.Pipeliner) error { p.LPush(ctx, "keep:l", "x"); return nil })
			return err
		}(),
	} {
		if err == nil {
			t.Errorf("%s on a kept key was taken", name)
		}
	}
	if err := c.SAdd(ctx, "view:set", "x").Err(); err != nil {
		t.Errorf("SADD on another key: %v", err)
	}
	if n := c.DBSize(ctx).Val(); n != 1 {
		t.Errorf("%d keys, want the one that was taken", n)
	}
}

// An entry that was being written when the process died is cut off; damage before the end is a clear error.
func TestDamagedFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := start(t, dir)
	c, ctx := connect(t, s.Addr()), t.Context()
	for i := range 3 {
		c.Set(ctx, fmt.Sprint("keep:", i), "a value", 0)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	path := findFile(t, dir)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, whole[:len(whole)-5], 0o600); err != nil {
		t.Fatal(err)
	}
	s = start(t, dir)
	if n := connect(t, s.Addr()).DBSize(ctx).Val(); n != 2 {
		t.Errorf("%d keys after a cut in the third", n)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	damaged := strings.Replace(string(whole), "$7", "$x", 1)
	if err := os.WriteFile(path, []byte(damaged), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Start(ctx, options(dir)); err == nil || !strings.Contains(err.Error(), "is damaged at byte") || !strings.Contains(err.Error(), "move the file away") {
		t.Errorf("a damaged file: %v", err)
	}
}

func findFile(t *testing.T, dir string) (path string) {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, "*"+fileName))
	if err != nil || len(found) != 1 {
		t.Fatalf("the file is not in %s: %v %v", dir, found, err)
	}
	return found[0]
}

func TestOneServerADirectory(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := start(t, dir)
	if _, err := Start(t.Context(), options(dir)); err == nil {
		t.Error("a second server took the same directory")
	}
	o := options(t.TempDir())
	o.Addr = s.Addr()
	if _, err := Start(t.Context(), o); err == nil || !strings.Contains(err.Error(), "because another program does") {
		t.Errorf("the same address: %v", err)
	}
}
