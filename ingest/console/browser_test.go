//go:build browser

package console

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/bigmind/backchannel/deploy/slacksim"
	"github.com/bigmind/backchannel/ingest/deliverylog"
	"github.com/bigmind/backchannel/schemas"
)

// browser is a person at the console, who signs in with the simulated Slack.
type browser struct {
	*world
	t    *testing.T
	ctx  context.Context
	site string
}

// openBrowser serves the console on this machine and opens Chromium. Pictures go into the folder that SCREENSHOTS names.
func openBrowser(t *testing.T) *browser {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	site := "http://" + server.Listener.Addr().String()
	sim, err := slacksim.New(slacksim.Options{})
	if err != nil {
		t.Fatal(err)
	}
	issuer := httptest.NewServer(sim.Handler())
	t.Cleanup(issuer.Close)
	slack := slacksim.NewClient(issuer.URL, nil)
	app, err := slack.CreateApp(t.Context(), slacksim.App{Name: "Bigmind", RedirectURLs: []string{site + CallbackPath}})
	if err != nil {
		t.Fatal(err)
	}
	made, err := slack.CreateTeam(t.Context(), slacksim.Team{ID: team, Name: "Northwind", Domain: "northwind"})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range []slacksim.Person{{RealName: "Olga Orlova", Email: "olga@acme.example"}, {RealName: "Mia Brandt", Email: "mia@acme.example"}} {
		if _, err := slack.CreatePerson(t.Context(), made.ID, p); err != nil {
			t.Fatal(err)
		}
	}
	b := &browser{t: t, site: site}
	b.world = bareWorld(t, nil, place{site, issuer.URL, app.ClientID, app.ClientSecret})
	b.furnish()
	server.Config.Handler = b.mux
	server.Start()
	t.Cleanup(server.Close)
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.NoSandbox, chromedp.WindowSize(1280, 860), chromedp.Flag("hide-scrollbars", true))
	allocator, stop := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(stop)
	ctx, stop := chromedp.NewContext(allocator)
	t.Cleanup(stop)
	b.ctx, stop = context.WithTimeout(ctx, 10*time.Minute)
	t.Cleanup(stop)
	return b
}

func (b *browser) do(what string, steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, steps...); err != nil {
		text, _ := chromedp.Run(context.WithoutCancel(b.ctx), chromedp.Evaluate[string]("location.href + document.body.innerText"))
		b.t.Fatalf("%s: %v\n%s", what, err, text)
	}
}

// goes does what leads to another page, and waits until that is there.
func (b *browser) goes(what string, steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	b.do("mark the page before: "+what, chromedp.Evaluate[chromedp.Void](`void (document.documentElement.dataset.left = "")`))
	b.do(what, steps...)
	b.do("leave the page: "+what, chromedp.WaitReady(`html.scripted:not([data-left])`))
}

func (b *browser) opens(path string) {
	b.t.Helper()
	b.do("open "+path, chromedp.Navigate(b.site+path), chromedp.WaitReady(`html.scripted`))
}

func (b *browser) sees(text string) {
	b.t.Helper()
	b.do("see "+text, chromedp.WaitVisible(fmt.Sprintf(`//body//*[contains(text(), %q)]`, text)))
}

func evaluate[T any](b *browser, script string) T {
	b.t.Helper()
	v, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](script))
	if err != nil {
		b.t.Fatalf("%s: %v", script, err)
	}
	return v
}

// signsIn goes through the issuer's page as somebody.
func (b *browser) signsIn(name string) {
	b.t.Helper()
	b.opens(Home)
	b.do("go to Slack", chromedp.Click(`a.wide`), chromedp.WaitReady(`select[name=who]`))
	who := evaluate[string](b, fmt.Sprintf(`[...document.querySelectorAll("option")].find(o => o.textContent.includes(%q)).value`, name))
	b.do("be "+name, chromedp.SetValue(`select[name=who]`, who), chromedp.Click(`button[value=allow]`), chromedp.WaitReady(`html.scripted .me`))
}

// looks sets the colours and the size of the screen.
func (b *browser) looks(scheme string, width, height int64) {
	b.t.Helper()
	media := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}}
	b.do("look", chromedp.EmulateViewport(width, height), chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, media)
		return err
	}))
}

func (b *browser) picture(name string) {
	b.t.Helper()
	folder := os.Getenv("SCREENSHOTS")
	if folder == "" {
		return
	}
	png, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
	if err == nil {
		err = os.WriteFile(filepath.Join(folder, name+".png"), png, 0o600)
	}
	if err != nil {
		b.t.Fatal(err)
	}
}

// everyPage are the pages that an administrator has, by what their pictures are called.
func everyPage() [][2]string {
	return [][2]string{
		{"overview", Home}, {"channels", Home + "channels"}, {"channel", Home + "channels/T1/C0000003?account=acc-globex"}, {"people", Home + "people"},
		{"notifications", Home + "notifications"}, {"defaults", Home + "defaults"}, {"log", Home + "log"}, {"diagnose", Home + "diagnose?who=ben@acme.example&type=coaching.insight"},
		{"disconnect", Home + "workspaces/T1/disconnect"}, {"account", Home + "account"},
	}
}

// Pictures of every page, in light and dark and on a phone, and on each what axe finds: nothing serious.
func TestEveryPageInABrowser(t *testing.T) {
	axe, err := os.ReadFile(os.Getenv("AXE"))
	if err != nil {
		t.Fatalf("AXE names no file (make test-browser fetches axe-core): %v", err)
	}
	b := openBrowser(t)
	b.opens(Home)
	b.check(string(axe), "signin")
	b.picture("signin")
	b.signsIn("Olga")
	for _, p := range everyPage() {
		for _, look := range []struct {
			name, scheme  string
			width, height int64
		}{{"", "light", 1280, 860}, {"-dark", "dark", 1280, 860}, {"-phone", "light", 390, 844}} {
			b.looks(look.scheme, look.width, look.height)
			b.opens(p[1])
			b.check(string(axe), p[0]+look.name)
			if wide := evaluate[int](b, `document.documentElement.scrollWidth`); int64(wide) > look.width {
				t.Errorf("%s%s is %d wide on a screen of %d", p[0], look.name, wide, look.width)
			}
			b.picture(p[0] + look.name)
		}
	}
}

// check runs axe on the page.
func (b *browser) check(axe, page string) {
	b.t.Helper()
	b.do("load axe", chromedp.Evaluate[chromedp.Void](axe+";void 0"))
	b.do("run axe", chromedp.Evaluate[chromedp.Void](`void axe.run().then(r => { document.documentElement.dataset.axe =
		JSON.stringify(r.violations.map(v => ({id: v.id, impact: v.impact, at: v.nodes.slice(0, 3).map(n => n.html + " " + n.failureSummary)}))) })`), chromedp.WaitReady(`html[data-axe]`))
	var found []struct {
		ID, Impact string
		At         []string
	}
	if err := json.Unmarshal([]byte(evaluate[string](b, `document.documentElement.dataset.axe`)), &found); err != nil {
		b.t.Fatal(err)
	}
	for _, v := range found {
		if v.Impact == "serious" || v.Impact == "critical" {
			b.t.Errorf("%s: %s (%s): %s", page, v.ID, v.Impact, strings.Join(v.At, "\n"))
		}
	}
}

// The keyboard alone: past the navigation, through a search, to a channel that is linked; and a setting that is changed with the arrows.
func TestTheKeyboardAloneInABrowser(t *testing.T) {
	b := openBrowser(t)
	b.signsIn("Olga")
	b.opens(Home)
	b.do("tab", chromedp.KeyEvent("\t"))
	if got := evaluate[string](b, `document.activeElement.textContent`); !strings.HasPrefix(got, "Skip") {
		t.Errorf("the first stop is %q", got)
	}
	b.opens(Home + "channels/T1/C0000003")
	b.do("type into what has the focus", chromedp.KeyEvent("glob"), chromedp.WaitReady(`//div[@id="accounts"][count(.//li)=1]`), chromedp.KeyEvent("\t"))
	b.goes("choose it", chromedp.KeyEvent("\r"))
	for range 30 {
		b.do("tab", chromedp.KeyEvent("\t"))
		if strings.HasPrefix(evaluate[string](b, `document.activeElement.textContent`), "Link #") {
			break
		}
	}
	b.goes("link it", chromedp.KeyEvent("\r"))
	b.sees("Linked to Globex")
	b.opens(Home + "notifications")
	b.do("focus the first choice", chromedp.Evaluate[chromedp.Void](`document.querySelector("input[type=radio]:checked").focus()`), chromedp.KeyEvent(kb.ArrowRight))
	if got := evaluate[string](b, `document.activeElement.value`); got != "email" {
		t.Errorf("the arrow chose %q", got)
	}
	b.goes("submit", chromedp.KeyEvent("\r"))
	b.sees("Saved.")
	if p := published(b.world, schemas.NotificationPreferences); p.Types["meeting_analysis.ready"] != schemas.PreferEmail {
		t.Errorf("saved %+v", p)
	}
}

// The list that is open shows what comes, and leaves alone what somebody has ticked, and where they are.
func TestAListGrowsInABrowser(t *testing.T) {
	b := openBrowser(t)
	b.account("acc-umbrella", "Umbrella", "umbrella.example")
	b.channel(schemas.SlackChannel{ChannelID: "C0000090", Name: "0-umbrella", IsMember: true})
	b.signsIn("Olga")
	b.opens(Home + "channels")
	b.do("tick a suggestion, and stand on a channel", chromedp.Click(`input[name=accept][value^="T1/C0000090/"]`), chromedp.Focus(`a.name[id="T1/C0000090"]`))
	b.channel(schemas.SlackChannel{ChannelID: "C0000091", IsMember: true})
	b.sees("C0000091")
	b.channel(schemas.SlackChannel{ChannelID: "C0000091", Name: "00-new-here", IsMember: true})
	b.sees("00-new-here")
	if got := evaluate[string](b, `[...document.querySelectorAll("input[name=accept]:checked")].map((box) => box.value).join() + " " + document.activeElement.id`); got != "T1/C0000090/acc-umbrella T1/C0000090" {
		t.Errorf("ticked, and with the focus: %q", got)
	}
	b.do("search", chromedp.SendKeys(`#q`, "umbrella"), chromedp.WaitReady(`//table[count(.//a[@class="name"])=1]`))
	b.channel(schemas.SlackChannel{ChannelID: "C0000092", Name: "umbrella-too", IsMember: true})
	b.sees("umbrella-too")
	if n := evaluate[int](b, `document.querySelectorAll("a.name").length`); n != 2 {
		t.Errorf("the search shows %d channels", n)
	}
}

// What stands in names is text: of accounts, channels and people, and in what somebody typed.
func TestStoredHTMLIsTextInABrowser(t *testing.T) {
	const evil = `<img src=x onerror="document.title='owned'"><script>document.title='owned'</script>`
	b := openBrowser(t)
	b.account("acc-evil", evil, "evil.example")
	b.channel(schemas.SlackChannel{ChannelID: "C0000099", Name: "0" + evil, IsMember: true, ExternalTeamIDs: []schemas.TeamID{"T0EVIL"}})
	b.apply(schemas.ChannelAssociations.Spec, "T1/C0000099", schemas.ChannelAssociation{OrgID: org, TeamID: team, ChannelID: "C0000099", AccountID: "acc-evil", By: "evil"})
	b.apply(schemas.DirectoryUsers.Spec, "acme/evil", schemas.DirectoryUser{OrgID: org, UserID: "evil", Name: evil, Email: evil + "@acme.example"})
	b.apply(schemas.SlackUsers.Spec, "T1/UEVIL", schemas.SlackUser{OrgID: org, TeamID: team, UserID: "UEVIL", Name: evil, IsExternal: true, HomeTeamID: "T0EVIL", CompanyName: evil})
	b.log.rows = append(b.log.rows, deliverylog.Entry{RequestID: evil, Recipient: "evil", Type: evil, Status: schemas.Failed, Detail: evil, At: b.now})
	b.signsIn("Olga")
	for _, path := range []string{
		"channels", "channels?q=" + "img", "channels/T1/C0000099", "channels/T1/C0000003?account=acc-evil", "people?q=img", "log", "diagnose?who=%3Cimg+src=x%3E", "diagnose?user=evil", "diagnose?channel=T1/C0000099",
		"channels?q=%3Cscript%3Ealert(1)%3C/script%3E",
	} {
		b.opens(Home + path)
		if title := evaluate[string](b, `document.title`); title == "owned" || evaluate[int](b, `document.querySelectorAll("main img, main script, body > script").length`) > 0 {
			t.Errorf("%s: what stands in a name is HTML", path)
		}
	}
}

// A page of another site can neither post here with somebody's session, nor lead a sign-in elsewhere.
func TestOtherSitesInABrowser(t *testing.T) {
	b := openBrowser(t)
	b.signsIn("Olga")
	before := len(b.records)
	evil := httptest.NewServer(formTo(b.site + Home + "channels/T1/C0000003/link"))
	t.Cleanup(evil.Close)
	address := strings.Replace(evil.URL, "127.0.0.1", "localhost", 1)
	b.do("open another site, whose button posts", chromedp.Navigate(address), chromedp.Click("button"), chromedp.WaitReady(`html.scripted`))
	b.sees("That did not come from here")
	if len(b.records) != before {
		t.Error("another site's form did something")
	}
	b.opens(Home + "signin?next=https://evil.example/")
	if at := evaluate[string](b, `location.href`); at != b.site+Home {
		t.Errorf("signing in led to %s", at)
	}
}

// formTo is a page with a form of which the button posts to action.
func formTo(action string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprintf(w, `<form method="post" action=%q><input name="account" value="acc-globex"><input name="seen" value="none"><button>Win</button></form>`, action)
	}
}

// furnish makes an organization worth a picture.
func (b *browser) furnish() {
	people := []struct{ id, name, role, slack string }{
		{"olga", "Olga Orlova", "owner", "olga@acme.example"}, {"adam", "Adam Fischer", "admin", "adam@acme.example"}, {"mia", "Mia Brandt", "member", "mia@acme.example"},
		{"ben", "Ben Ruiz", "member", "benjamin.ruiz@acme.example"}, {"chloe", "Chloé Martin", "member", "chloe@acme.example"}, {"dmitri", "Dmitri Volkov", "member", ""},
		{"femi", "Femi Adeyemi", "member", "femi@acme.example"}, {"grace", "Grace Park", "member", "grace@acme.example"}, {"hugo", "Hugo Lind", "member", "hugo@acme.example"},
	}
	for i, p := range people {
		b.apply(schemas.DirectoryUsers.Spec, schemas.OrgKey(org, schemas.UserID(p.id)), schemas.DirectoryUser{OrgID: org, UserID: schemas.UserID(p.id), Name: p.name, Email: p.id + "@acme.example", Role: p.role})
		if p.slack != "" {
			id := schemas.SlackUserID(fmt.Sprintf("U%d", i+1))
			b.apply(schemas.SlackUsers.Spec, schemas.TeamUserKey(team, id), schemas.SlackUser{OrgID: org, TeamID: team, UserID: id, Name: p.name, Email: p.slack, TimeZone: "Europe/Berlin", Deleted: p.id == "hugo"})
		}
	}
	b.install(team, org, append(schemas.NotificationScopes(), schemas.ChannelSyncScopes()...)...)
	b.mini.Set(schemas.HeardKey(team), b.now.Add(-20*time.Second).Format(time.RFC3339))
	for _, a := range [][2]string{{"Globex", "globex.com"}, {"Initech", "initech.com"}, {"Hooli", "hooli.com"}, {"Café Müller & Söhne", "cafemueller.de"}, {"Vandelay Industries", "vandelay.com"}, {"Pied Piper", "piedpiper.com"}, {"Acme Foods", "acmefoods.com"}} {
		b.account(schemas.AccountID("acc-"+strings.ToLower(strings.Fields(a[0])[0])), a[0], a[1])
	}
	for id, deal := range map[string][3]string{"d1": {"acc-globex", "Platform rollout, 400 seats", "negotiation"}, "d2": {"acc-globex", "Renewal 2027", "evaluation"}, "d3": {"acc-initech", "Support extension", "closing"}} {
		b.apply(schemas.CRMDeals.Spec, schemas.OrgKey(org, schemas.DealID(id)), schemas.Deal{OrgID: org, DealID: schemas.DealID(id), AccountID: schemas.AccountID(deal[0]), Name: deal[1], Stage: deal[2]})
	}
	b.apply(schemas.SlackUsers.Spec, "T1/UX", schemas.SlackUser{OrgID: org, TeamID: team, UserID: "UX", Name: "Xi", IsExternal: true, HomeTeamID: "T0HOOLI", CompanyName: "Hooli"})
	rooms := []struct {
		name          string
		private       bool
		shared        schemas.TeamID
		account, deal string
		percent       uint64
	}{
		{"ext-hooli-launch", false, "T0HOOLI", "", "", 0}, {"pied-piper-pilot", false, "", "", "", 0}, {"globex-rollout", false, "", "", "", 0}, {"team-lunch", false, "", "", "", 0},
		{"board-vandelay", true, "", "", "", 0}, {"globex-support", false, "", "acc-globex", "d2", 100}, {"initech-exec", true, "", "acc-initech", "d3", 62}, {"cafe-mueller", false, "", "acc-café", "", 100},
	}
	for i, r := range rooms {
		id := schemas.ChannelID(fmt.Sprintf("C000000%d", i+1))
		c := schemas.SlackChannel{ChannelID: id, Name: r.name, IsMember: true, IsPrivate: r.private}
		if r.shared != "" {
			c.IsExtShared, c.ExternalTeamIDs = true, []schemas.TeamID{r.shared}
		}
		b.channel(c)
		if r.account == "" {
			continue
		}
		b.apply(schemas.ChannelAssociations.Spec, schemas.TeamChannelKey(team, id), schemas.ChannelAssociation{
			OrgID: org, TeamID: team, ChannelID: id, AccountID: schemas.AccountID(r.account), DealID: schemas.DealID(r.deal), By: "olga", Source: "console", UpdatedAt: b.now,
		})
		start := b.now.AddDate(0, 0, -90)
		cp := schemas.SyncCheckpoint{OrgID: org, TeamID: team, ChannelID: id, WindowStart: schemas.TSOf(uint64(start.UnixMicro())), Status: schemas.SyncComplete, Complete: true}
		if r.percent < 100 {
			span := uint64(b.now.Sub(start).Microseconds())
			cp.Status, cp.Complete, cp.EndsAt = schemas.SyncBackfilling, false, b.now.Add(110*time.Minute)
			cp.Intervals = []schemas.SyncInterval{{From: schemas.TSOf(uint64(b.now.UnixMicro()) - span*r.percent/100), To: schemas.TSOf(uint64(b.now.UnixMicro()))}}
		}
		b.apply(schemas.SyncCheckpoints.Spec, schemas.TeamChannelKey(team, id), cp)
	}
	b.apply(schemas.NotificationPreferences.Spec, "acme/olga", schemas.Preferences{OrgID: org, UserID: "olga", Types: map[schemas.NotificationType]schemas.ChannelPreference{
		"pipeline.daily_todos": schemas.PreferOff, "meeting_digest.weekly": schemas.PreferEmail,
	}, UpdatedAt: b.now})
	b.apply(schemas.NotificationPreferences.Spec, "acme", schemas.Preferences{OrgID: org, Types: map[schemas.NotificationType]schemas.ChannelPreference{"coaching.insight": schemas.PreferBoth}, UpdatedAt: b.now})
	b.apply(schemas.OrgsSettings.Spec, "acme", schemas.OrgSettings{OrgID: org, QuietHours: &schemas.QuietHours{From: "20:00", To: "07:30", WorkingDays: []schemas.Weekday{"mon", "tue", "wed", "thu", "fri"}}, UpdatedAt: b.now})
	types := []schemas.NotificationType{"meeting_analysis.ready", "coaching.insight", "meeting_digest.daily", "pipeline.daily_todos", "alert.important"}
	for i := range 18 {
		e := deliverylog.Entry{
			RequestID: schemas.RequestID(fmt.Sprintf("req-%d", 4711-i)), Recipient: people[i%len(people)].id, Type: types[i%len(types)], Channel: schemas.BySlack, Status: schemas.Delivered,
			Rule: schemas.RuleOrgType, Choice: schemas.PreferBoth, Considered: []string{"org_type=both", "type_default=message"}, At: b.now.Add(-time.Duration(i*7) * time.Minute),
		}
		switch people[i%len(people)].id {
		case "ben", "dmitri":
			e.Status, e.Reason = schemas.Suppressed, schemas.NoSlackMatch
		case "hugo":
			e.Status, e.Reason = schemas.Failed, schemas.AccountInactive
		case "mia":
			e.Channel = schemas.ByEmail
		}
		b.log.rows = append(b.log.rows, e)
	}
}
