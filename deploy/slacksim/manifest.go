package slacksim

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// Manifest is an app's configuration as Slack imports it (docs.slack.dev/reference/app-manifest). What the simulator does not
// use is read and kept out: an unknown field is refused, as Slack does.
type Manifest struct {
	Metadata *struct {
		MajorVersion int `json:"major_version"`
		MinorVersion int `json:"minor_version"`
	} `json:"_metadata,omitempty"`
	DisplayInformation struct {
		Name            string `json:"name"`
		Description     string `json:"description,omitempty"`
		LongDescription string `json:"long_description,omitempty"`
		BackgroundColor string `json:"background_color,omitempty"`
	} `json:"display_information"`
	Features struct {
		BotUser *struct {
			DisplayName  string `json:"display_name"`
			AlwaysOnline bool   `json:"always_online,omitempty"`
		} `json:"bot_user,omitempty"`
		AppHome *struct {
			HomeTabEnabled             bool `json:"home_tab_enabled,omitempty"`
			MessagesTabEnabled         bool `json:"messages_tab_enabled,omitempty"`
			MessagesTabReadOnlyEnabled bool `json:"messages_tab_read_only_enabled,omitempty"`
		} `json:"app_home,omitempty"`
	} `json:"features,omitzero"`
	OAuthConfig struct {
		RedirectURLs []string `json:"redirect_urls,omitempty"`
		Scopes       struct {
			Bot         []string `json:"bot,omitempty"`
			BotOptional []string `json:"bot_optional,omitempty"`
			User        []string `json:"user,omitempty"`
		} `json:"scopes,omitzero"`
		PKCEEnabled bool `json:"pkce_enabled,omitempty"`
	} `json:"oauth_config,omitzero"`
	Settings struct {
		EventSubscriptions *struct {
			RequestURL string   `json:"request_url,omitempty"`
			BotEvents  []string `json:"bot_events,omitempty"`
			UserEvents []string `json:"user_events,omitempty"`
		} `json:"event_subscriptions,omitempty"`
		Interactivity *struct {
			IsEnabled             bool   `json:"is_enabled"`
			RequestURL            string `json:"request_url,omitempty"`
			MessageMenuOptionsURL string `json:"message_menu_options_url,omitempty"`
		} `json:"interactivity,omitempty"`
		OrgDeployEnabled     bool     `json:"org_deploy_enabled,omitempty"`
		SocketModeEnabled    bool     `json:"socket_mode_enabled,omitempty"`
		TokenRotationEnabled bool     `json:"token_rotation_enabled,omitempty"`
		IsHosted             bool     `json:"is_hosted,omitempty"`
		AllowedIPs           []string `json:"allowed_ip_address_ranges,omitempty"`
	} `json:"settings,omitzero"`
}

func (s *Simulator) manifestRoutes(mux *http.ServeMux) {
	mux.HandleFunc("POST /control/apps/manifest", locked(s, func(_ *http.Request, in Manifest) (App, error) { return s.importManifest(in) }))
}

// importManifest makes an app of a manifest, or says all that is wrong with it, each with its place.
func (s *Simulator) importManifest(m Manifest) (App, error) {
	if problems := m.problems(); len(problems) > 0 {
		return App{}, refuse("invalid_manifest: %s", strings.Join(problems, "; "))
	}
	a := App{
		Name: m.DisplayInformation.Name, RedirectURLs: m.OAuthConfig.RedirectURLs,
		SocketMode: m.Settings.SocketModeEnabled, TokenRotation: m.Settings.TokenRotationEnabled,
	}
	if e := m.Settings.EventSubscriptions; e != nil {
		a.EventsURL, a.Events = e.RequestURL, e.BotEvents
	}
	if i := m.Settings.Interactivity; i != nil && i.IsEnabled {
		a.InteractivityURL, a.OptionsURL = i.RequestURL, i.MessageMenuOptionsURL
		if a.OptionsURL == "" {
			a.OptionsURL = i.RequestURL
		}
	}
	return s.createApp(a)
}

// problems follow Slack's rules: lengths, URLs unless Socket Mode is on, known scopes, and events with a scope that gives them.
func (m *Manifest) problems() (all []string) {
	say := func(wrong bool, pointer, format string, args ...any) {
		if wrong {
			all = append(all, fmt.Sprintf(format, args...)+" ("+pointer+")")
		}
	}
	d, o, set := m.DisplayInformation, m.OAuthConfig, m.Settings
	say(d.Name == "" || len(d.Name) > 35, "/display_information/name", "name must have 1 to 35 characters")
	say(len(d.Description) > 140, "/display_information/description", "description must have at most 140 characters")
	say(d.LongDescription != "" && (len(d.LongDescription) < 174 || len(d.LongDescription) > 4000), "/display_information/long_description", "long_description must have 174 to 4000 characters")
	say(len(o.Scopes.Bot) > 0 && m.Features.BotUser == nil, "/features/bot_user", "bot scopes need a bot_user")
	for i, scope := range slices.Concat(o.Scopes.Bot, o.Scopes.BotOptional) {
		say(!slices.Contains(knownScopes, scope), fmt.Sprintf("/oauth_config/scopes/bot/%d", i), "there is no bot scope %q", plainScope(scope))
	}
	for i, to := range o.RedirectURLs {
		say(!webURL(to), fmt.Sprintf("/oauth_config/redirect_urls/%d", i), "a redirect URL must be an http or https URL")
	}
	if e := set.EventSubscriptions; e != nil {
		say(e.RequestURL == "" && !set.SocketModeEnabled && len(e.BotEvents) > 0, "/settings/event_subscriptions/request_url", "events need a request_url, or Socket Mode")
		for i, name := range e.BotEvents {
			pointer := fmt.Sprintf("/settings/event_subscriptions/bot_events/%d", i)
			needs, known := eventScopes[name]
			say(!known, pointer, "there is no bot event %q", plainScope(name))
			has := func(scope string) bool {
				return slices.Contains(o.Scopes.Bot, scope) || slices.Contains(o.Scopes.BotOptional, scope)
			}
			say(known && len(needs) > 0 && !slices.ContainsFunc(needs, has), pointer, "%s needs the scope %s", name, strings.Join(needs, " or "))
		}
	}
	if i := set.Interactivity; i != nil && i.IsEnabled {
		say(i.RequestURL == "" && !set.SocketModeEnabled, "/settings/interactivity/request_url", "interactivity needs a request_url, or Socket Mode")
	}
	return all
}

// eventScopes are the bot events, each with the scopes of which one is needed (docs.slack.dev/reference/events).
var eventScopes = map[string][]string{
	"message.channels": {"channels:history"}, "message.groups": {"groups:history"}, "message.im": {"im:history"}, "message.mpim": {"mpim:history"},
	"app_mention": {"app_mentions:read"}, "member_joined_channel": {"channels:read", "groups:read"}, "member_left_channel": {"channels:read", "groups:read"},
	"channel_left": {"channels:read"}, "channel_rename": {"channels:read"}, "channel_archive": {"channels:read"}, "channel_unarchive": {"channels:read"},
	"channel_deleted": {"channels:read"}, "channel_created": {"channels:read"}, "channel_shared": {"channels:read", "groups:read"}, "channel_unshared": {"channels:read", "groups:read"},
	"channel_id_changed": nil, "group_left": {"groups:read"}, "group_rename": {"groups:read"}, "group_archive": {"groups:read"},
	"group_unarchive": {"groups:read"}, "group_deleted": {"groups:read"}, "team_join": {"users:read"}, "user_change": {"users:read"},
	"app_uninstalled": nil, "tokens_revoked": nil, "app_home_opened": nil, "team_access_granted": nil, "team_access_revoked": nil,
}
