package main

import (
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/bigmind/backchannel/schemas"
)

// A misspelt organization is told from one that has nothing to show, and from views that cannot know yet.
func TestKnownOrg(t *testing.T) {
	mini, _ := explained(t)
	rdb := redis.NewClient(&redis.Options{Addr: mini.Addr()})
	t.Cleanup(func() { _ = rdb.Close() })
	if err := knownOrg(t.Context(), rdb, "acme"); err != nil {
		t.Error(err)
	}
	if err := knownOrg(t.Context(), rdb, "acne"); err == nil || !strings.Contains(err.Error(), "nothing is known of an organization acne") {
		t.Errorf("a misspelt organization: %v", err)
	}
	mini.Del(schemas.ViewsCompleteKey)
	if err := knownOrg(t.Context(), rdb, "acne"); err == nil || !strings.Contains(err.Error(), "not complete yet") {
		t.Errorf("views that are not complete: %v", err)
	}
}
