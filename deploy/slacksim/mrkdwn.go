package slacksim

import (
	"fmt"
	"html"
	"html/template"
	"regexp"
	"strings"
)

// names resolves what mrkdwn refers to by id.
type names interface {
	userName(UserID) string
	channelName(ChannelID) string
}

// stash holds finished HTML while the rest is formatted, so that nothing is formatted twice. Its placeholders are runes
// of Unicode's private use area, which are taken out of the text first.
type stash struct{ done []string }

const stashBase, stashSize = 0xE000, 0x1000

func (s *stash) put(htm string) string {
	if len(s.done) == stashSize {
		return htm2text(htm)
	}
	s.done = append(s.done, htm)
	return string(rune(stashBase + len(s.done) - 1))
}

// htm2text drops the tags of what no longer fits the stash; it stays escaped by being dropped.
func htm2text(string) string { return "…" }

func (s *stash) restore(text string) string {
	var b strings.Builder
	for _, r := range text {
		if i := int(r) - stashBase; i >= 0 && i < len(s.done) {
			b.WriteString(s.done[i])
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

func withoutPrivate(text string) string {
	return strings.Map(func(r rune) rune {
		if r >= stashBase && r < stashBase+stashSize {
			return -1
		}
		return r
	}, text)
}

var (
	fence    = regexp.MustCompile("(?s)```\\n?(.+?)```")
	codeSpan = regexp.MustCompile("`([^`\n]+)`")
	bold     = regexp.MustCompile(`(^|[^\p{L}\p{N}*])\*([^*\s](?:[^*\n]*[^*\s])?)\*`)
	italic   = regexp.MustCompile(`(^|[^\p{L}\p{N}_])_([^_\s](?:[^_\n]*[^_\s])?)_`)
	strike   = regexp.MustCompile(`(^|[^\p{L}\p{N}~])~([^~\s](?:[^~\n]*[^~\s])?)~`)
	emoji    = regexp.MustCompile(`:([a-z0-9_+-]+):`)
	quote    = regexp.MustCompile(`(?m)(?:^&gt; ?.*(?:\n|$))+`)
)

// renderMrkdwn makes HTML of Slack's mrkdwn. All text is escaped; the only tags are those written here.
func renderMrkdwn(text string, n names) template.HTML {
	s := &stash{}
	text = withoutPrivate(text)
	text = fence.ReplaceAllStringFunc(text, func(m string) string {
		return s.put("<pre>" + escape(fence.FindStringSubmatch(m)[1]) + "</pre>")
	})
	text = codeSpan.ReplaceAllStringFunc(text, func(m string) string {
		return s.put("<code>" + escape(strings.Trim(m, "`")) + "</code>")
	})
	var b strings.Builder
	for _, part := range cutMarks(text) {
		if part.mark {
			b.WriteString(s.put(renderMark(part.text, n)))
		} else {
			b.WriteString(escape(part.text))
		}
	}
	out := inline(b.String())
	out = quote.ReplaceAllStringFunc(out, func(m string) string {
		lines := strings.Split(strings.TrimSuffix(m, "\n"), "\n")
		for i := range lines {
			lines[i] = strings.TrimPrefix(strings.TrimPrefix(lines[i], "&gt;"), " ")
		}
		return "<blockquote>" + strings.Join(lines, "<br>") + "</blockquote>"
	})
	return template.HTML(s.restore(strings.ReplaceAll(out, "\n", "<br>"))) //nolint:gosec // escaped above
}

// escape makes text of Slack's escaping safe for HTML.
func escape(text string) string { return html.EscapeString(unescape.Replace(text)) }

func inline(escaped string) string {
	out := bold.ReplaceAllString(escaped, "$1<b>$2</b>")
	out = italic.ReplaceAllString(out, "$1<i>$2</i>")
	out = strike.ReplaceAllString(out, "$1<s>$2</s>")
	return emoji.ReplaceAllStringFunc(out, func(m string) string {
		if picture, known := emojis[strings.Trim(m, ":")]; known {
			return picture
		}
		return m
	})
}

func renderMark(mark string, n names) string {
	target, label, _ := strings.Cut(mark, "|")
	switch {
	case strings.HasPrefix(target, "@"):
		return `<span class="mention">@` + html.EscapeString(n.userName(UserID(target[1:]))) + `</span>`
	case strings.HasPrefix(target, "#"):
		return `<span class="mention">#` + html.EscapeString(n.channelName(ChannelID(target[1:]))) + `</span>`
	case strings.HasPrefix(target, "!date^") && label != "":
		return escape(label)
	case strings.HasPrefix(target, "!"):
		return `<span class="mention loud">@` + html.EscapeString(strings.TrimPrefix(target, "!")) + `</span>`
	}
	if label == "" {
		label = target
	}
	return anchor(unescape.Replace(target), escape(label))
}

// anchor links to the web or to a mail address, and to nothing else.
func anchor(href, escapedLabel string) string {
	if !strings.HasPrefix(href, "https://") && !strings.HasPrefix(href, "http://") && !strings.HasPrefix(href, "mailto:") {
		return escapedLabel
	}
	return fmt.Sprintf(`<a href="%s" target="_blank" rel="noopener noreferrer">%s</a>`, html.EscapeString(href), escapedLabel)
}

// emojis are those that conversations in demos use; any other stays as it is written.
var emojis = map[string]string{
	"wave": "👋", "tada": "🎉", "rocket": "🚀", "+1": "👍", "thumbsup": "👍", "-1": "👎", "smile": "😄", "eyes": "👀", "fire": "🔥",
	"white_check_mark": "✅", "heavy_check_mark": "✔️", "warning": "⚠️", "bell": "🔔", "calendar": "📅", "bulb": "💡", "memo": "📝",
	"chart_with_upwards_trend": "📈", "chart_with_downwards_trend": "📉", "moneybag": "💰", "handshake": "🤝", "phone": "📞",
	"link": "🔗", "star": "⭐", "heart": "❤️", "pray": "🙏", "clap": "👏", "mag": "🔍", "hourglass": "⌛", "email": "📧", "x": "❌",
	"speech_balloon": "💬", "dart": "🎯", "bar_chart": "📊", "busts_in_silhouette": "👥", "studio_microphone": "🎙️", "zap": "⚡",
}
