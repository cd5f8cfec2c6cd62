//go:build browser

package e2e

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/bigmind/backchannel/deploy/slacksim"
)

// browser is a person at the simulator's page.
type browser struct {
	t   *testing.T
	ctx context.Context
}

// openBrowser needs Chromium or Chrome. Its pictures go into the folder that SCREENSHOTS names.
func openBrowser(t *testing.T) *browser {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.NoSandbox, chromedp.WindowSize(1280, 760), chromedp.Flag("hide-scrollbars", true))
	allocator, stop := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(stop)
	ctx, stop := chromedp.NewContext(allocator)
	t.Cleanup(stop)
	ctx, stop = context.WithTimeout(ctx, 5*time.Minute)
	t.Cleanup(stop)
	return &browser{t, ctx}
}

func (b *browser) do(what string, steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, steps...); err != nil {
		asked, stop := context.WithTimeout(context.WithoutCancel(b.ctx), 10*time.Second)
		defer stop()
		text, _ := chromedp.Run(asked, chromedp.Evaluate[string]("location.href + document.body.innerText"))
		b.t.Fatalf("%s: %v\n%s", what, err, text)
	}
}

// sees waits until a text is on the page.
func (b *browser) sees(text string) {
	b.t.Helper()
	b.do("see "+text, chromedp.WaitVisible(fmt.Sprintf(`//*[contains(text(), %q)]`, text)))
}

// goes does what leads to another page, and waits until that is there and its script has run. The page that is left redraws itself
// meanwhile: it may already show what is waited for, and takes along what is then typed into it.
func (b *browser) goes(what string, steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	b.do("mark the page before: "+what, chromedp.Evaluate[chromedp.Void](`void (document.documentElement.dataset.left = "")`))
	b.do(what, steps...)
	b.do("leave the page: "+what, chromedp.WaitReady(`html.scripted:not([data-left])`))
}

// clicks presses what leads to another page. It finds and clicks in one step, between which no redrawing comes.
func (b *browser) clicks(what, selector string) {
	b.t.Helper()
	b.goes(what, chromedp.WaitReady(selector), chromedp.Evaluate[chromedp.Void](fmt.Sprintf("document.querySelector(%q).click()", selector)))
}

// opens goes to an address.
func (b *browser) opens(what, address string) {
	b.t.Helper()
	b.do(what, chromedp.Navigate(address), chromedp.WaitReady(`html.scripted`))
}

// picture keeps what the page looks like, for the documents.
func (b *browser) picture(name string) {
	b.t.Helper()
	png, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		b.t.Fatalf("take a picture: %v", err)
	}
	if folder := os.Getenv("SCREENSHOTS"); folder != "" {
		if err := os.WriteFile(filepath.Join(folder, name+".png"), png, 0o600); err != nil {
			b.t.Fatal(err)
		}
	}
}

// A person is added by hand, joins a channel, talks, edits, gets a notification as a DM, and presses its button.
func TestWalk(t *testing.T) {
	p := newEmbedded(t)
	p.startAll()
	w := p.build(true)
	pressed := make(chan string, 1)
	mux := http.NewServeMux()
	mux.HandleFunc("POST /interactions", func(_ http.ResponseWriter, r *http.Request) { pressed <- r.FormValue("payload") })
	app := httptest.NewServer(mux)
	t.Cleanup(app.Close)
	interactivity := app.URL + "/interactions"
	_, err := p.slack.UpdateApp(t.Context(), w.app.ID, slacksim.AppPatch{InteractivityURL: &interactivity})
	p.must(err)

	b := openBrowser(t)
	site := p.simulator + "/t/" + string(w.team)
	b.opens("see the people", site+"/people")
	b.do("describe a person", chromedp.SendKeys(`.manage [name=name]`, "Grace Park"), chromedp.SendKeys(`.manage [name=email]`, "grace.park@northwind.example"))
	b.clicks("add her", `button[value="add-person"]`)
	b.sees("Grace Park")
	b.picture("people")
	grace := p.personNamed(w, "Grace Park")
	p.produce("slack.users", string(w.team)+"/"+string(grace.ID), object{"org_id": org, "team_id": w.team, "user_id": grace.ID, "name": grace.RealName, "email": grace.Email})
	p.produce("directory.users", org+"/usr-grace", object{"org_id": org, "user_id": "usr-grace", "email": grace.Email})

	channel := site + "/c/" + string(w.channel)
	b.opens("open the channel", channel)
	b.do("choose her", chromedp.Click(`details.members summary`), chromedp.SetValue(`#members [name=member]`, string(grace.ID)))
	b.clicks("add her to the channel", `button[value="add-member"]`)
	b.sees("has joined the channel")
	b.opens("open it as her", channel+"?as="+string(grace.ID))
	b.do("type", chromedp.SendKeys(`.composer [name=text]`, "We go live on Monday"))
	b.clicks("send", `button[value="say"]`)
	b.sees("We go live on Monday")
	p.awaitText(grace, "We go live on Monday")
	b.do("change it", chromedp.Click(`.mine summary`), chromedp.SetValue(`.mine [name=text]`, "We go live on *Tuesday*"))
	b.clicks("save it", `button[value="edit"]`)
	b.sees("(edited)")
	b.picture("channel")
	p.awaitText(grace, "We go live on *Tuesday*")

	p.produce("notification.requests", org+"/usr-grace", object{
		"org_id": org, "request_id": "walk", "type": "coaching.insight", "recipient": object{"user_id": "usr-grace"},
		"content": object{"title": "A moment worth a look", "body": "In *Acme's* call on Friday.", "link": object{"url": app.URL, "label": "Open the call"}},
	})
	b.clicks("open the DM", `#sidebar a[href*="/c/D"]`)
	b.sees("A moment worth a look")
	b.picture("dm")
	b.do("press its button", chromedp.Click(`//a[@data-press]`))
	select {
	case payload := <-pressed:
		if !strings.Contains(payload, `"block_actions"`) || !strings.Contains(payload, string(grace.ID)) {
			t.Errorf("the app heard %s", payload)
		}
	case <-b.ctx.Done():
		t.Fatal("the app heard of no press")
	}
}

func (p *pipeline) personNamed(w *world, name string) slacksim.Person {
	p.t.Helper()
	people, err := p.slack.People(p.t.Context(), w.team)
	p.must(err)
	for _, person := range people {
		if person.RealName == name {
			return person
		}
	}
	p.t.Fatalf("nobody is called %s", name)
	return slacksim.Person{}
}

// awaitText waits until the view of conversations has this as somebody's only message.
func (p *pipeline) awaitText(person slacksim.Person, want string) {
	p.t.Helper()
	eventually(p.t, within, func() error {
		var got []string
		err := p.sql([]any{&got}, "SELECT groupArray(text) FROM conversations WHERE org_id = ? AND user_id = ?", org, string(person.ID))
		if err == nil && (len(got) != 1 || got[0] != want) {
			err = fmt.Errorf("the view has %q, want %q", got, want)
		}
		return err
	})
}
