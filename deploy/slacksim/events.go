package slacksim

import (
	"encoding/json"
	"slices"
)

// event is something that apps may hear of, before it is known which.
type event struct {
	team    *team
	channel *channel // nil when it concerns the workspace
	name    string   // the kind: message, app_mention, rename…
	change  string   // message_changed or message_deleted
	message *message
	// previous is a copy of the message as it was.
	previous *message
	// noPrevious: previous_message comes as an empty array.
	noPrevious bool
	ts         TS // a message_changed or message_deleted event's own
	user       UserID
	actor      UserID
	person     *Person
	app        AppID // only this app hears of it
	// with is the workspace that a channel was shared with or taken from, old the id that it had, and teams whose apps hear of it
	// where that is not who has the channel now.
	with  TeamID
	old   ChannelID
	teams []TeamID
	// origin is where it happened, when team is another that shares the channel.
	origin *team
}

// audience is what an app needs to hear of an event.
type audience struct {
	subscription string
	scope        string
	member       bool // its bot user is in the channel
}

var historyAudience = map[string]audience{
	"channel": {"message.channels", "channels:history", true},
	"group":   {"message.groups", "groups:history", true},
	"im":      {"message.im", "im:history", true},
	"mpim":    {"message.mpim", "mpim:history", true},
}

func readScope(kind string) string {
	switch kind {
	case "group":
		return "groups:read"
	case "im":
		return "im:read"
	case "mpim":
		return "mpim:read"
	}
	return "channels:read"
}

// deliveries turns the events of a change into what each app is to be sent, and remembers it as pending.
func (s *state) deliveries(e entry, events []event) []*delivery {
	var due []*delivery
	n := 0
	for i := range events {
		for _, t := range s.receivers(&events[i]) {
			ev := events[i]
			ev.origin, ev.team = ev.team, t
			for _, id := range t.installOrder {
				in := t.installs[id]
				name, inner := s.inner(e, &ev, in)
				if inner == nil {
					continue
				}
				d := s.envelope(e, &ev, in, n, name, inner)
				n++
				s.pending[d.ID] = d
				s.stats.Created++
				due = append(due, d)
			}
		}
	}
	return due
}

// inner is the event as this app gets it, and under which name; nil when it does not.
func (s *state) inner(e entry, ev *event, in *Install) (name string, body any) {
	app := s.apps[in.App]
	if app == nil || (app.EventsURL == "" && !app.SocketMode) || app.EventsDisabled || (ev.app != "" && ev.app != in.App) {
		return "", nil
	}
	if ev.app == "" && (in.Removed || in.Revoked) {
		return "", nil
	}
	name, need := s.address(ev, in)
	if need.subscription == "" || !slices.Contains(app.Events, need.subscription) {
		return "", nil
	}
	if need.scope != "" && !slices.Contains(in.Scopes, need.scope) {
		return "", nil
	}
	if need.member && !ev.channel.has(in.BotUserID) {
		return "", nil
	}
	return name, s.body(e, ev, in, name)
}

// address is the event's name towards this app, and what the app needs for it.
func (s *state) address(ev *event, in *Install) (string, audience) {
	switch ev.name {
	case "message":
		return "message", historyAudience[ev.channel.kind()]
	case "app_mention":
		if ev.channel.IsIM || ev.message.User == in.BotUserID || !mentions(ev.message.Text, in.BotUserID) {
			return "", audience{}
		}
		return "app_mention", audience{"app_mention", "app_mentions:read", true}
	case "member_joined_channel":
		return ev.name, audience{ev.name, readScope(ev.channel.kind()), true}
	case "member_left_channel":
		if ev.user != in.BotUserID {
			return ev.name, audience{ev.name, readScope(ev.channel.kind()), true}
		}
		// Its own removal an app hears as channel_left, not as member_left_channel.
		name := prefixed(ev.channel, "left")
		return name, audience{name, readScope(ev.channel.kind()), false}
	case "shared", "unshared":
		return "channel_" + ev.name, audience{"channel_" + ev.name, readScope(ev.channel.kind()), ev.channel.IsPrivate}
	case "channel_id_changed":
		return ev.name, audience{ev.name, "", true}
	case "rename", "archive", "unarchive", "deleted":
		name := prefixed(ev.channel, ev.name)
		return name, audience{name, readScope(ev.channel.kind()), true}
	case "team_join", "user_change":
		return ev.name, audience{ev.name, "users:read", false}
	case "app_uninstalled", "tokens_revoked", "team_access_granted", "team_access_revoked":
		return ev.name, audience{ev.name, "", false}
	}
	return "", audience{}
}

func prefixed(c *channel, what string) string {
	if c.IsPrivate {
		return "group_" + what
	}
	return "channel_" + what
}

// body is the inner event of an envelope.
func (s *state) body(e entry, ev *event, in *Install, name string) any {
	at := formatTS(e.At)
	switch name {
	case "message":
		return s.messageEvent(ev)
	case "app_mention":
		w := s.wire(ev.team, ev.channel, ev.message)
		w.Type, w.Channel, w.EventTS = name, ev.channel.ID, ev.message.TS
		return w
	case "member_joined_channel", "member_left_channel":
		body := map[string]any{
			"type": name, "user": ev.user, "channel": ev.channel.ID, "channel_type": string(letter(ev.channel)),
			"team": ev.team.ID, "event_ts": at,
		}
		if name == "member_joined_channel" && ev.actor != "" && ev.actor != ev.user {
			body["inviter"] = ev.actor
		}
		return body
	case "channel_left", "group_left":
		return map[string]any{"type": name, "channel": ev.channel.ID, "actor_id": ev.actor, "event_ts": at}
	case "channel_rename", "group_rename":
		return map[string]any{"type": name, "event_ts": at, "channel": map[string]any{
			"id": ev.channel.ID, "name": ev.channel.Name, "name_normalized": ev.channel.Name, "created": ev.channel.Created,
			"is_channel": !ev.channel.IsPrivate, "is_mpim": ev.channel.IsMPIM,
		}}
	case "team_join", "user_change":
		email := slices.Contains(in.Scopes, "users:read.email")
		return map[string]any{"type": name, "user": ev.team.userJSON(ev.person, email), "cache_ts": e.At / 1e6, "event_ts": at}
	case "channel_shared":
		return map[string]any{"type": name, "connected_team_id": ev.otherSide(), "channel": ev.channel.ID, "event_ts": at}
	case "channel_unshared":
		return map[string]any{"type": name, "previously_connected_team_id": ev.otherSide(), "channel": ev.channel.ID, "is_ext_shared": s.external(ev.channel), "event_ts": at}
	case "channel_id_changed":
		return map[string]any{"type": name, "old_channel_id": ev.old, "new_channel_id": ev.channel.ID, "event_ts": at}
	case "team_access_granted", "team_access_revoked":
		return map[string]any{"type": name, "team_ids": []TeamID{ev.with}, "event_ts": at}
	case "app_uninstalled":
		return map[string]any{"type": name, "event_ts": at}
	case "tokens_revoked":
		return map[string]any{"type": name, "tokens": map[string]any{"oauth": []UserID{}, "bot": []UserID{ev.user}}, "event_ts": at}
	}
	return map[string]any{"type": name, "channel": ev.channel.ID, "user": ev.actor, "event_ts": at}
}

// otherSide is the workspace at the other end of a share, seen from the one that hears of it.
func (ev *event) otherSide() TeamID {
	if ev.with == ev.team.ID {
		return ev.channel.Host
	}
	return ev.with
}

func letter(c *channel) ChannelID {
	if c.IsPrivate {
		return "G"
	}
	return "C"
}

func (s *state) messageEvent(ev *event) *wireMessage {
	if ev.change == "" {
		w := s.wire(ev.team, ev.channel, ev.message)
		w.Channel, w.ChannelType, w.EventTS = ev.channel.ID, ev.channel.kind(), ev.message.TS
		if ev.message.Broadcast {
			if root := ev.channel.message(ev.message.ThreadTS); root != nil {
				w.Root = s.wire(ev.team, ev.channel, root)
			}
		}
		return w
	}
	if ev.change == "message_replied" { // without its subtype, which Slack documents as a fault of the Events API
		return &wireMessage{
			Type: "message", Hidden: true, Channel: ev.channel.ID, ChannelType: ev.channel.kind(), TS: ev.ts, EventTS: ev.ts,
			Message: s.wire(ev.team, ev.channel, ev.message),
		}
	}
	w := &wireMessage{
		Type: "message", Subtype: ev.change, Hidden: true, Channel: ev.channel.ID, ChannelType: ev.channel.kind(),
		TS: ev.ts, EventTS: ev.ts, Previous: s.wire(ev.team, ev.channel, ev.previous),
	}
	if ev.noPrevious {
		w.Previous = []any{}
	}
	if ev.change == "message_deleted" {
		w.DeletedTS = ev.message.TS
		return w
	}
	w.Message = s.wire(ev.team, ev.channel, ev.message)
	if ev.message.Subtype == "" {
		home := s.home(ev.team, ev.message).ID
		w.Message.SourceTeam, w.Message.UserTeam = home, home
	}
	return w
}

// envelope wraps an inner event as the Events API sends it.
func (s *state) envelope(e entry, ev *event, in *Install, n int, name string, inner any) *delivery {
	app, id := s.apps[in.App], eventID(s.Salt, e.Seq, n)
	var channelID ChannelID
	if ev.channel != nil {
		channelID = ev.channel.ID
	}
	var enterprise *string
	if v := ev.team.enterpriseID(); v != "" {
		enterprise = &v
	}
	// What came through an organization's installation names the organization, and no workspace.
	var context *TeamID
	if in.Org == "" {
		context = &ev.team.ID
	}
	body := map[string]any{
		"token": app.VerificationToken, "team_id": ev.origin.ID, "context_team_id": context,
		"context_enterprise_id": enterprise, "api_app_id": app.ID, "event": inner, "type": "event_callback",
		"event_id": id, "event_time": e.At / 1e6, "is_ext_shared_channel": ev.channel != nil && s.external(ev.channel),
		"authorizations": []any{map[string]any{
			"enterprise_id": enterprise, "team_id": ev.team.ID, "user_id": in.BotUserID, "is_bot": true, "is_enterprise_install": in.Org != "",
		}},
		"event_context": eventContext(name, ev.team.ID, app.ID, channelID),
	}
	raw, err := json.Marshal(body)
	if err != nil {
		panic(err) // only RawMessage could fail, and those were checked when they came in
	}
	return &delivery{ID: id, App: app.ID, Team: ev.team.ID, Channel: channelID, Type: name, Body: raw, At: e.At}
}

// eventContext is opaque to apps; Slack's is base64 of these fields after a version.
func eventContext(name string, team TeamID, app AppID, channel ChannelID) string {
	fields := map[string]string{"et": name, "tid": string(team), "aid": string(app)}
	if channel != "" {
		fields["cid"] = string(channel)
	}
	raw, err := json.Marshal(fields)
	if err != nil {
		panic(err) // strings always encode
	}
	return "4-" + base64Raw(raw)
}
