package e2e

import (
	"net/http"
	"testing"
	"time"

	"github.com/bigmind/backchannel/deploy/realengines"
	"github.com/bigmind/backchannel/deploy/slacksim"
)

// The binary brings a simulator of its own, and its workspaces outlast a kill.
func TestEmbeddedBringsItsOwnSimulator(t *testing.T) {
	p := newEmbedded(t)
	addr := realengines.FreeAddrs(t, 1)[0]
	p.env = append(p.env, "BACKCHANNEL_SLACK_SIM_ADDR="+addr, "BACKCHANNEL_SIMULATE_SLACK=true")
	process := p.startAll()
	client := slacksim.NewClient("http://"+addr, nil)
	team, err := client.CreateTeam(t.Context(), slacksim.Team{Name: "Northwind"})
	p.must(err)
	if status, _, err := get("http://" + addr + "/"); err != nil || status != http.StatusOK {
		t.Errorf("the page of the simulator: %d, %v", status, err)
	}
	process.Kill()
	process = p.startAll()
	teams, err := client.Teams(t.Context())
	p.must(err)
	if len(teams) != 1 || teams[0].ID != team.ID {
		t.Errorf("after a kill the simulator has the workspaces %+v", teams)
	}
	process.Terminate()
	if code := process.Wait(time.Minute); code != 0 {
		t.Errorf("after SIGTERM it drained with exit code %d", code)
	}
}
