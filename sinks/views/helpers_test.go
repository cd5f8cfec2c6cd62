package views

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/schemas"
	"github.com/bigmind/backchannel/sinks"
	"github.com/bigmind/backchannel/sinks/sinkstest"
)

func newRedis(t testing.TB) (*miniredis.Miniredis, *redis.Client) {
	t.Helper()
	mini := miniredis.NewMiniRedis()
	if err := mini.Start(); err != nil {
		t.Fatal(err)
	}
	rdb := redis.NewClient(&redis.Options{Addr: mini.Addr(), MaxRetries: -1})
	t.Cleanup(func() {
		_ = rdb.Close()
		mini.Close()
	})
	return mini, rdb
}

func define(k *sinkstest.Kafka, rdb redis.UniversalClient) sinks.Definition {
	return Definition(rdb, k.Admin, slog.New(slog.DiscardHandler))
}

// rec makes a record; a nil value is a tombstone.
func rec(t testing.TB, topic schemas.Spec, key schemas.Key, value any) *kgo.Record {
	t.Helper()
	r := &kgo.Record{Topic: topic.Name, Key: []byte(key)}
	if value != nil {
		raw, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		r.Value = raw
	}
	return r
}

func account(t testing.TB, n int, name string) *kgo.Record {
	id := schemas.AccountID(fmt.Sprintf("a%03d", n))
	return rec(t, schemas.CRMAccounts.Spec, schemas.OrgKey("acme", id), schemas.Account{OrgID: "acme", AccountID: id, Name: name})
}

// live lists what the views answer: "key field value" of every hash, without tombstones and without offsets. What is searched is apart.
func live(mini *miniredis.Miniredis) []string {
	var all []string
	for _, key := range mini.Keys() {
		if !strings.HasPrefix(key, "bc:view:") || strings.HasPrefix(key, "bc:view:{state}") || strings.HasSuffix(key, ":entries") || mini.Type(key) != "hash" {
			continue
		}
		fields, err := mini.HKeys(key)
		if err != nil {
			continue
		}
		for _, field := range fields {
			if _, value, err := schemas.ParseViewValue(mini.HGet(key, field)); err == nil && value != "" {
				all = append(all, key+" "+field+" "+value)
			}
		}
	}
	slices.Sort(all)
	return all
}

func complete(mini *miniredis.Miniredis) bool {
	v, err := mini.Get(schemas.ViewsCompleteKey)
	return err == nil && v == "1"
}

// searched lists the members of the search indexes.
func searched(mini *miniredis.Miniredis) []string {
	var all []string
	for _, key := range mini.Keys() {
		if strings.HasSuffix(key, ":index") {
			members, err := mini.ZMembers(key)
			if err != nil {
				continue
			}
			all = append(all, members...)
		}
	}
	slices.Sort(all)
	return all
}
