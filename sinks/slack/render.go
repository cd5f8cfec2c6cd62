package slack

import (
	"strings"

	"github.com/slack-go/slack"

	"github.com/bigmind/backchannel/schemas"
)

// Slack's limits (docs.slack.dev, 'Block Kit' and chat.postMessage): markdown blocks hold 12,000 characters together,
// and text should stay under 4,000.
const (
	maxMarkdown = 12000
	maxText     = 4000
)

// escaper follows 'Formatting text for app surfaces': these three characters are Slack's control characters in text.
var escaper = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

// markdownEscaper leaves '>' alone, which quotes a paragraph. Without '<' there is no <!channel>, <@U…> or <#C…>.
var markdownEscaper = strings.NewReplacer("&", "&amp;", "<", "&lt;", "@channel", mention("channel"), "@here", mention("here"), "@everyone", mention("everyone"))

// mention breaks a broadcast word with a word joiner (U+2060), so that no client takes it for a mention.
func mention(word string) string { return "@\u2060" + word }

// render is what the person sees, and the text for notifications and screen readers.
func render(d *schemas.Delivery) (blocks []slack.Block, text string) {
	title := strings.TrimSpace(d.Content.Title)
	blocks = append(blocks, slack.NewHeaderBlock(slack.NewTextBlockObject(slack.PlainTextType, title, false, false)))
	if body := strings.TrimSpace(d.Content.Body); body != "" {
		blocks = append(blocks, slack.NewMarkdownBlock("", cut(markdownEscaper.Replace(body), maxMarkdown)))
	}
	if link := d.Content.Link; link != nil {
		label := link.Text
		if label == "" {
			label = "Open in Bigmind"
		}
		button := slack.NewButtonBlockElement("open", "", slack.NewTextBlockObject(slack.PlainTextType, label, false, false))
		button.URL = link.URL
		blocks = append(blocks, slack.NewActionBlock("link", button))
	}
	text = escaper.Replace(title)
	if body := strings.TrimSpace(d.Content.Body); body != "" {
		text += "\n" + escaper.Replace(markdownMentions.Replace(body))
	}
	return blocks, cut(text, maxText)
}

var markdownMentions = strings.NewReplacer("@channel", mention("channel"), "@here", mention("here"), "@everyone", mention("everyone"))

// cut shortens to n characters, never within an escape such as &lt;.
func cut(s string, n int) string {
	runes := []rune(s)
	if len(runes) <= n {
		return s
	}
	short := string(runes[:n-1])
	if amp := strings.LastIndexByte(short, '&'); amp > len(short)-len("&amp;") && !strings.Contains(short[amp:], ";") {
		short = short[:amp]
	}
	return short + "…"
}
