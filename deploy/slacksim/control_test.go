package slacksim_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/bigmind/backchannel/deploy/slacksim"
)

func TestTheControlAPIRefusesInSentences(t *testing.T) {
	w := newWorld(t, slacksim.Options{})
	team := "/control/teams/" + string(w.team.ID)
	channel := team + "/channels/" + string(w.channel.ID)
	tests := []struct {
		method, path, contentType, body string
		status                          int
		want                            string
	}{
		{"POST", "/control/teams", "text/plain", `{"name":"x"}`, 400, "Content-Type: application/json"},
		{"POST", "/control/teams", "application/json", `{"name":"x"`, 400, "does not fit"},
		{"POST", "/control/teams", "application/json", `{"nam":"x"}`, 400, `unknown field "nam"`},
		{"POST", "/control/teams", "application/json", `{"name":"x"} {}`, 400, "more than one"},
		{"POST", "/control/teams", "application/json", `{}`, 400, "name is missing"},
		{"POST", "/control/teams/T0/users", "application/json", `{"name":"x"}`, 404, "no workspace"},
		{"POST", team + "/users", "application/json", `{"name":"x","email":"nope"}`, 400, "no @"},
		{"POST", team + "/channels", "application/json", `{"name":"Bad Name"}`, 400, "lowercase"},
		{"POST", team + "/channels", "application/json", `{"name":"acme-deal"}`, 400, "already"},
		{"POST", channel + "/messages", "application/json", `{"text":"x"}`, 400, "who speaks"},
		{"POST", channel + "/messages", "application/json", `{"user":"U0","text":"x"}`, 404, "no member"},
		{"POST", channel + "/messages", "application/json", `{"user":"` + string(w.ada.ID) + `"}`, 400, "text is empty"},
		{"POST", channel + "/messages", "application/json", `{"user":"` + string(w.ada.ID) + `","text":"x","thread_ts":"1.000001"}`, 404, "no message"},
		{"POST", channel + "/messages", "application/json", `{"user":"` + string(w.ada.ID) + `","text":"x","broadcast":true}`, 400, "thread_ts"},
		{"GET", channel + "/messages?limit=-1", "", "", 400, "whole number"},
		{"GET", team + "/messages?limit=5", "", "", 400, "one channel"},
		{"POST", "/control/apps", "application/json", `{"name":"x","events_url":"nope"}`, 400, "events_url"},
		{"POST", "/control/apps", "application/json", `{"name":"x","events":["message"]}`, 400, "message.channels"},
		{"POST", "/control/faults", "application/json", `{"kind":"chaos"}`, 400, "api_error"},
		{"POST", "/control/faults", "application/json", `{"kind":"api_error"}`, 400, "needs error"},
		{"POST", "/control/faults", "application/json", `{"kind":"api_status","status":200}`, 400, "400 to 599"},
		{"POST", "/control/faults", "application/json", `{"kind":"api_latency"}`, 400, "delay_ms"},
		{"POST", "/control/faults", "application/json", `{"kind":"withhold_events","count":-1}`, 400, "how often"},
		{"POST", "/control/idle", "application/json", `{"timeout_ms":-1}`, 400, "1 to 600000"},
		{"GET", "/control/posts?after=x", "", "", 400, "whole number"},
		{"GET", "/control/violations?after=-2", "", "", 400, "whole number"},
		{"POST", channel + "/members", "application/json", `{}`, 400, "users is empty"},
		{"PUT", "/control/settings", "application/json", `{"retry_scale":-1}`, 400, "0 to 1000"},
		{"DELETE", "/control/faults/9", "", "", 404, "no fault"},
		{"PUT", "/control/settings", "application/json", `{"post_burst":-1}`, 400, "post_burst"},
		{"GET", "/control/nowhere", "", "", 404, "README"},
	}
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	for _, tt := range tests {
		req, err := http.NewRequestWithContext(t.Context(), tt.method, w.url+tt.path, strings.NewReader(tt.body))
		if err != nil {
			t.Fatal(err)
		}
		if tt.contentType != "" {
			req.Header.Set("Content-Type", tt.contentType)
		}
		status, body := read(t, transport, req)
		if status != tt.status || !strings.Contains(body, strings.ReplaceAll(tt.want, `"`, `\"`)) {
			t.Errorf("%s %s %s: %d %s, want %d and %q", tt.method, tt.path, tt.body, status, body, tt.status, tt.want)
		}
	}
}

func TestTheRecordIsPaged(t *testing.T) {
	w := newWorld(t, slacksim.Options{})
	ctx := t.Context()
	var all []slacksim.TS
	for range 7 {
		all = append(all, must(w.Say(ctx, w.team.ID, w.channel.ID, w.ada.ID, "x"))(t).TS)
	}
	var got []slacksim.TS
	q := slacksim.MessageQuery{Limit: 3}
	for more := true; more; {
		page := must(w.Messages(ctx, w.team.ID, w.channel.ID, q))(t)
		for _, m := range page.Messages {
			got = append(got, m.TS)
			q.After = m.TS
		}
		more = page.More
	}
	if len(got) != len(all) || got[0] != all[0] || got[6] != all[6] {
		t.Errorf("pages have %v, want %v", got, all)
	}
	seq := must(w.TeamMessages(ctx, w.team.ID, slacksim.MessageQuery{}))(t).Seq
	must(w.Edit(ctx, w.team.ID, w.channel.ID, all[2], "changed"))(t)
	changed := must(w.TeamMessages(ctx, w.team.ID, slacksim.MessageQuery{ChangedSince: seq}))(t).Messages
	if len(changed) != 1 || changed[0].TS != all[2] || changed[0].Text != "changed" {
		t.Errorf("changed since %d: %+v", seq, changed)
	}
	for range 3 {
		w.post("chat.postMessage", formType, w.install.Token, "text=x&channel="+string(w.channel.ID))
	}
	first := must(w.Posts(ctx, slacksim.PostQuery{Limit: 1}))(t)
	rest := must(w.Posts(ctx, slacksim.PostQuery{After: first.Next}))(t)
	if len(first.Posts) != 1 || len(rest.Posts) != 0 { // the second and third were too soon
		t.Errorf("posts %+v, then %+v", first, rest)
	}
}
