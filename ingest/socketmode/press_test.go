package socketmode_test

import (
	"net/http"
	"net/url"
	"strings"

	"encoding/json"

	"github.com/bigmind/backchannel/deploy/slacksim"
)

// button posts a message with a button, and says how to press it.
func (s *stage) button() slacksim.Press {
	s.t.Helper()
	form := url.Values{"channel": {string(s.room.ID)}, "text": {"x"}, "blocks": {
		`[{"type":"actions","elements":[{"type":"button","action_id":"link","text":{"type":"plain_text","text":"Link"}}]}]`,
	}}
	req, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, "http://slack.test/api/chat.postMessage", strings.NewReader(form.Encode()))
	s.must(err)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Authorization", "Bearer "+s.install.Token)
	res, err := inProcess{s.sim.Handler()}.RoundTrip(req)
	s.must(err)
	defer res.Body.Close()
	var posted struct {
		TS slacksim.TS `json:"ts"`
	}
	s.must(json.NewDecoder(res.Body).Decode(&posted))
	s.settled()
	return slacksim.Press{User: s.ada.ID, Channel: s.room.ID, TS: posted.TS, Action: "link"}
}
