package slacksim_test

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/bigmind/backchannel/deploy/slacksim"
)

func read(t *testing.T, transport http.RoundTripper, req *http.Request) (int, string) {
	t.Helper()
	res, err := (&http.Client{Transport: transport}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(body)
}

// page fetches one, and checks that nothing foreign can run in it.
func (w *world) page(path string) (int, string) {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), http.MethodGet, w.url+path, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	res, err := transport.RoundTrip(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	if policy := res.Header.Get("Content-Security-Policy"); !strings.HasPrefix(policy, "default-src 'none'") {
		w.t.Errorf("%s: Content-Security-Policy %q", path, policy)
	}
	return res.StatusCode, string(body)
}

func TestThePageShowsWhatWasSaid(t *testing.T) {
	w := newWorld(t, slacksim.Options{})
	ctx := t.Context()
	root := must(w.Say(ctx, w.team.ID, w.channel.ID, w.ada.ID, "hello <@"+string(w.bob.ID)+"> *loud* <javascript:alert(1)|trap> &lt;script&gt;"))(t)
	must(w.Reply(ctx, w.team.ID, w.channel.ID, root.TS, w.bob.ID, "in a thread"))(t)
	path := "/t/" + string(w.team.ID) + "/c/" + string(w.channel.ID)
	status, body := w.page(path + "?thread=" + string(root.TS))
	for _, want := range []string{"Ada Lovelace", `@bob</span>`, "<b>loud</b>", "trap", "&lt;script&gt;", "in a thread", "acme-deal"} {
		if !strings.Contains(body, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if status != http.StatusOK || strings.Contains(body, `href="javascript:`) || strings.Contains(body, "<script>") {
		t.Errorf("status %d; or something unsafe in %s", status, body)
	}
	if status, _ := w.page("/t/" + string(w.team.ID) + "/people"); status != http.StatusOK {
		t.Errorf("the people: %d", status)
	}
	for _, path := range []string{"/t/T0", "/t/" + string(w.team.ID) + "/c/C0"} {
		if status, body := w.page(path); status != http.StatusNotFound || !strings.Contains(body, "Nothing here") {
			t.Errorf("%s: %d", path, status)
		}
	}
}

// What is open when the address names no channel stays open, whatever is said elsewhere: what is typed below it goes there.
func TestThePageSettlesOnAChannel(t *testing.T) {
	w := newWorld(t, slacksim.Options{})
	must(w.Say(t.Context(), w.team.ID, w.channel.ID, w.ada.ID, "hello"))(t)
	w.post("chat.postMessage", formType, w.install.Token, url.Values{"channel": {string(w.ada.ID)}, "text": {"a DM, later"}}.Encode())
	want := "/t/" + string(w.team.ID) + "/c/" + string(w.channel.ID) + "?as=" + string(w.bob.ID)
	for _, path := range []string{"/", "/t/" + string(w.team.ID)} {
		client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
		res, err := client.Get(w.url + path + "?as=" + string(w.bob.ID))
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if to := res.Header.Get("Location"); res.StatusCode != http.StatusSeeOther || to != want {
			t.Errorf("%s: %d to %q, want %q", path, res.StatusCode, to, want)
		}
	}
}

// A DM is called by who else is in it, as Slack does; those of others are apart.
func TestThePageNamesDMs(t *testing.T) {
	w := newWorld(t, slacksim.Options{})
	got := w.post("chat.postMessage", formType, w.install.Token, url.Values{"channel": {string(w.ada.ID)}, "text": {"x"}}.Encode())
	channel, _ := got.body["channel"].(string)
	for as, want := range map[slacksim.UserID]struct {
		title  string
		others bool
	}{w.ada.ID: {"Backchannel", false}, w.bob.ID: {"Ada Lovelace", true}} {
		_, body := w.page("/t/" + string(w.team.ID) + "/c/" + channel + "?as=" + string(as))
		if !strings.Contains(body, "<h1>"+want.title+"</h1>") || !strings.Contains(body, `<span class="name">`+want.title+"</span>") {
			t.Errorf("to %s it is not called %s", as, want.title)
		}
		if strings.Contains(body, "Direct messages of others") != want.others {
			t.Errorf("to %s it is listed in the wrong place", as)
		}
	}
}

func TestThePageDrawsBlocks(t *testing.T) {
	w := newWorld(t, slacksim.Options{})
	blocks := `[{"type":"header","text":{"type":"plain_text","text":"Heading <b>"}},
	{"type":"section","text":{"type":"mrkdwn","text":"*bold* body"},"fields":[{"type":"plain_text","text":"field"}],
	 "accessory":{"type":"button","text":{"type":"plain_text","text":"Press"},"action_id":"a","url":"https://acme.example/x"}},
	{"type":"divider"},{"type":"context","elements":[{"type":"mrkdwn","text":"context"}]},
	{"type":"image","image_url":"https://elsewhere.example/i.png","alt_text":"a picture"},
	{"type":"markdown","text":"# Title\n- **item** [l](javascript:alert(1))"},
	{"type":"actions","elements":[{"type":"overflow","options":[{"text":{"type":"plain_text","text":"o"},"value":"o"}]}]},
	{"type":"rich_text","elements":[{"type":"rich_text_preformatted","elements":[{"type":"text","text":"code()"}]}]},
	{"type":"table","rows":[[{"type":"raw_text","text":"cell"}]]}]`
	got := w.post("chat.postMessage", formType, w.install.Token, url.Values{"channel": {string(w.ada.ID)}, "text": {"x"}, "blocks": {blocks}}.Encode())
	channel, _ := got.body["channel"].(string)
	_, body := w.page("/t/" + string(w.team.ID) + "/c/" + channel)
	for _, want := range []string{"Heading &lt;b&gt;", "<b>bold</b> body", "field", "Press", "<hr>", "context", "a picture", "<h4>Title</h4>", "<b>item</b>", "⋯", "code()", "<td>cell"} {
		if !strings.Contains(body, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if strings.Contains(body, "<img") || strings.Contains(body, `href="javascript`) {
		t.Error("the page asks third parties, or has an unsafe link")
	}
}

func TestThePageIsToldOfChanges(t *testing.T) {
	w := newWorld(t, slacksim.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, w.url+"/live", nil)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	res, err := transport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	lines := bufio.NewScanner(res.Body)
	for n := range 2 {
		for lines.Scan() && lines.Text() != "data: changed" {
		}
		if err := lines.Err(); err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			must(w.Say(ctx, w.team.ID, w.channel.ID, w.ada.ID, "news"))(t)
		}
	}
}
