// Package slackapp says what the Slack app is: its paths, its events, and the manifest by which Slack is told of them.
package slackapp

import (
	"errors"
	"net/url"
	"strings"

	"github.com/bigmind/backchannel/schemas"
)

// Manifest is what Slack creates an app from (docs.slack.dev/reference/app-manifest).
type Manifest struct {
	Metadata    Metadata    `json:"_metadata"`
	Display     Display     `json:"display_information"`
	Features    Features    `json:"features"`
	OAuthConfig OAuthConfig `json:"oauth_config"`
	Settings    Settings    `json:"settings"`
}

// Metadata names the version of Slack's schema.
type Metadata struct {
	Major int `json:"major_version"`
	Minor int `json:"minor_version"`
}

// Display is what people see of the app: a name of at most 35 characters and a description of at most 140.
type Display struct {
	Name        string `json:"name"`
	Description string `json:"description"`
}

// Features are the parts of the app that are on.
type Features struct {
	Home AppHome `json:"app_home"`
	Bot  BotUser `json:"bot_user"`
}

// AppHome has the tabs of the app. Without the messages tab Slack refuses direct messages: messages_tab_disabled.
type AppHome struct {
	HomeTab          bool `json:"home_tab_enabled"`
	MessagesTab      bool `json:"messages_tab_enabled"`
	MessagesReadOnly bool `json:"messages_tab_read_only_enabled"`
}

// BotUser is who posts.
type BotUser struct {
	DisplayName  string `json:"display_name"`
	AlwaysOnline bool   `json:"always_online"`
}

// OAuthConfig is what the app may ask for, and where Slack leads back to.
type OAuthConfig struct {
	RedirectURLs []string `json:"redirect_urls,omitempty"`
	Scopes       Scopes   `json:"scopes"`
}

// Scopes of the bot token: of both flows, as Slack refuses a subscription without its scope.
type Scopes struct {
	Bot []string `json:"bot"`
}

// Settings are the ways in. Request URLs are absent in Socket Mode.
type Settings struct {
	Events        EventSubscriptions `json:"event_subscriptions"`
	Interactivity Interactivity      `json:"interactivity"`
	OrgDeploy     bool               `json:"org_deploy_enabled"`
	SocketMode    bool               `json:"socket_mode_enabled"`
	TokenRotation bool               `json:"token_rotation_enabled"`
}

// EventSubscriptions are the events, and where they go.
type EventSubscriptions struct {
	RequestURL string   `json:"request_url,omitempty"`
	BotEvents  []string `json:"bot_events"`
}

// Interactivity says where presses, submissions and searches go.
type Interactivity struct {
	Enabled    bool   `json:"is_enabled"`
	RequestURL string `json:"request_url,omitempty"`
	OptionsURL string `json:"message_menu_options_url,omitempty"`
}

// Name is the app's, where no other is wanted.
const Name = "Bigmind"

// New makes the manifest of an app whose service is reached at public, such as https://bigmind.example. In Socket Mode
// Slack needs no request URL; public may then be empty, which leaves only the two OAuth flows without a way back.
func New(name, public string, socketMode bool) (Manifest, error) {
	public = strings.TrimSuffix(public, "/")
	u, err := url.Parse(public)
	switch {
	case name == "" || len([]rune(name)) > 35:
		return Manifest{}, errors.New("the app's name must have 1 to 35 characters")
	case public == "" && !socketMode:
		return Manifest{}, errors.New("no URL is given: say where Slack reaches this service, such as https://bigmind.example, or ask for Socket Mode")
	case public != "" && (err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil || strings.ContainsAny(public, "?#") || u.Path != ""):
		return Manifest{}, errors.New("the URL must be https:// and a host, such as https://bigmind.example: Slack takes no other")
	}
	m := Manifest{
		Metadata: Metadata{Major: 1, Minor: 1},
		Display:  Display{Name: name, Description: "Customer conversations as context for your accounts and deals, and notifications where you work."},
		Features: Features{Home: AppHome{MessagesTab: true, MessagesReadOnly: true}, Bot: BotUser{DisplayName: name, AlwaysOnline: true}},
		Settings: Settings{Interactivity: Interactivity{Enabled: true}, SocketMode: socketMode},
	}
	m.OAuthConfig.Scopes.Bot = append(schemas.NotificationScopes(), schemas.ChannelSyncScopes()...)
	for _, e := range Events() {
		m.Settings.Events.BotEvents = append(m.Settings.Events.BotEvents, e.Name)
	}
	if public != "" {
		m.OAuthConfig.RedirectURLs = []string{public + CallbackPath, public + SignInPath}
	}
	if !socketMode {
		m.Settings.Events.RequestURL = public + EventsPath
		m.Settings.Interactivity.RequestURL, m.Settings.Interactivity.OptionsURL = public+InteractionsPath, public+InteractionsPath
	}
	return m, nil
}
