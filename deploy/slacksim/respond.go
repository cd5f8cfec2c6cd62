package slacksim

import (
	"encoding/json"
	"errors"
	"net/http"
	"time"
)

const (
	// maxResponses and responseLife: "up to 5 times within 30 minutes" (docs.slack.dev/interactivity/handling-user-interaction).
	maxResponses = 5
	responseLife = 30 * time.Minute
)

// responseURL lets an app answer where something was pressed, without a token.
type responseURL struct {
	app     AppID
	team    TeamID
	channel ChannelID
	ts      TS
	user    UserID
	at      time.Time
	uses    int
}

// Ephemeral is a message that one person saw, and that no channel keeps.
type Ephemeral struct {
	TS      TS              `json:"ts"`
	Team    TeamID          `json:"team"`
	Channel ChannelID       `json:"channel"`
	User    UserID          `json:"user"`
	App     AppID           `json:"app"`
	Text    string          `json:"text"`
	Blocks  json.RawMessage `json:"blocks,omitempty"`
}

func (s *Simulator) responseURL(base string, app AppID, team TeamID, channel ChannelID, ts TS, user UserID) string {
	secret := newSecret(32)
	s.interact.responses[secret] = &responseURL{app: app, team: team, channel: channel, ts: ts, user: user, at: s.now()}
	return base + "/actions/" + secret
}

// serveResponseURL takes an app's later answer.
func (s *Simulator) serveResponseURL(w http.ResponseWriter, r *http.Request) {
	a := args{}
	if err := a.readJSON(http.MaxBytesReader(w, r.Body, maxAPIBody)); err != nil {
		writeJSON(w, http.StatusBadRequest, response{"ok": false, "error": err.Error()})
		return
	}
	s.mu.Lock()
	err := s.respond(r.PathValue("secret"), a)
	s.mu.Unlock()
	var e *apiError
	switch {
	case err == nil:
		writeJSON(w, http.StatusOK, response{"ok": true})
	case errors.As(err, &e) && (e.code == "used_url" || e.code == "expired_url"):
		writeJSON(w, http.StatusNotFound, response{"ok": false, "error": e.code})
	case errors.As(err, &e):
		writeJSON(w, http.StatusOK, response{"ok": false, "error": e.code})
	default:
		s.log.Error("a response_url could not be served", "error", err)
		writeJSON(w, http.StatusInternalServerError, response{"ok": false, "error": "fatal_error"})
	}
}

func (s *Simulator) respond(secret string, a args) error {
	u := s.interact.responses[secret]
	switch {
	case u == nil || s.now().Sub(u.at) > responseLife:
		return fail("expired_url")
	case u.uses >= maxResponses:
		return fail("used_url")
	}
	u.uses++
	t := s.state.teams[u.team]
	in, ch := t.installs[u.app], t.channels[u.channel]
	if in == nil || in.Removed || ch == nil {
		return fail("expired_url")
	}
	original := ch.message(u.ts)
	if a.flag("delete_original") && original != nil && !original.Deleted {
		return s.remove(t, ch, u.ts)
	}
	c := &call{Simulator: s, method: "response_url", args: a, in: in, team: t, app: s.state.apps[u.app]}
	body, err := c.content()
	if err != nil {
		return err
	}
	switch {
	case a.flag("replace_original") && original != nil && !original.Deleted:
		next := *original
		next.Replies, next.Text, next.Blocks, next.Attachments = nil, body.text, body.blocks, body.attachments
		_, err := s.commitEdit(t, ch, next, false)
		return err
	case a.str("response_type") == "in_channel":
		m := message{
			TS: s.nextTS(ch), User: in.BotUserID, BotID: in.BotID, AppID: u.app, Text: body.text, Blocks: body.blocks,
			Attachments: body.attachments, ThreadTS: TS(a.str("thread_ts")),
		}
		post := c.post(ch, m, body)
		return s.commit(change{Posted: &posted{Team: t.ID, Channel: ch.ID, Message: m, Post: &post}})
	}
	s.interact.ephemerals = append(s.interact.ephemerals, Ephemeral{
		TS: s.nextTS(ch), Team: t.ID, Channel: ch.ID, User: u.user, App: u.app, Text: body.text, Blocks: body.blocks,
	})
	s.wake()
	return nil
}
