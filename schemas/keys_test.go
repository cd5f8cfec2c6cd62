package schemas

import (
	"strings"
	"testing"
)

// FuzzKeySplit: ids hold no slash, so a key gives back the ids it was made of; and any key gives back itself.
func FuzzKeySplit(f *testing.F) {
	f.Add("T1", "C1")
	f.Add("T1", "")
	f.Add("", "")
	f.Add("org/1", "u/2")
	f.Fuzz(func(t *testing.T, team, channel string) {
		key := TeamChannelKey(TeamID(team), ChannelID(channel))
		first, second := key.Split()
		if first+"/"+second != string(key) {
			t.Errorf("%q became %q and %q", key, first, second)
		}
		if !strings.Contains(team, "/") && (first != team || second != channel) {
			t.Errorf("%q and %q became %q and %q", team, channel, first, second)
		}
		if user := TeamUserKey(TeamID(team), SlackUserID(channel)); user != key {
			t.Errorf("a user's key is %q, a channel's %q", user, key)
		}
	})
}
