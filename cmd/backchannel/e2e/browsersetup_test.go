//go:build browser

package e2e

import (
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/bigmind/backchannel/deploy/slacksim"
	"github.com/bigmind/backchannel/schemas"
)

// The setup flow of the product page, by hand: a person adds the app to a channel, opens the DM in which she is asked whose it is, presses
// its button, types a name, chooses the account and then its deal, and submits. The prompt then says so, and what is said in the channel
// from then on is a row.
func TestWalkSetup(t *testing.T) {
	p := newEmbedded(t)
	s := p.settleSetup()
	room, err := p.slack.CreateChannel(t.Context(), s.team, slacksim.Channel{Name: "globex-rollout", Members: []slacksim.UserID{s.ada.ID}})
	p.must(err)
	b := openBrowser(t)
	channel := p.simulator + "/t/" + string(s.team) + "/c/" + string(room.ID) + "?as=" + string(s.ada.ID)

	b.opens("open the channel", channel)
	b.do("choose the app", chromedp.Click(`details.members summary`), chromedp.SetValue(`#members [name=member]`, string(botOf(p, s.team, s.app.ID))))
	b.clicks("add it", `button[value="add-member"]`)
	b.sees("has joined the channel")
	s.prompt(room.ID)
	b.clicks("open the DM", `#sidebar a[href*="/c/D"]`)
	b.sees("Which account is it about?")
	b.picture("prompt")
	b.clicks("press its button", `button[value="press"]`)
	b.goes("type a name", chromedp.SendKeys(`.modal .find input`, "glob\r"))
	b.goes("choose the account", chromedp.WaitReady(`//select/option[contains(., "Globex")]`), chromedp.SetValue(`select[name="v|account|account"]`, "acc-globex"))
	b.sees("Leave it empty for the account as a whole.")
	b.clicks("look for its deals", `button[value^="options|deal:"]`)
	b.do("choose the deal", chromedp.WaitReady(`//select/option[contains(., "Pilot")]`), chromedp.SetValue(`select[name^="v|deal:"]`, "deal-pilot"))
	b.picture("modal")
	b.clicks("submit", `.modal footer button[value="submit"]`)
	b.do("wait until it closes", chromedp.WaitNotPresent(`.modal`))
	b.sees("is linked to")
	b.picture("linked")
	p.awaitView(schemas.ViewTeamAssociations(s.team), string(room.ID))

	b.opens("open the channel again", channel)
	b.do("type", chromedp.SendKeys(`.composer [name=text]`, "We go live on Monday"))
	b.clicks("send", `button[value="say"]`)
	s.awaitRow(room.ID, "We go live on Monday", "Globex", "Pilot")
}
