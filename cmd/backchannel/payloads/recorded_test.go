package payloads

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// recorded are events made of what others recorded: files of {"payload": …} below the folder that BACKCHANNEL_SLACK_PAYLOADS names. Whole
// events are taken as they are, from Socket Mode's frames too; messages, people and channels within any payload are the inner event of
// one; and so is the payload itself. All are of our workspace.
func recorded(t testing.TB) map[string]json.RawMessage {
	t.Helper()
	folder := os.Getenv("BACKCHANNEL_SLACK_PAYLOADS")
	if folder == "" {
		t.Skip("BACKCHANNEL_SLACK_PAYLOADS names no folder with recorded payloads")
	}
	files, err := filepath.Glob(filepath.Join(folder, "*", "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no payloads below %s: %v", folder, err)
	}
	out := map[string]json.RawMessage{}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		ok(t, err)
		var held struct{ Payload any }
		ok(t, json.Unmarshal(raw, &held))
		name := filepath.Base(filepath.Dir(file)) + "/" + filepath.Base(file)
		for i, inner := range innerEvents(held.Payload) {
			out[fmt.Sprintf("%s %d", name, i)] = ours(t, inner)
		}
	}
	return out
}

// innerEvents are the events that can be made of a payload.
func innerEvents(payload any) []any {
	if frame, is := payload.(map[string]any); is {
		if inner, has := frame["payload"].(map[string]any); has && frame["type"] == "events_api" {
			frame = inner
		}
		if inner, has := frame["event"].(map[string]any); has {
			return []any{inner}
		}
	}
	var events []any
	if object, _ := payload.(map[string]any); object["type"] != "message" || object["ts"] != nil { // what an app sends, or an answer's message
		events = append(events, payload)
	}
	within(payload, func(object map[string]any) {
		id, _ := object["id"].(string)
		_, profile := object["profile"].(map[string]any)
		_, ts := object["ts"].(string)
		_, name := object["name"].(string)
		switch {
		case object["type"] == "message" && ts:
			events = append(events, object)
		case profile && strings.HasPrefix(id, "U"), profile && strings.HasPrefix(id, "W"):
			events = append(events, map[string]any{"type": "user_change", "user": object})
		case name && strings.HasPrefix(id, "C"), name && strings.HasPrefix(id, "G"):
			events = append(events, map[string]any{"type": "channel_rename", "channel": object})
		}
	})
	return events
}

// within calls f with every object in a value.
func within(v any, f func(map[string]any)) {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			within(e, f)
		}
	case map[string]any:
		f(v)
		for _, e := range v {
			within(e, f)
		}
	}
}

// ours is an envelope of our workspace and channel around an inner event.
func ours(t testing.TB, inner any) json.RawMessage {
	t.Helper()
	if event, is := inner.(map[string]any); is {
		event = maps.Clone(event)
		switch channel := event["channel"].(type) {
		case map[string]any:
			channel = maps.Clone(channel)
			channel["id"], event["channel"] = room, channel
		default:
			event["channel"] = room
		}
		event["channel_type"] = "channel"
		inner = event
	}
	raw, err := json.Marshal(map[string]any{
		"type": "event_callback", "team_id": team, "api_app_id": "A1", "event_id": "Ev1", "event_time": 1700000000,
		"authorizations": []any{map[string]any{"enterprise_id": nil, "team_id": team, "user_id": bot, "is_bot": true}}, "event": inner,
	})
	ok(t, err)
	return raw
}
