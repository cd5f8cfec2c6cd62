package slack

import (
	"regexp"
	"strings"

	"github.com/slack-go/slack"

	"github.com/bigmind/backchannel/schemas"
)

// Slack's limits (docs.slack.dev, 'Block Kit' and chat.postMessage): a header holds 150 characters, markdown blocks hold 12,000 characters together,
// and text should stay under 4,000.
const (
	maxHeader   = 150
	maxMarkdown = 12000
	maxText     = 4000
)

// escaper follows 'Formatting text for app surfaces': these three characters are Slack's control characters in text.
var escaper = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

// markdownEscaper leaves '>' alone, which quotes a paragraph. Without '<' there is no <!channel>, <@U…> or <#C…>.
var markdownEscaper = strings.NewReplacer("&", "&amp;", "<", "&lt;")

// broadcasts are the words by which a person pings a channel. What a client or a setting makes of them in a bot's message
// is Slack's to change, so they are broken with a word joiner (U+2060).
var broadcasts = regexp.MustCompile(`(?i)@(channel|here|everyone)`)

func unping(s string) string { return broadcasts.ReplaceAllString(s, "@\u2060$1") }

// render is what the person sees, and the text for notifications and screen readers.
func render(d *schemas.Delivery) (blocks []slack.Block, text string) {
	title := strings.TrimSpace(d.Content.Title)
	blocks = append(blocks, slack.NewHeaderBlock(slack.NewTextBlockObject(slack.PlainTextType, cut(title, maxHeader), false, false)))
	if body := strings.TrimSpace(d.Content.Body); body != "" {
		blocks = append(blocks, slack.NewMarkdownBlock("", cut(markdownEscaper.Replace(unping(body)), maxMarkdown)))
	}
	if link := d.Content.Link; link != nil {
		label := strings.TrimSpace(link.Text)
		if label == "" {
			label = "Open in Bigmind"
		}
		button := slack.NewButtonBlockElement("open", "", slack.NewTextBlockObject(slack.PlainTextType, label, false, false))
		button.URL = link.URL
		blocks = append(blocks, slack.NewActionBlock("link", button))
	}
	text = escaper.Replace(unping(title))
	if body := strings.TrimSpace(d.Content.Body); body != "" {
		text += "\n" + escaper.Replace(unping(body))
	}
	return blocks, cut(text, maxText)
}

// cut shortens to n characters, never within an escape such as &lt;.
func cut(s string, n int) string {
	runes := []rune(s)
	if len(runes) <= n {
		return s
	}
	short := string(runes[:n-1])
	if amp := strings.LastIndexByte(short, '&'); amp >= 0 && amp > len(short)-len("&amp;") && !strings.Contains(short[amp:], ";") {
		short = short[:amp]
	}
	return short + "…"
}
