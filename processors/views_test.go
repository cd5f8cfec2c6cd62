package processors

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/alicebob/miniredis/v2"
	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"

	"github.com/bigmind/backchannel/schemas"
)

func newRedis(t *testing.T) (*miniredis.Miniredis, *redis.Client) {
	t.Helper()
	mini := miniredis.RunT(t)
	client := redis.NewClient(&redis.Options{Addr: mini.Addr(), MaxRetries: -1})
	t.Cleanup(func() { _ = client.Close() })
	return mini, client
}

func complete(t *testing.T, mini *miniredis.Miniredis) {
	t.Helper()
	if err := mini.Set(schemas.ViewsCompleteKey, "1"); err != nil {
		t.Fatal(err)
	}
}

// What is absent is no error, and what was found is there.
func TestLookupFindsAndMisses(t *testing.T) {
	mini, client := newRedis(t)
	complete(t, mini)
	mini.HSet("h", "f", "v")
	var found, missed *redis.StringCmd
	err := Lookup(t.Context(), client, func(pipe redis.Pipeliner) {
		missed, found = pipe.HGet(t.Context(), "h", "other"), pipe.HGet(t.Context(), "h", "f")
	})
	if err != nil || found.Val() != "v" || !errors.Is(missed.Err(), redis.Nil) {
		t.Errorf("%v; found %q, missed %v", err, found.Val(), missed.Err())
	}
}

// A command that fails behind one that finds nothing must not pass for one that finds nothing, too: on a cluster each
// command may go to another node. A lost association would drop its channel's messages for good.
func TestLookupSeesAFailureBehindAMiss(t *testing.T) {
	mini, client := newRedis(t)
	complete(t, mini)
	if err := mini.Set("string", "v"); err != nil {
		t.Fatal(err)
	}
	err := Lookup(t.Context(), client, func(pipe redis.Pipeliner) {
		pipe.HGet(t.Context(), "absent", "f")
		pipe.HGet(t.Context(), "string", "f") // WRONGTYPE stands for whatever fails one command of several
	})
	if err == nil || !strings.Contains(err.Error(), "WRONGTYPE") {
		t.Errorf("got %v", err)
	}
}

// Views that are being rebuilt, or a Redis that came back empty: an empty answer would mean nothing.
func TestLookupRefusesIncompleteViews(t *testing.T) {
	mini, client := newRedis(t)
	for _, state := range []string{"", "0", "10"} {
		if err := mini.Set(schemas.ViewsCompleteKey, state); err != nil {
			t.Fatal(err)
		}
		if err := Lookup(t.Context(), client, func(redis.Pipeliner) {}); !errors.Is(err, ErrViewsIncomplete) {
			t.Errorf("with %q: %v", state, err)
		}
	}
	mini.FlushAll()
	if err := Lookup(t.Context(), client, func(redis.Pipeliner) {}); !errors.Is(err, ErrViewsIncomplete) {
		t.Errorf("empty: %v", err)
	}
}

func TestLookupReportsARedisThatIsAway(t *testing.T) {
	mini, client := newRedis(t)
	complete(t, mini)
	mini.Close()
	if err := Lookup(t.Context(), client, func(pipe redis.Pipeliner) { pipe.Get(t.Context(), "x") }); err == nil || errors.Is(err, ErrViewsIncomplete) {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := Lookup(ctx, client, func(redis.Pipeliner) {}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestMemo(t *testing.T) {
	var m Memo[schemas.Account]
	value := schemas.ViewValue(7, []byte(`{"org_id":"o","account_id":"a"}`))
	first, err := m.Decode(value)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(&schemas.Account{OrgID: "o", AccountID: "a"}, first); diff != "" {
		t.Error(diff)
	}
	if again, err := m.Decode(value); err != nil || again != first {
		t.Errorf("the same bytes were decoded again: %v", err)
	}
	if gone, err := m.Decode(schemas.ViewValue(8, nil)); err != nil || gone != nil {
		t.Errorf("a tombstone is %+v, %v", gone, err)
	}
	for _, bad := range []string{"", "x", "7 {", "s3cret {}"} {
		if v, err := m.Decode(bad); err == nil || v != nil {
			t.Errorf("%q is decoded to %+v", bad, v)
		} else if strings.Contains(err.Error(), "{") {
			t.Errorf("the error quotes the value: %v", err)
		}
	}
	for i := range int64(memoLimit) + 10 {
		if _, err := m.Decode(schemas.ViewValue(i, nil)); err != nil {
			t.Fatal(err)
		}
	}
	if len(m.decoded) > memoLimit {
		t.Errorf("it remembers %d values, the limit is %d", len(m.decoded), memoLimit)
	}
}
