package schemas

import (
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// Teams and organizations have views of the same kind. An organization may be called what a workspace is called, also on
// purpose: it must not see the workspace's people as its own.
func TestTeamsAndOrganizationsShareNoView(t *testing.T) {
	const name = "T024BE7LD"
	seen := map[string]string{}
	for what, key := range map[string]string{
		"team installation": ViewTeamInstall(name), "team associations": ViewTeamAssociations(name), "team users": ViewTeamUsers(name),
		"team channels": ViewTeamChannels(name), "team prompts": ViewTeamPrompts(name), "team checkpoints": ViewTeamCheckpoints(name), "team sync requests": ViewTeamSyncRequests(name),
		"org installations": ViewOrgInstalls(name), "org users": ViewOrgUsers(name), "org Slack users": ViewOrgSlackUsers(name),
		"org preferences": ViewOrgPreferences(name), "org settings": ViewOrgSettings(name), "org accounts": ViewOrgAccounts(name), "org deals": ViewOrgDeals(name),
		"account index": ViewOrgAccountIndex(name), "account entries": ViewOrgAccountEntries(name), "deal index": ViewOrgDealIndex(name), "deal entries": ViewOrgDealEntries(name),
		"org email": ViewOrgEmail(name, "users"), "org Slack email": ViewOrgSlackEmail(name, "users"),
		"tokens": ViewAPITokens(), "state offsets": ViewsOffsetsKey, "state ready": ViewsReadyKey, "state complete": ViewsCompleteKey,
	} {
		if other, taken := seen[key]; taken {
			t.Errorf("%s and %s are both at %s", what, other, key)
		}
		seen[key] = what
		if !strings.HasPrefix(key, strings.TrimSuffix(ViewsKeyPattern, "*")) {
			t.Errorf("%s, at %s, is not found by %s", what, key, ViewsKeyPattern)
		}
	}
}

// In a Redis Cluster what is between the first '{' and the next '}' decides the slot. What one look-up needs together must share it.
func TestViewsOfOneLookupShareASlot(t *testing.T) {
	slot := func(key string) string {
		_, rest, _ := strings.Cut(key, "{")
		tag, _, _ := strings.Cut(rest, "}")
		return tag
	}
	for _, keys := range [][]string{
		{ViewTeamInstall("T1"), ViewTeamAssociations("T1"), ViewTeamUsers("T1"), ViewTeamChannels("T1"), ViewTeamPrompts("T1"), ViewTeamCheckpoints("T1"), ViewTeamSyncRequests("T1")},
		{ViewOrgBase("o"), ViewOrgInstalls("o"), ViewOrgUsers("o"), ViewOrgSlackUsers("o"), ViewOrgPreferences("o"), ViewOrgSettings("o"), ViewOrgEmail("o", "a@b"), ViewOrgSlackEmail("o", "a@b"), ViewOrgAccounts("o"), ViewOrgDeals("o"), ViewOrgAccountIndex("o"), ViewOrgAccountEntries("o"), ViewOrgDealIndex("o"), ViewOrgDealEntries("o")},
		{ViewsOffsetsKey, ViewsReadyKey, ViewsCompleteKey},
	} {
		for _, key := range keys {
			if slot(key) == "" || slot(key) != slot(keys[0]) {
				t.Errorf("%s is not in the slot of %s", key, keys[0])
			}
		}
	}
	if slot(ViewOrgUsers("T1")) == slot(ViewOrgUsers("T2")) {
		t.Error("all organizations share one slot")
	}
}

func TestEmailIndexesIgnoreCaseAndOuterSpace(t *testing.T) {
	if a, b := ViewOrgEmail("o", " Ada@B.Example\t"), ViewOrgEmail("o", "ada@b.example"); a != b {
		t.Errorf("%s and %s differ", a, b)
	}
	if a, b := ViewOrgSlackEmail("o", "ÉVA@b.example"), ViewOrgSlackEmail("o", "éva@B.example"); a != b {
		t.Errorf("%s and %s differ", a, b)
	}
}

func TestViewValueRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		offset, value := rapid.Int64Range(0, 1<<62).Draw(t, "offset"), rapid.String().Draw(t, "value")
		gotOffset, got, err := ParseViewValue(ViewValue(offset, []byte(value)))
		if err != nil || gotOffset != offset || got != value {
			t.Fatalf("%d %q, %v", gotOffset, got, err)
		}
	})
	for _, bad := range []string{"", "1", "{}", "x {}", " {}", "9223372036854775808 {}"} {
		if _, _, err := ParseViewValue(bad); err == nil {
			t.Errorf("%q is taken for a view value", bad)
		}
	}
}

func FuzzParseViewValue(f *testing.F) {
	f.Add("12 {}")
	f.Add("12 ")
	f.Add("")
	f.Fuzz(func(t *testing.T, s string) {
		offset, value, err := ParseViewValue(s)
		if err != nil {
			return
		}
		again, same, err := ParseViewValue(ViewValue(offset, []byte(value)))
		if err != nil || !reflect.DeepEqual([]any{offset, value}, []any{again, same}) {
			t.Errorf("%q: %d %q, again %d %q, %v", s, offset, value, again, same, err)
		}
	})
}

// Who may be matched by email: never a bot, a deactivated person or one of another company.
func TestMatchable(t *testing.T) {
	for want, users := range map[bool][]SlackUser{
		true:  {{Email: "a@b"}, {Email: "a@b", IsGuest: true}},
		false: {{}, {Email: "a@b", IsBot: true}, {Email: "a@b", Deleted: true}, {Email: "a@b", IsExternal: true}},
	} {
		for _, u := range users {
			if u.Matchable() != want {
				t.Errorf("%+v: matchable %v", u, !want)
			}
		}
	}
}

// Channel sync is opt-in, for public and for private channels apart.
func TestMayKeep(t *testing.T) {
	public, private := []string{ScopeChannelsHistory}, []string{ScopeGroupsHistory}
	both := append(append([]string{}, public...), private...)
	for _, tt := range []struct {
		scopes      []string
		channelType string
		want        bool
	}{
		{nil, "channel", false}, {nil, "group", false}, {nil, "", false}, {NotificationScopes(), "", false},
		{public, "channel", true}, {public, "group", false}, {public, "", true},
		{private, "channel", false}, {private, "group", true}, {private, "", true},
		{both, "channel", true}, {both, "group", true}, {both, "", true}, {both, "im", false}, {both, "mpim", false},
		{ChannelSyncScopes(), "channel", true}, {ChannelSyncScopes(), "group", true},
	} {
		in := Installation{Scopes: tt.scopes}
		if got := in.MayKeep(tt.channelType); got != tt.want {
			t.Errorf("scopes %v, %q: %v", tt.scopes, tt.channelType, got)
		}
	}
}
