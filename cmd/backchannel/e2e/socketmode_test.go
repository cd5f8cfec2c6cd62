package e2e

import (
	"fmt"
	"testing"
	"time"

	"github.com/bigmind/backchannel/deploy/realengines"
	"github.com/bigmind/backchannel/deploy/slacksim"
)

// Messages come over Socket Mode, from a Slack that has no URL to reach us by, and become rows; so do those after a rolling restart, which
// leaves no ghost behind.
func TestSocketMode(t *testing.T) {
	p := newEmbedded(t)
	p.startAll()
	w := p.build(false)
	on := true
	app, err := p.slack.UpdateApp(t.Context(), w.app.ID, slacksim.AppPatch{SocketMode: &on})
	p.must(err)
	p.env = append(p.env, "BACKCHANNEL_SLACK_APP_TOKEN="+app.AppToken, "BACKCHANNEL_SLACK_SIGNING_SECRET=")
	for round := range 2 {
		addr := realengines.FreeAddrs(t, 1)[0]
		process := p.start("socketmode", addr, "run", "ingest")
		process.Await(time.Minute, ready(addr))
		for n := range 20 {
			_, err := p.slack.Say(t.Context(), w.team, w.channel, w.ada.ID, fmt.Sprintf("round %d, message %d", round, n))
			p.must(err)
		}
		eventually(t, within, func() error {
			var rows, different uint64
			err := p.sql([]any{&rows, &different}, "SELECT count(), uniqExact(text) FROM conversations WHERE channel_id = ? AND text LIKE ?", string(w.channel), fmt.Sprintf("round %d, message %%", round))
			if err == nil && (rows != 20 || different != 20) {
				err = fmt.Errorf("%d rows of %d texts, want 20", rows, different)
			}
			return err
		})
		process.Terminate()
		if code := process.Wait(time.Minute); code != 0 {
			t.Errorf("after SIGTERM it drained with exit code %d", code)
		}
		left, err := p.slack.Sockets(t.Context(), app.ID)
		p.must(err)
		if len(left) != 0 {
			t.Errorf("Slack still counts %+v", left)
		}
	}
}
