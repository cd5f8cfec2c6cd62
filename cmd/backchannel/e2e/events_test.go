package e2e

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// envelope is an event as Slack's Events API documents it (docs.slack.dev, 'The Events API', and the event types
// message, message.changed and message.deleted).
func (w *world) envelope(id string, event object) string {
	event["type"] = "message"
	raw, err := json.Marshal(object{
		"token": "XXYYZZ", "team_id": w.team, "api_app_id": w.app.ID, "event": event, "type": "event_callback", "event_id": id,
		"event_time": 1610241741, "is_ext_shared_channel": false,
		"authorizations": []any{object{"enterprise_id": nil, "team_id": w.team, "user_id": w.install.BotUserID, "is_bot": true, "is_enterprise_install": false}},
	})
	if err != nil {
		panic(err) // strings and maps of them
	}
	return string(raw)
}

func (w *world) said(id, ts, channel, text string) string {
	return w.envelope(id, object{
		"client_msg_id": "f0582a78-72db-4feb-b2f3-1e47d66365c8", "user": w.ada.ID, "text": text, "ts": ts, "team": w.team,
		"channel": channel, "event_ts": ts, "channel_type": "channel",
	})
}

func (w *world) edited(id, ts, eventTS, was, text string) string {
	message := func(text string, more object) object {
		m := object{"type": "message", "user": w.ada.ID, "text": text, "ts": ts, "team": w.team}
		for k, v := range more {
			m[k] = v
		}
		return m
	}
	return w.envelope(id, object{
		"subtype": "message_changed", "hidden": true, "channel": w.channel, "ts": eventTS, "event_ts": eventTS, "channel_type": "channel",
		"message":          message(text, object{"edited": object{"user": w.ada.ID, "ts": eventTS}}),
		"previous_message": message(was, nil),
	})
}

func (w *world) deleted(id, ts, eventTS string) string {
	return w.envelope(id, object{
		"subtype": "message_deleted", "hidden": true, "channel": w.channel, "ts": eventTS, "event_ts": eventTS, "channel_type": "channel",
		"deleted_ts": ts, "previous_message": object{"type": "message", "user": w.ada.ID, "text": "gone", "ts": ts},
	})
}

// post signs a body as Slack does and returns the status of the answer.
func (p *pipeline) post(body string) int {
	p.t.Helper()
	return p.send(body, signingSecret, time.Now())
}

func (p *pipeline) send(body, secret string, at time.Time) int {
	p.t.Helper()
	req, err := http.NewRequestWithContext(p.t.Context(), http.MethodPost, "http://"+p.http+"/slack/events", strings.NewReader(body))
	p.must(err)
	req.Header.Set("Content-Type", "application/json")
	if secret != "" {
		stamp := strconv.FormatInt(at.Unix(), 10)
		mac := hmac.New(sha256.New, []byte(secret))
		mac.Write([]byte("v0:" + stamp + ":" + body))
		req.Header.Set("X-Slack-Request-Timestamp", stamp)
		req.Header.Set("X-Slack-Signature", "v0="+hex.EncodeToString(mac.Sum(nil)))
	}
	resp, err := http.DefaultClient.Do(req)
	p.must(err)
	resp.Body.Close()
	return resp.StatusCode
}
