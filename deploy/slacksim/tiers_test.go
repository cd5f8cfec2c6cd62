package slacksim

import "testing"

// TestTiers: each method's 'tier (per method, workspace, app)'.
func TestTiers(t *testing.T) {
	tiers := map[int][]string{
		20: {"users.list", "conversations.list"},
		50: {
			"conversations.info", "conversations.history", "conversations.replies", "conversations.open", "users.conversations", "users.lookupByEmail",
			"chat.update",
		},
		100: {"users.info", "conversations.members", "views.open", "views.update"},
	}
	for perMinute, names := range tiers {
		for _, name := range names {
			if got := methods[name].perMinute; got != perMinute {
				t.Errorf("%s: %d a minute, want %d", name, got, perMinute)
			}
		}
	}
	if s := (Settings{}).withDefaults(); s.PostBurst != 1 || s.PostsPerMinute != 300 || s.ConnectionsPerMinute != 50 || postInterval.Seconds() != 1 {
		t.Errorf("the special ones: %+v", s)
	}
}
