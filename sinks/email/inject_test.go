package email

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/bigmind/backchannel/schemas"
)

// parts reads a mail as a client does: the decoded subject, the text and the HTML.
func parts(t *testing.T, raw string) (subject, text, page string) {
	t.Helper()
	m, err := mail.ReadMessage(strings.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	if subject, err = new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject")); err != nil {
		t.Fatal(err)
	}
	_, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	for r := multipart.NewReader(m.Body, params["boundary"]); ; {
		p, err := r.NextRawPart()
		if errors.Is(err, io.EOF) {
			return subject, text, page
		}
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(quotedprintable.NewReader(p))
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(p.Header.Get("Content-Type"), "text/html") {
			page = string(body)
		} else {
			text = string(body)
		}
	}
}

// What the mail server got, whatever somebody has a notification say: one mail to one person, with no header, tag, attribute or
// script of theirs, and no link that leads elsewhere than it says.
func TestNothingCanBeInjected(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	tr := s.transport(t, time.Minute)
	tr.SettingsURL = "https://app.example/settings"
	for name, text := range map[string]string{
		"HTML":          `<b onclick=x>x</b><script>alert(1)</script><img src=x onerror=y><!-- `,
		"entities":      "&lt;script&gt; &#60;img src=x&#62; &#x202e;",
		"attribute":     `" onmouseover="alert(1)` + "' x='",
		"closing":       `</title></table></body></html><script>x</script>`,
		"link":          "[https://good.example](https://evil.example) [x](javascript:alert(1)) [y](data:text/html,z)",
		"image":         `![x](https://evil.example/track.png) ![y](javascript:z)`,
		"header":        "Hi\r\nBcc: eve@evil.example\r\n\r\n<p>",
		"SMTP":          "x\r\n.\r\nMAIL FROM:<eve@evil.example>\r\n",
		"encoded word":  "=?utf-8?q?=0D=0ABcc:_eve@evil.example?=",
		"override":      "invoice\u202egpj.exe\u200b \u2066x",
		"100 kB":        strings.Repeat("<b>title ", 12_500),
		"emoji":         strings.Repeat("a", 197) + "👨\u200d👩\u200d👧\u200d👦 end",
		"boundary":      "--\r\nContent-Type: text/html\r\n\r\n<script>x</script>",
		"blank letters": "\u3164\u200b",
	} {
		d := delivery("zoe@acme.example", 1)
		short := string([]rune(text)[:min(len([]rune(text)), 70)])
		body := string([]rune(text)[:min(len([]rune(text)), schemas.MaxBody)])
		d.Content = schemas.Content{
			Title: text, Body: body, Fields: []schemas.Field{{Label: short, Value: short}},
			Link: &schemas.Link{URL: "https://evil.example/x", Text: "https://good.example"}, Actions: []schemas.Action{{Text: short, URL: "https://evil.example/y"}},
		}
		d.TypeName, d.Thread = short, short
		if _, err := tr.Send(t.Context(), &d); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		all := s.mails()
		m := all[len(all)-1]
		if m.to != "zoe@acme.example" || header(m.text, "Bcc") != "" || strings.Contains(header(m.text, "To"), "eve") {
			t.Errorf("%s: the mail went to %s: %.2000q", name, m.to, m.text)
		}
		subject, plain, page := parts(t, m.text)
		if strings.ContainsAny(subject, "\r\n\x00\u202e") || len([]rune(subject)) > maxSubject || name == "emoji" && !strings.HasSuffix(subject, "aa…") {
			t.Errorf("%s: subject %q", name, subject)
		}
		if strings.ContainsAny(plain+page, "\u202e\u2066\u200b") {
			t.Errorf("%s: unseen characters", name)
		}
		checkPage(t, name, page)
	}
	if n := len(s.mails()); n != 14 {
		t.Errorf("%d mails", n)
	}
}

func checkPage(t *testing.T, name, page string) {
	t.Helper()
	known := " html head meta title body h1 h2 h3 h4 h5 h6 p ul ol li blockquote pre hr table tr th td code s em strong a br "
	href := ""
	for tok := html.NewTokenizer(strings.NewReader(page)); ; {
		switch tok.Next() {
		case html.ErrorToken:
			return
		case html.StartTagToken, html.SelfClosingTagToken:
			tag := tok.Token()
			if !strings.Contains(known, " "+tag.Data+" ") {
				t.Errorf("%s: a tag of somebody else's: %s", name, tag)
			}
			for _, a := range tag.Attr {
				if !strings.Contains(" href rel style charset start ", " "+a.Key+" ") || a.Key == "href" && !strings.HasPrefix(a.Val, "https://") && !strings.HasPrefix(a.Val, "mailto:") {
					t.Errorf("%s: an attribute of somebody else's: %s", name, tag)
				}
				if a.Key == "href" {
					href = a.Val
				}
			}
		case html.TextToken:
			if strings.HasPrefix(href, "https://evil.example") && strings.Contains(tok.Token().Data, "good.example") {
				t.Errorf("%s: a link to %s says that it leads elsewhere", name, href)
			}
		case html.EndTagToken:
			href = ""
		case html.CommentToken:
			t.Errorf("%s: a comment of somebody else's: %s", name, tok.Token())
		case html.DoctypeToken:
		}
	}
}

// A mail has both parts, its id and its thread's, and the way to the settings.
func TestWhatAMailHolds(t *testing.T) {
	t.Parallel()
	d := delivery("zoe@acme.example", 1)
	d.Type, d.Thread = "alert.important", "deal-1"
	d.Content = schemas.Content{
		Title: "At risk", Body: "**Acme** & co\n\n- one", Fields: []schemas.Field{{Label: "Stage", Value: "legal"}},
		Link: &schemas.Link{URL: "https://app.example/1"}, Actions: []schemas.Action{{Text: "Snooze", URL: "https://app.example/2"}},
	}
	msg, err := message("a@b.example", "https://app.example/settings", &d)
	if err != nil {
		t.Fatal(err)
	}
	var raw bytes.Buffer
	if _, err := msg.WriteTo(&raw); err != nil {
		t.Fatal(err)
	}
	subject, text, page := parts(t, raw.String())
	if want := "At risk\n\nAcme & co\n\n- one\n\nStage: legal\n\nOpen in Bigmind: https://app.example/1\n\nSnooze: https://app.example/2\n\n-- \nImportant product alert\nNotification settings: https://app.example/settings\n"; subject != "At risk" ||
		strings.ReplaceAll(text, "\r\n", "\n") != want {
		t.Errorf("subject %q, text %q", subject, text)
	}
	for _, want := range []string{
		"<h1 style=\"font-size:1.3em\">At risk</h1>", "<p><strong>Acme</strong> &amp; co</p>", "<li>one</li>", ">Stage</th><td>legal</td>",
		`<a href="https://app.example/1" rel="noopener noreferrer">Open in Bigmind</a>`, `<a href="https://app.example/settings"`,
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the HTML lacks %s:\n%s", want, page)
		}
	}
	again := d
	again.DeliveryID = "0"
	other, err := message("a@b.example", "", &again)
	if err != nil {
		t.Fatal(err)
	}
	var otherRaw bytes.Buffer
	if _, err := other.WriteTo(&otherRaw); err != nil {
		t.Fatal(err)
	}
	if header(raw.String(), "List-Unsubscribe") != "<https://app.example/settings>" || header(raw.String(), "Message-ID") != "<"+string(d.DeliveryID)+"@backchannel>" ||
		header(raw.String(), "References") == "" || header(raw.String(), "References") != header(otherRaw.String(), "References") || header(otherRaw.String(), "List-Unsubscribe") != "" {
		t.Errorf("headers:\n%.1500s", raw.String())
	}
}

// Mails share a connection; one that the server has closed meanwhile is opened anew, and no mail is lost or sent twice.
func TestConnectionsAreReused(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	tr := s.transport(t, time.Minute)
	send := func(n int) {
		d := delivery("zoe@acme.example", n)
		if _, err := tr.Send(t.Context(), &d); err != nil {
			t.Fatal(err)
		}
	}
	send(1)
	send(2)
	if n := s.connections(); n != 1 {
		t.Errorf("%d connections for two mails", n)
	}
	s.hangUp()
	send(3)
	if n := s.connections(); n != 2 || len(s.mails()) != 3 {
		t.Errorf("%d connections, %d mails", n, len(s.mails()))
	}
}

// 421 is about the connection, not about a mail: the server is away.
func TestAServerThatClosesIsAway(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.rcpt["zoe@acme.example"] = refusal(421)
	d := delivery("zoe@acme.example", 1)
	_, err := s.transport(t, time.Minute).Send(t.Context(), &d)
	if err == nil || errors.Is(err, ErrRefused) || errors.Is(err, ErrBusy) || errors.Is(err, ErrUnanswered) || !strings.Contains(err.Error(), "421") {
		t.Errorf("got %v", err)
	}
}
