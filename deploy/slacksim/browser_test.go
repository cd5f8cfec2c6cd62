//go:build browser

package slacksim_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/bigmind/backchannel/deploy/slacksim"
)

// setupApp is an app of a test: its button opens a modal in which an account is searched, which brings the choice of its deals.
type setupApp struct {
	w         *world
	submitted chan string
}

func (a *setupApp) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	var in struct {
		Type, Value string
		Trigger     string `json:"trigger_id"`
		View        struct {
			ID, Hash string
			State    struct {
				Values map[string]map[string]struct {
					Option *struct{ Value string } `json:"selected_option"`
				}
			}
		}
	}
	if err := json.Unmarshal([]byte(r.FormValue("payload")), &in); err != nil {
		a.w.t.Error(err)
		return
	}
	call := func(method string, args url.Values) {
		if got := a.w.post(method, formType, a.w.install.Token, args.Encode()); got.body["ok"] != true {
			a.w.t.Errorf("%s: %v", method, got.body)
		}
	}
	switch {
	case in.Type == "block_suggestion" && strings.HasPrefix("acme", in.Value):
		_, _ = io.WriteString(rw, `{"options":[{"text":{"type":"plain_text","text":"Acme"},"value":"acme"}]}`)
	case in.Type == "block_suggestion":
		_, _ = io.WriteString(rw, `{"options":[]}`)
	case in.Type == "block_actions" && in.View.ID == "":
		call("views.open", url.Values{"trigger_id": {in.Trigger}, "view": {fmt.Sprintf(dependentView, "")}})
	case in.Type == "block_actions":
		call("views.update", url.Values{"view_id": {in.View.ID}, "hash": {in.View.Hash}, "view": {fmt.Sprintf(dependentView, dealSelect)}})
	case in.Type == "view_submission":
		deal := in.View.State.Values["deal"]["deal"].Option
		if deal == nil {
			_, _ = io.WriteString(rw, `{"response_action":"errors","errors":{"deal":"Choose one, please"}}`)
			return
		}
		a.submitted <- in.View.State.Values["account"]["pick"].Option.Value + "/" + deal.Value
	}
}

// TestTheSetupFlowInABrowser: a person presses a button, types into a search, chooses what brings another choice, is told under the field what
// is wrong, and submits; the page's script and its content policy let all of that happen.
func TestTheSetupFlowInABrowser(t *testing.T) {
	w := newWorld(t, slacksim.Options{})
	app := &setupApp{w: w, submitted: make(chan string, 1)}
	target := newInboxServer(t, app.ServeHTTP)
	must(w.UpdateApp(t.Context(), w.app.ID, slacksim.AppPatch{InteractivityURL: &target, OptionsURL: &target}))(t)
	w.post("chat.postMessage", formType, w.install.Token, url.Values{"channel": {string(w.channel.ID)}, "text": {"Whose is it?"}, "blocks": {buttonBlocks}}.Encode())

	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.NoSandbox)
	allocator, stop := chromedp.NewExecAllocator(t.Context(), options...)
	defer stop()
	ctx, stop := chromedp.NewContext(allocator)
	defer stop()
	ctx, stop = context.WithTimeout(ctx, 2*time.Minute)
	defer stop()
	do := func(what string, steps ...chromedp.Action[chromedp.Void]) {
		t.Helper()
		if err := chromedp.Do(ctx, steps...); err != nil {
			text, _ := chromedp.Run(context.WithoutCancel(ctx), chromedp.Evaluate[string]("location.href + document.body.innerText + document.querySelectorAll('time').length"))
			t.Fatalf("%s: %v\n%s", what, err, text)
		}
	}
	// The page that is left redraws itself meanwhile: it may already show what is waited for, and takes along what is then typed into it.
	goes := func(what string, steps ...chromedp.Action[chromedp.Void]) {
		t.Helper()
		do("mark the page before: "+what, chromedp.Evaluate[chromedp.Void](`void (document.documentElement.dataset.left = "")`))
		do(what, steps...)
		do("leave the page: "+what, chromedp.WaitReady(`html.scripted:not([data-left])`))
	}
	// In one step: an element that was found a moment ago may be gone.
	click := func(what, selector string) {
		t.Helper()
		goes(what, chromedp.WaitReady(selector), chromedp.Evaluate[chromedp.Void](fmt.Sprintf("document.querySelector(%q).click()", selector)))
	}
	sees := func(text string) {
		t.Helper()
		do("see "+text, chromedp.WaitVisible(fmt.Sprintf(`//*[contains(text(), %q)]`, text)))
	}

	do("open the channel", chromedp.Navigate(w.url+"/t/"+string(w.team.ID)+"/c/"+string(w.channel.ID)+"?as="+string(w.ada.ID)), chromedp.WaitReady(`html.scripted`))
	click("press the button", `button[value="press"]`)
	click("submit nothing", `.modal footer button[value="submit"]`)
	sees("Account is required")
	goes("type what nothing is called", chromedp.SendKeys(`.find input`, "zzz\r"))
	sees("Nothing is offered for")
	goes("type a name", chromedp.SendKeys(`.find input`, "ac\r"))
	do("wait for what is found", chromedp.WaitReady(`//select/option[contains(., "Acme")]`))
	goes("choose it, of which the app is told at once", chromedp.SetValue(`select[data-tells]`, "acme"))
	do("wait for its deals", chromedp.WaitReady(`//select/option[contains(., "Renewal")]`))
	click("submit without a deal", `.modal footer button[value="submit"]`)
	sees("Choose one, please")
	do("choose a deal", chromedp.SetValue(`select[name="v|deal|deal"]`, "d2"))
	click("submit", `.modal footer button[value="submit"]`)
	do("wait until it closes", chromedp.WaitNotPresent(`.modal`))
	select {
	case got := <-app.submitted:
		if got != "acme/d2" {
			t.Errorf("the app was given %s", got)
		}
	case <-ctx.Done():
		t.Error("the app was given nothing")
	}
}
