package slackcalls

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

func TestCallsAreCountedByMethodAndResult(t *testing.T) {
	status := http.StatusOK
	slack := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
	reg := prometheus.NewRegistry()
	m := New(reg)
	client := m.Client(time.Minute)
	call := func(method string) {
		t.Helper()
		resp, err := client.Post(slack.URL+"/api/"+method, "text/plain", strings.NewReader("x"))
		if err == nil {
			resp.Body.Close()
		}
	}
	for _, s := range []int{200, 200, 429, 503, 404} {
		status = s
		call("chat.postMessage")
	}
	call("T0000/C0000/somebody's id")
	slack.Close()
	call("users.list")
	m.Allow("users.list", 19)
	want := `
# HELP backchannel_slack_allowed_calls_per_minute Calls of a method that are made in a minute of a workspace at most, as configured: Slack's limits are by method, workspace and minute.
# TYPE backchannel_slack_allowed_calls_per_minute gauge
backchannel_slack_allowed_calls_per_minute{method="users.list"} 19
# HELP backchannel_slack_calls_total Calls of Slack's Web API by method and what came of them: ` + "`answered` (with HTTP 200; Slack's own `ok: false` with them), `limited` (429), `unavailable` (5xx), `refused` (any other status), `lost` (no answer)." + `
# TYPE backchannel_slack_calls_total counter
backchannel_slack_calls_total{method="chat.postMessage",result="answered"} 2
backchannel_slack_calls_total{method="chat.postMessage",result="limited"} 1
backchannel_slack_calls_total{method="chat.postMessage",result="refused"} 1
backchannel_slack_calls_total{method="chat.postMessage",result="unavailable"} 1
backchannel_slack_calls_total{method="other",result="refused"} 1
backchannel_slack_calls_total{method="users.list",result="lost"} 1
`
	if err := testutil.GatherAndCompare(reg, strings.NewReader(want), "backchannel_slack_allowed_calls_per_minute", "backchannel_slack_calls_total"); err != nil {
		t.Error(err)
	}
	if n := testutil.CollectAndCount(m.duration); n != 2 {
		t.Errorf("durations of %d methods, want 2: what was lost took no time to answer", n)
	}
}
