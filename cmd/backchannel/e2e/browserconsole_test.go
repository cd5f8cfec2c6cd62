//go:build browser

package e2e

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/bigmind/backchannel/deploy/slacksim"
	"github.com/bigmind/backchannel/ingest/console"
	"github.com/bigmind/backchannel/ingest/slackapp"
	"github.com/bigmind/backchannel/schemas"
)

// The Settings pages from one end to the other, by one owner in one browser, on the whole pipeline. Only what other systems do is done beside
// it: the directory, the CRM and the requests are records, and the app is added to the channel in Slack.
//
// She signs in, connects Slack, authorises channel sync, and links a channel, of which the page then shows the past being read until it ends. What
// she changes in the organization's defaults and in her own settings holds for the next notification, as the delivery log explains. Then she is
// told what is wrong with somebody who gets none, and with a channel that is not synced.
func TestWalkConsole(t *testing.T) {
	c := settleConsole(t)
	c.signsIn()
	c.connects()
	c.authorisesSync()
	c.links()
	c.watchesThePastBeingRead()
	c.changesPreferences()
	c.diagnoses()
	violations, err := c.slack.Violations(t.Context(), 0)
	c.must(err)
	for _, v := range violations {
		t.Errorf("Slack would refuse, ignore or warn of: %+v", v)
	}
}

// atConsole is Ada, an owner, at the console of an organization that has not connected Slack yet.
type atConsole struct {
	*pipeline
	*browser
	t                    *testing.T
	site                 string
	app                  slacksim.App
	team                 slacksim.TeamID
	ada                  slacksim.Person
	rollout, outside     slacksim.ChannelID // with a past; without the app
	requested, delivered int
}

func settleConsole(t *testing.T) *atConsole {
	t.Helper()
	p := newEmbedded(t)
	p.patience(0.2)
	ctx, c := t.Context(), &atConsole{pipeline: p, t: t, site: "http://" + p.http}
	var events []string
	for _, e := range slackapp.Events() {
		events = append(events, e.Name)
	}
	var err error
	c.app, err = p.slack.CreateApp(ctx, slacksim.App{
		Name: "Bigmind", SigningSecret: signingSecret, RedirectURLs: []string{c.site + slackapp.CallbackPath, c.site + slackapp.SignInPath}, Events: events,
		EventsURL: c.site + slackapp.EventsPath, InteractivityURL: c.site + slackapp.InteractionsPath, OptionsURL: c.site + slackapp.InteractionsPath,
	})
	p.must(err)
	p.env = append(p.env, "BACKCHANNEL_SLACK_CLIENT_ID="+c.app.ClientID, "BACKCHANNEL_SLACK_CLIENT_SECRET="+c.app.ClientSecret, "BACKCHANNEL_BACKFILL_WINDOW=240h")
	p.startAll()
	team, err := p.slack.CreateTeam(ctx, slacksim.Team{Name: "Northwind"})
	p.must(err)
	c.team = team.ID
	c.ada, err = p.slack.CreatePerson(ctx, c.team, slacksim.Person{RealName: "Ada Okafor", Email: "ada@northwind.example"})
	p.must(err)
	_, err = p.slack.CreatePerson(ctx, c.team, slacksim.Person{RealName: "Ben Ruiz", Email: "benjamin.ruiz@northwind.example"})
	p.must(err)
	p.produce("directory.users", org+"/usr-ada", object{"org_id": org, "user_id": "usr-ada", "email": "ada@northwind.example", "name": "Ada Okafor", "role": "owner"})
	p.produce("directory.users", org+"/usr-ben", object{"org_id": org, "user_id": "usr-ben", "email": "ben.ruiz@northwind.example", "name": "Ben Ruiz"})
	p.produce("crm.accounts", org+"/acc-globex", object{"org_id": org, "account_id": "acc-globex", "name": "Globex", "domains": []string{"globex.example"}})
	p.produce("crm.deals", org+"/deal-pilot", object{"org_id": org, "deal_id": "deal-pilot", "account_id": "acc-globex", "name": "Pilot"})
	p.awaitView(schemas.ViewOrgUsers(org), "usr-ada")
	p.awaitView(schemas.ViewOrgUsers(org), "usr-ben")
	p.awaitView(schemas.ViewOrgAccounts(org), "acc-globex")
	c.makePast()
	c.browser = openBrowser(t)
	return c
}

// pastPages is how many of Slack's pages the past has of the channel that is linked: with a pause before each, they are read for long enough to be watched.
const (
	pastPages = 5
	pageOf    = 999
	pastDays  = 8
)

// makePast has people talk in a channel for days before anybody connects anything.
func (c *atConsole) makePast() {
	c.t.Helper()
	ctx := c.t.Context()
	c.slackClock.behind.Store(int64(pastDays * 24 * time.Hour))
	for into, name := range map[*slacksim.ChannelID]string{&c.rollout: "globex-rollout", &c.outside: "initech-help"} {
		made, err := c.slack.CreateChannel(ctx, c.team, slacksim.Channel{Name: name, Members: []slacksim.UserID{c.ada.ID}})
		c.must(err)
		*into = made.ID
	}
	const messages = pastPages*pageOf - pageOf/2
	for i := range messages {
		c.slackClock.behind.Store(int64(pastDays*24*time.Hour) * int64(messages-i) / messages)
		_, err := c.slack.Say(ctx, c.team, c.rollout, c.ada.ID, fmt.Sprintf("What we said, number %d", i))
		c.must(err)
	}
	c.slackClock.behind.Store(0)
}

// consents answers Slack's page as Ada.
func (c *atConsole) consents(what, link string) {
	c.t.Helper()
	c.do(what, chromedp.Click(link), chromedp.WaitReady(`select[name=who]`))
	c.do(what+": allow it", chromedp.SetValue(`select[name=who]`, string(c.team)+"/"+string(c.ada.ID)), chromedp.Click(`button[value=allow]`), chromedp.WaitReady(`html.scripted .me`))
}

func (c *atConsole) signsIn() {
	c.opens("the console", c.site+console.Home)
	c.consents("sign in", `a.wide`)
	c.sees("Ada Okafor")
	c.sees("Owner")
}

func (c *atConsole) connects() {
	c.consents("connect Slack", `.hero a[href="`+slackapp.ConnectPath+`"]`)
	c.sees("Slack is connected.")
	c.sees("Northwind")
	c.do("see that it is", chromedp.WaitVisible(`//h2/span[text()="Connected"]`))
	c.do("see that there are no channels yet", chromedp.WaitNotPresent(`nav.side a[href$="/channels"]`))
	c.do("see that Ada is matched, and Ben is not", chromedp.WaitVisible(`//*[@class="tile"][contains(., "people matched")][strong[text()="1"]][em[text()="1 not"]]`))
}

func (c *atConsole) authorisesSync() {
	c.consents("authorise channel sync", `a[href^="`+slackapp.ChannelSyncPath+`"]`)
	c.sees("Channel sync is on.")
	c.do("see the Channels tab", chromedp.WaitVisible(`nav.side a[href$="/channels"]`))
}

// links adds the app to a channel in Slack, which appears in the list that is open, and links it.
func (c *atConsole) links() {
	ctx := c.t.Context()
	c.clicks("open the channels", `nav.side a[href$="/channels"]`)
	c.sees("The app is in no channel yet.")
	c.must(c.slack.Invite(ctx, c.team, c.rollout, c.ada.ID, botOf(c.pipeline, c.team, c.app.ID)))
	c.awaitChannel(c.team, c.rollout, `"is_member":true`)
	c.do("see it appear", chromedp.WaitVisible(`//a[contains(@class, "name")][contains(., "globex-rollout")]`))
	c.sees("Suggested:")
	_, err := c.slack.AddFault(ctx, slacksim.Fault{Kind: slacksim.FaultAPILatency, Method: "conversations.history", DelayMS: 2500})
	c.must(err)
	c.clicks("open it", `a.name`)
	c.do("look for the account", chromedp.SendKeys(`#q`, "glob"), chromedp.WaitReady(`//div[@id="accounts"][count(.//li)=1]`))
	c.clicks("choose it", `#accounts li a`)
	c.do("choose the deal", chromedp.SetValue(`select[name=deal]`, "deal-pilot"))
	c.sees("becomes context of Globex")
	c.clicks("link it", `main form button`)
	c.sees("Linked to Globex")
}

// watchesThePastBeingRead keeps every text of the progress that the page shows, and never opens the page again.
func (c *atConsole) watchesThePastBeingRead() {
	c.do("watch", chromedp.Evaluate[chromedp.Void](`window.shown = []; new MutationObserver(() => {
		const text = document.querySelector(".sync")?.textContent.trim(); if (text && text !== shown.at(-1)) shown.push(text)
	}).observe(document.querySelector("main"), {childList: true, subtree: true})`))
	c.sees("Complete since")
	shown, err := chromedp.Run(c.ctx, chromedp.Evaluate[[]string](`shown`))
	c.must(err)
	var percents []int
	for _, text := range shown {
		var n int
		if _, after, is := strings.Cut(text, "Reading its past: "); is {
			if _, err := fmt.Sscanf(after, "%d%%", &n); err != nil {
				c.t.Errorf("the progress says %q", text)
			}
			percents = append(percents, n)
		}
	}
	between := map[int]bool{}
	for i, n := range percents {
		if n > 0 && n < 100 {
			between[n] = true
		}
		if i > 0 && n < percents[i-1] {
			c.t.Errorf("the progress goes back: %v", percents)
		}
	}
	if len(between) < 2 || len(shown) == 0 || !strings.Contains(shown[len(shown)-1], "Complete since") {
		c.t.Errorf("the progress did not move to its end: %q", shown)
	}
	c.must(c.slack.ClearFaults(c.t.Context()))
	var n uint64
	if err := c.sql([]any{&n}, "SELECT count() FROM conversations WHERE channel_id = ? AND account_name = 'Globex' AND deal_name = 'Pilot'", string(c.rollout)); err != nil || n < pageOf {
		c.t.Errorf("%d messages are context of the account (%v)", n, err)
	}
}

// changesPreferences sees a notification come, stop by the organization's default, and come again by Ada's own choice.
func (c *atConsole) changesPreferences() {
	c.t.Helper()
	c.notified("by nobody's choice", "delivered", "The type's own default says Slack, and decides.")
	c.clicks("open the defaults", `nav.side a[href$="/defaults"]`)
	c.chooses("Saved.", "off")
	c.notified("by the organization's default", "suppressed", "The organization's default for the type says Off, and decides.")
	c.clicks("open her own", `nav.side a[href$="/notifications"]`)
	c.do("see what she gets now", chromedp.WaitVisible(`//tr[contains(., "New coaching insight")]/td[@class="now"][contains(., "Off")][contains(., "your organization")]`))
	c.chooses("Saved.", "message")
	c.do("see what she gets now", chromedp.WaitVisible(`//tr[contains(., "New coaching insight")]/td[@class="now"][contains(., "Slack")][contains(., "your choice")]`))
	c.notified("by her own choice", "delivered", "The person's own choice for the type says Slack, and decides.")
}

func (c *atConsole) chooses(says, choice string) {
	c.t.Helper()
	c.do("choose "+choice, chromedp.Click(`input[name="type.coaching.insight"][value="`+choice+`"]`))
	c.clicks("save", `.save button`)
	c.sees(says)
}

// notified has another system ask for a notification, and waits for what the delivery log says of it. What was not to come has not come.
func (c *atConsole) notified(why, status, decision string) {
	c.t.Helper()
	c.requested++
	id := fmt.Sprintf("insight-%d", c.requested)
	c.produce("notification.requests", org+"/usr-ada", object{
		"org_id": org, "request_id": id, "type": "coaching.insight", "recipient": object{"user_id": "usr-ada"},
		"content": object{"title": "A moment worth a look, " + id, "body": "In *Globex's* call.", "link": object{"url": "https://northwind.example/1"}},
	})
	c.opens("the delivery log", c.site+console.Home+"log?"+url.Values{"who": {"ada okafor"}, "request": {id}}.Encode())
	c.do("see that it is "+status+" "+why, chromedp.WaitVisible(`//table//span[contains(@class, "badge")][text()="`+status+`"]`))
	c.do("open the decision", chromedp.Click(`table summary`))
	c.sees(decision)
	if status == "delivered" {
		c.delivered++
	}
	posts, err := c.slack.Posts(c.t.Context(), slacksim.PostQuery{App: c.app.ID})
	c.must(err)
	came := 0
	for _, post := range posts.Posts {
		if post.Recipient == c.ada.ID && strings.Contains(post.Text, "A moment worth a look") {
			came++
		}
	}
	if came != c.delivered {
		c.t.Errorf("%s, %s: %d DMs have come, want %d", id, why, came, c.delivered)
	}
}

func (c *atConsole) diagnoses() {
	c.t.Helper()
	c.clicks("open the diagnosis", `nav.side a[href$="/diagnose"]`)
	c.goes("ask about Ben", chromedp.SendKeys(`input[name=who]`, "Ben Ruiz"), chromedp.SetValue(`select[name=type]`, "coaching.insight"), chromedp.SendKeys(`input[name=who]`, "\r"))
	c.sees("Notifications of Ben Ruiz")
	c.sees("something is wrong")
	c.sees("The emails do not match: Bigmind has Ben Ruiz as ben.ruiz@northwind.example, and Slack has Ben Ruiz (")
	c.sees("as benjamin.ruiz@northwind.example")
	c.sees("Change one of the two addresses, so that they are the same.")
	c.clicks("open what mends it", `.checks li.fail a.do`)
	c.sees("The emails do not match: Ben Ruiz is in Slack with benjamin.ruiz@northwind.example.")

	c.clicks("open the diagnosis again", `nav.side a[href$="/diagnose"]`)
	c.asksAbout("#initech-help")
	c.sees("The app is in no channel called #initech-help.")
	c.asksAbout("https://northwind.slack.com/archives/" + string(c.outside))
	c.sees("The app is not in channel " + string(c.outside) + " of Northwind")
	c.sees("type /invite @Bigmind there")
	failed, err := chromedp.Run(c.ctx, chromedp.Evaluate[int](`document.querySelectorAll(".checks li.yes").length`))
	c.must(err)
	if failed == 0 {
		c.t.Error("that channel sync is authorised is not said to be well")
	}
	c.asksAbout("globex-rollout")
	c.sees("all is well")
}

func (c *atConsole) asksAbout(channel string) {
	c.t.Helper()
	c.do("empty the field", chromedp.Evaluate[chromedp.Void](`void (document.querySelector("input[name=channel]").value = "")`))
	c.goes("ask about "+channel, chromedp.SendKeys(`input[name=channel]`, channel+"\r"))
}
