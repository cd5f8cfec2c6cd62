//go:build browser

package console

import (
	"context"
	"fmt"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// markStops numbers what Tab has to stop at, in the order in which it stands on the page, and keeps how each looks without the focus. Of radio buttons
// with one name it is the chosen one, else the first.
const markStops = `(() => {
	window.look = e => { const s = getComputedStyle(e); return [s.outlineStyle, s.outlineWidth, s.boxShadow, s.borderColor, s.backgroundColor, s.left].join() }
	document.activeElement.blur()
	const radio = e => { const all = [...e.form.querySelectorAll("input[type=radio]")].filter(o => o.name === e.name); return all.find(o => o.checked) ?? all[0] }
	window.stops = [...document.querySelectorAll("a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex='0']")]
		.filter(e => !e.disabled && e.checkVisibility() && (e.type !== "radio" || radio(e) === e))
	window.looks = stops.map(look)
	document.body.tabIndex = -1; document.body.focus(); document.body.removeAttribute("tabindex")
	return stops.length
})()`

// atStop is what has the focus: its number, -1 for what is no stop and -2 for the page itself.
const atStop = `(() => {
	const e = document.activeElement, i = stops.indexOf(e)
	return {At: e === document.body || e === document.documentElement ? -2 : i, Shows: i < 0 || look(e) !== looks[i], What: e.outerHTML.slice(0, 160)}
})()`

// On every page Tab stops at each control, in the order in which they stand, and at nothing else; and each shows that it has the focus.
func TestEveryControlInABrowser(t *testing.T) {
	b := openBrowser(t)
	still := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-reduced-motion", Value: "reduce"}}}
	b.do("have nothing move", chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, still)
		return err
	}))
	b.opens(Home)
	b.tabsThrough("signin")
	b.signsIn("Olga")
	for _, p := range append(everyPage(), [2]string{"channel, linked", Home + "channels/T1/C0000006"}, [2]string{"channel, searched", Home + "channels/T1/C0000003"},
		[2]string{"channels, none", Home + "channels?q=zzz"}, [2]string{"diagnose, asked nothing", Home + "diagnose"}, [2]string{"changed", Home + "notifications?done=saved"}, [2]string{"nothing", Home + "zzz"}) {
		b.opens(p[1])
		b.tabsThrough(p[0])
	}
}

func (b *browser) tabsThrough(page string) {
	b.t.Helper()
	n, next := evaluate[int](b, markStops), 0
	for range 8*n + 10 { // a field for a time has several stops within
		b.do("tab", chromedp.KeyEvent("\t"))
		now := evaluate[struct {
			At    int
			Shows bool
			What  string
		}](b, atStop)
		switch {
		case now.At == next-1 && next > 0: // still within it
		case now.At == -2 || now.At == 0 && next == n:
			if next < n {
				b.t.Errorf("%s: Tab ends at %d of %d; the next is %s", page, next, n, evaluate[string](b, fmt.Sprintf(`stops[%d].outerHTML.slice(0, 160)`, next)))
			}
			return
		case now.At != next:
			b.t.Errorf("%s: stop %d of %d is number %d, %s", page, next, n, now.At, now.What)
			return
		default:
			next++
			if !now.Shows {
				b.t.Errorf("%s: it does not show that it has the focus: %s", page, now.What)
			}
		}
	}
	b.t.Errorf("%s: Tab does not come to an end", page)
}

// What is pressed does what it says, by Enter and by Space: what opens closes again, boxes are ticked, lists are filtered, and the navigation is skipped.
func TestPressingKeysInABrowser(t *testing.T) {
	b := openBrowser(t)
	b.signsIn("Olga")
	for _, opens := range [][2]string{{"channels/T1/C0000006", "main details summary"}, {"log", "table details summary"}} {
		b.opens(Home + opens[0])
		b.focuses(opens[1])
		for i, key := range []string{"\r", "\r", " ", " "} {
			b.do("press", chromedp.KeyEvent(key))
			if is := evaluate[bool](b, `document.activeElement.parentElement.open`); is != (i%2 == 0) {
				t.Errorf("%s: pressed %d times, it is open: %t", opens[0], i+1, is)
			}
		}
	}
	b.opens(Home + "channels")
	b.focuses(`input[data-all]`)
	b.do("tick all", chromedp.KeyEvent(" "))
	if n := evaluate[int](b, `document.querySelectorAll("input[name=accept]:checked").length`); n < 2 {
		t.Errorf("%d suggestions are ticked", n)
	}
	b.focuses(`select[name=state]`)
	b.do("choose those that are linked", chromedp.KeyEvent(kb.ArrowDown+kb.ArrowDown), chromedp.WaitNotPresent(`//a[@class="name"][contains(., "team-lunch")]`))
	if at := evaluate[string](b, `document.activeElement.name + location.search`); at != "state?q=&state=linked&kind=&company=" {
		t.Errorf("the list was filtered, and the focus is at %s", at)
	}
	b.do("leave the navigation out", chromedp.Evaluate[chromedp.Void](markStops+"; void 0"), chromedp.KeyEvent("\t\r"))
	if at := evaluate[string](b, `document.activeElement.id`); at != "main" {
		t.Errorf("what skips the navigation leads to %q", at)
	}
	b.opens(Home + "notifications")
	b.focuses(`.quiethours button`)
	b.goes("save with the space bar", chromedp.KeyEvent(" "))
	b.sees("Saved.")
	if at := evaluate[string](b, `document.activeElement.className`); at != "notice" {
		t.Errorf("after a form the focus is at %q, and not at what it did", at)
	}
}

func (b *browser) focuses(selector string) {
	b.t.Helper()
	b.do("focus "+selector, chromedp.Evaluate[chromedp.Void](fmt.Sprintf(`document.querySelector(%q).focus()`, selector)))
}
