package schemas

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The catalogue is the product page's list of use cases: each category has a type, for users and managers where it says so.
func TestCatalogueIsTheProductPage(t *testing.T) {
	type kind struct {
		Category Category
		Audience Audience
	}
	want := map[NotificationType]kind{
		"meeting_analysis.ready":          {"meeting_analysis", ForUsers},
		"coaching.insight":                {"coaching", ForUsers},
		"coaching.opportunity":            {"coaching", ForManagers},
		"meeting_digest.daily":            {"meeting_digest", ForUsers},
		"meeting_digest.weekly":           {"meeting_digest", ForUsers},
		"meeting_digest.team_weekly":      {"meeting_digest", ForManagers},
		"pipeline.weekly_account_updates": {"pipeline", ForUsers},
		"pipeline.daily_todos":            {"pipeline", ForUsers},
		"channel_context.updated":         {"channel_context", ForUsers},
		"alert.important":                 {"alert", ForUsers},
		"alert.account":                   {"alert", ForUsers}, // ours: what nobody can turn off
	}
	got := map[NotificationType]kind{}
	used := map[Category]bool{}
	for _, k := range NotificationTypes {
		got[k.ID] = kind{k.Category, k.Audience}
		used[k.Category] = true
		if found, ok := LookupType(k.ID); !ok || found != k {
			t.Errorf("%s is not found by its id", k.ID)
		}
		if !k.Default.Valid() || k.Default == PreferOff || k.Name == "" || k.OnAmbiguous != Repeat && k.OnAmbiguous != Silence {
			t.Errorf("%+v", k)
		}
		if !strings.HasPrefix(string(k.ID), string(k.Category)+".") {
			t.Errorf("%s is not named after its category %s", k.ID, k.Category)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("product page, catalogue:\n%s", diff)
	}
	for _, c := range Categories {
		if !used[c.ID] || c.Name == "" {
			t.Errorf("no type is in category %s", c.ID)
		}
		delete(used, c.ID)
	}
	if len(used) > 0 {
		t.Errorf("undeclared categories: %v", used)
	}
	if _, ok := LookupType("no.such"); ok {
		t.Error("an unknown type is found")
	}
}

func TestChannelPreferences(t *testing.T) {
	for p, want := range map[ChannelPreference][3]bool{ // valid, message, email
		PreferEmail: {true, false, true}, PreferMessage: {true, true, false}, PreferBoth: {true, true, true}, PreferOff: {true, false, false},
		"": {}, "Both": {}, "slack": {},
	} {
		if got := [3]bool{p.Valid(), p.Message(), p.Email()}; got != want {
			t.Errorf("%q: %v, want %v", p, got, want)
		}
	}
}

// The precedence of the product page: user for the type, user for the category, organization for the type, for the
// category, the type's own default. The table takes them away one by one.
func TestChoose(t *testing.T) {
	kind, _ := LookupType("meeting_digest.daily")
	types := func(c ChannelPreference) map[NotificationType]ChannelPreference {
		return map[NotificationType]ChannelPreference{kind.ID: c, "alert.important": PreferOff}
	}
	categories := func(c ChannelPreference) map[Category]ChannelPreference {
		return map[Category]ChannelPreference{kind.Category: c, "alert": PreferOff}
	}
	elsewhere := &Preferences{Types: map[NotificationType]ChannelPreference{"alert.important": PreferOff}, Categories: map[Category]ChannelPreference{"alert": PreferOff}}
	for name, tt := range map[string]struct {
		user, org *Preferences
		want      ChannelPreference
	}{
		"user type":      {&Preferences{Types: types(PreferEmail), Categories: categories(PreferOff)}, &Preferences{Types: types(PreferOff), Categories: categories(PreferOff)}, PreferEmail},
		"user category":  {&Preferences{Categories: categories(PreferMessage)}, &Preferences{Types: types(PreferOff), Categories: categories(PreferOff)}, PreferMessage},
		"org type":       {elsewhere, &Preferences{Types: types(PreferEmail), Categories: categories(PreferOff)}, PreferEmail},
		"org category":   {elsewhere, &Preferences{Categories: categories(PreferMessage)}, PreferMessage},
		"default":        {elsewhere, elsewhere, kind.Default},
		"nothing known":  {nil, nil, kind.Default},
		"no user":        {nil, &Preferences{Types: types(PreferOff)}, PreferOff},
		"no org":         {&Preferences{Types: types(PreferOff)}, nil, PreferOff},
		"user turns off": {&Preferences{Types: types(PreferOff)}, &Preferences{Types: types(PreferBoth)}, PreferOff},
		"user turns on":  {&Preferences{Types: types(PreferBoth)}, &Preferences{Types: types(PreferOff)}, PreferBoth},
	} {
		if got := Choose(kind, tt.user, tt.org); got.Choice != tt.want {
			t.Errorf("%s: %+v, want %s", name, got, tt.want)
		}
	}
}
