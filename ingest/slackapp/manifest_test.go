package slackapp_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/slack-go/slack"

	"github.com/bigmind/backchannel/ingest/slackapp"
)

func manifest(t *testing.T, url string, socketMode bool) slackapp.Manifest {
	t.Helper()
	m, err := slackapp.New(slackapp.Name, url, socketMode)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// The page's two scope sets, together: the app may ask for no other.
func TestTheManifestHasThePagesScopes(t *testing.T) {
	want := strings.Fields("chat:write im:write users:read users:read.email channels:read channels:history groups:read groups:history")
	for _, socketMode := range []bool{false, true} {
		if diff := cmp.Diff(want, manifest(t, "https://bigmind.example", socketMode).OAuthConfig.Scopes.Bot); diff != "" {
			t.Error(diff)
		}
	}
}

// What 'Lifecycle' and 'Messages' of slack.md need, each allowed by a scope that the app has: Slack refuses others.
func TestTheManifestHasTheEventsThatAreNeeded(t *testing.T) {
	m := manifest(t, "https://bigmind.example", false)
	want := strings.Fields(`message.channels message.groups member_joined_channel member_left_channel channel_left group_left
		channel_rename channel_archive channel_unarchive channel_deleted channel_shared channel_unshared
		group_rename group_archive group_unarchive group_deleted channel_id_changed
		app_uninstalled tokens_revoked team_access_granted team_access_revoked team_join user_change`)
	if diff := cmp.Diff(want, m.Settings.Events.BotEvents); diff != "" {
		t.Error(diff)
	}
	for _, e := range slackapp.Events() {
		if len(e.Scopes) > 0 && !slices.ContainsFunc(e.Scopes, func(s string) bool { return slices.Contains(m.OAuthConfig.Scopes.Bot, s) }) {
			t.Errorf("%s needs one of %v", e.Name, e.Scopes)
		}
	}
}

func TestTheWaysIn(t *testing.T) {
	for name, tt := range map[string]struct {
		url        string
		socketMode bool
		events     string
		interact   string
		redirect   []string
	}{
		"HTTP":                    {"https://bigmind.example", false, "https://bigmind.example/slack/events", "https://bigmind.example/slack/interactions", []string{"https://bigmind.example/slack/callback", "https://bigmind.example/console/signin/callback"}},
		"a slash at the end":      {"https://bigmind.example:8443/", false, "https://bigmind.example:8443/slack/events", "https://bigmind.example:8443/slack/interactions", []string{"https://bigmind.example:8443/slack/callback", "https://bigmind.example:8443/console/signin/callback"}},
		"Socket Mode":             {"", true, "", "", nil},
		"Socket Mode and browser": {"https://bigmind.example", true, "", "", []string{"https://bigmind.example/slack/callback", "https://bigmind.example/console/signin/callback"}},
	} {
		t.Run(name, func(t *testing.T) {
			m := manifest(t, tt.url, tt.socketMode)
			in := m.Settings.Interactivity
			got := []any{m.Settings.SocketMode, m.Settings.Events.RequestURL, in.Enabled, in.RequestURL, in.OptionsURL, m.OAuthConfig.RedirectURLs}
			if diff := cmp.Diff([]any{tt.socketMode, tt.events, true, tt.interact, tt.interact, tt.redirect}, got); diff != "" {
				t.Error(diff)
			}
			text, err := json.Marshal(m)
			if err != nil {
				t.Fatal(err)
			}
			if tt.url == "" && strings.Contains(string(text), "://") {
				t.Errorf("a URL in %s", text)
			}
			var theirs slack.Manifest // what an independent reader of Slack's schema finds
			if err := json.Unmarshal(text, &theirs); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(m.Settings.Events.BotEvents, theirs.Settings.EventSubscriptions.BotEvents); diff != "" {
				t.Error(diff)
			}
			if theirs.Settings.Interactivity.RequestUrl != tt.interact || theirs.Settings.Interactivity.MessageMenuOptionsUrl != tt.interact {
				t.Errorf("interactivity is read as %+v", theirs.Settings.Interactivity)
			}
			if !theirs.Features.AppHome.MessagesTabEnabled { // else every notification fails with messages_tab_disabled
				t.Error("the messages tab is off")
			}
		})
	}
}

func TestWhatIsNoManifest(t *testing.T) {
	for name, tt := range map[string]struct {
		app, url string
		says     string
	}{
		"no URL":        {"Bigmind", "", "no URL is given"},
		"plain http":    {"Bigmind", "http://bigmind.example", "https://"},
		"a path":        {"Bigmind", "https://bigmind.example/x", "https://"},
		"a query":       {"Bigmind", "https://bigmind.example?x=1", "https://"},
		"a password":    {"Bigmind", "https://u:p@bigmind.example", "https://"},
		"no host":       {"Bigmind", "https://", "https://"},
		"not a URL":     {"Bigmind", "https://%zz", "https://"},
		"no name":       {"", "https://bigmind.example", "35 characters"},
		"too long name": {strings.Repeat("é", 36), "https://bigmind.example", "35 characters"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := slackapp.New(tt.app, tt.url, false); err == nil || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("%v, want %q", err, tt.says)
			}
		})
	}
}
