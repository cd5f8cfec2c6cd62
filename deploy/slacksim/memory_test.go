package slacksim_test

import (
	"fmt"
	"net/http"
	"os"
	"runtime"
	"strconv"
	"testing"

	"github.com/bigmind/backchannel/deploy/slacksim"
)

// TestMemory: '10,000 workspaces × 20 channels fit in 4 GiB', which is 21 KiB a channel with its share of people and messages.
// SLACKSIM_WORKSPACES=10000 makes all of them; the share of each does not depend on how many there are.
func TestMemory(t *testing.T) {
	workspaces := 50
	if text := os.Getenv("SLACKSIM_WORKSPACES"); text != "" {
		workspaces = must(strconv.Atoi(text))(t)
	}
	const channels, people, messages = 20, 10, 5
	sim := must(slacksim.New(slacksim.Options{}))(t)
	t.Cleanup(func() {
		if err := sim.Close(); err != nil {
			t.Error(err)
		}
	})
	before := heap()
	fill(t, slacksim.NewClient("http://slack.test", &http.Client{Transport: direct{sim.Handler()}}), workspaces, people, channels, messages)
	each := (heap() - before) / uint64(workspaces*channels)
	var all runtime.MemStats
	runtime.ReadMemStats(&all)
	t.Logf("%d workspaces of %d channels with %d messages, and %d people: %d bytes a channel, %d MiB from the system", workspaces, channels, messages, people, each, all.Sys>>20)
	if limit := uint64(4<<30) / (10_000 * channels); each > limit {
		t.Errorf("%d bytes a channel, more than %d", each, limit)
	}
	runtime.KeepAlive(sim)
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func fill(t *testing.T, c *slacksim.Client, workspaces, people, channels, messages int) {
	t.Helper()
	ctx := t.Context()
	app := must(c.CreateApp(ctx, slacksim.App{Name: "Bigmind"}))(t)
	for n := range workspaces {
		team := must(c.CreateTeam(ctx, slacksim.Team{Name: fmt.Sprint("Company ", n)}))(t)
		in := must(c.Install(ctx, team.ID, slacksim.InstallRequest{App: app.ID, Scopes: allScopes}))(t)
		members := []slacksim.UserID{in.BotUserID}
		for i := range people {
			members = append(members, must(c.CreatePerson(ctx, team.ID, slacksim.Person{RealName: fmt.Sprint("Person ", i), Email: fmt.Sprintf("p%d@c%d.example", i, n)}))(t).ID)
		}
		for i := range channels {
			room := must(c.CreateChannel(ctx, team.ID, slacksim.Channel{Name: fmt.Sprint("room-", i), Members: members}))(t)
			for k := range messages {
				must(c.Say(ctx, team.ID, room.ID, members[1+k%people], "a message of about the usual length, as people write them"))(t)
			}
		}
	}
}
