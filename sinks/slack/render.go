package slack

import (
	"strconv"
	"strings"

	"github.com/slack-go/slack"

	"github.com/bigmind/backchannel/schemas"
	"github.com/bigmind/backchannel/sinks/content"
)

// Slack's limits (docs.slack.dev, 'Block Kit' and chat.postMessage): a header holds 150 characters, a section 3,000 and ten
// fields of 2,000, a button 75; a text should stay under 4,000. A message as a whole was seen to be msg_blocks_too_long
// from about 13,000 on.
const (
	maxHeader  = 150
	maxSection = 3000
	maxPair    = 10
	maxField   = 2000
	maxButton  = 75
	maxText    = 4000
	maxMessage = 12000
	// maxFields is what all fields together take of a message at most.
	maxFields = 4000
)

// render is what the person sees, and the text for notifications and screen readers. settings is the page where the person
// chooses what to receive; empty: no link to it.
func render(d *schemas.Delivery, settings string) (blocks []slack.Block, text string) {
	c := &d.Content
	title := content.Cut(unping(content.Line(c.Title)), maxHeader)
	if title == "" {
		title = content.Ellipsis // there was nothing in it that can be seen
	}
	fields, fieldsTake := fieldBlocks(c.Fields)
	foot := footer(d, settings)
	buttons, buttonsTake := buttonBlock(c)
	room := maxMessage - content.Length(title) - fieldsTake - buttonsTake - content.Length(foot)

	blocks = append(blocks, slack.NewHeaderBlock(slack.NewTextBlockObject(slack.PlainTextType, title, false, false)))
	body := content.Parse(c.Body)
	for _, part := range sections(lines(body, ""), room, rest(c.Link)) {
		blocks = append(blocks, slack.NewSectionBlock(mrkdwn(part), nil, nil))
	}
	blocks = append(blocks, fields...)
	if buttons != nil {
		blocks = append(blocks, buttons)
	}
	blocks = append(blocks, slack.NewContextBlock("about", mrkdwn(foot)))
	return blocks, fallback(c, body)
}

// mrkdwn is text of ours in Slack's markup. Verbatim: Slack makes no links, names or mentions of it that are not marked as such.
func mrkdwn(text string) *slack.TextBlockObject {
	return slack.NewTextBlockObject(slack.MarkdownType, text, false, true)
}

// rest is the way to what was cut.
func rest(link *schemas.Link) string {
	if link == nil {
		return content.Ellipsis
	}
	target, ok := content.ParseTarget(link.URL)
	if !ok || content.Length(target.URL) > maxSection/4 { // the button below leads there as well
		return content.Ellipsis
	}
	return content.Ellipsis + " <" + target.URL + "|Read the rest>"
}

// sections packs lines into texts of a section each, room together at most; what does not fit is replaced by the end.
func sections(all []line, room int, end string) (texts []string) {
	p := packer{room: room - content.Length(end) - 1}
	for _, l := range all {
		if !p.add(l) {
			p.finish(end)
			break
		}
	}
	p.flush()
	return p.texts
}

type packer struct {
	texts []string
	now   []line
	size  int // of now
	room  int // left for all
}

const fence = "```"

// add takes a line, in parts if it must, or says that there is no room for the whole of it.
func (p *packer) add(l line) (whole bool) {
	for {
		take := content.Length(l.mrkdwn()) + len("\n")
		if l.code && (len(p.now) == 0 || !p.now[len(p.now)-1].code) {
			take += 2*len(fence) + 2
		}
		most := min(p.room, maxSection-p.size)
		if take <= most {
			p.put(l, take)
			return true
		}
		if most < maxSection/4 && p.size > 0 && p.room > maxSection/4 {
			p.flush() // the section is nearly full
			continue
		}
		head, left := l.fits(most - take + content.Length(l.mrkdwn()))
		if len(head.spans) == 0 {
			if p.size > 0 && p.room > most {
				p.flush()
				continue
			}
			return false
		}
		p.put(head, content.Length(head.mrkdwn())+take-content.Length(l.mrkdwn()))
		l = left
		if p.room > maxSection/4 {
			p.flush()
		}
	}
}

func (p *packer) put(l line, take int) {
	p.now, p.size, p.room = append(p.now, l), p.size+take, p.room-take
}

// finish says that something is missing.
func (p *packer) finish(end string) {
	if p.size+content.Length(end)+1 > maxSection {
		p.flush()
	}
	p.now = append(p.now, line{prefix: end})
}

func (p *packer) flush() {
	var b strings.Builder
	code := false
	for i, l := range p.now {
		if l.code != code {
			b.WriteString(fence)
			if code = l.code; code {
				b.WriteString("\n")
			}
		}
		b.WriteString(l.mrkdwn())
		if i+1 < len(p.now) || code {
			b.WriteString("\n")
		}
	}
	if code {
		b.WriteString(fence)
	}
	if text := strings.Trim(b.String(), "\n"); strings.TrimSpace(text) != "" {
		p.texts = append(p.texts, text)
	}
	p.now, p.size = nil, 0
}

// fieldBlocks shows fields in pairs of columns, each cut to its share.
func fieldBlocks(fields []schemas.Field) (blocks []slack.Block, take int) {
	if len(fields) == 0 {
		return nil, 0
	}
	share := min(maxFields/len(fields), maxField)
	var objects []*slack.TextBlockObject
	for _, f := range fields {
		label := "*" + cutEscaped(strings.ReplaceAll(content.Line(f.Label), "*", "∗"), share/3) + "*\n"
		text := label + cutEscaped(strings.TrimSpace(content.Clean(f.Value)), share-content.Length(label))
		take += content.Length(text)
		objects = append(objects, mrkdwn(text))
	}
	for len(objects) > 0 {
		n := min(len(objects), maxPair)
		blocks = append(blocks, slack.NewSectionBlock(nil, objects[:n], nil))
		objects = objects[n:]
	}
	return blocks, take
}

// cutEscaped escapes text and cuts it to a length of n, never within a character or an escape.
func cutEscaped(s string, n int) string {
	size := func(s string) int { return content.Length(escape(s)) }
	if size(s) <= n {
		return escape(s)
	}
	return escape(content.CutBy(s, n-content.Length(content.Ellipsis), size)) + content.Ellipsis
}

// buttonBlock holds the link and the actions. Each opens a page; nothing is to be answered.
func buttonBlock(c *schemas.Content) (block slack.Block, take int) {
	var elements []slack.BlockElement
	add := func(id, label, address string, style schemas.ActionStyle) {
		label, target, ok := content.Button(label, address)
		if !ok {
			return
		}
		label = content.Cut(unping(label), maxButton)
		button := slack.NewButtonBlockElement(id, "", slack.NewTextBlockObject(slack.PlainTextType, label, false, false))
		button.URL, button.Style = target.URL, slack.Style(style)
		if content.Length(button.URL) > schemas.MaxLinkURL {
			return // escaping made it longer than Slack takes
		}
		elements = append(elements, button)
		take += content.Length(label)
	}
	if c.Link != nil {
		add("open", c.Link.Text, c.Link.URL, "")
	}
	for i, a := range c.Actions {
		add("open_"+strconv.Itoa(i+1), a.Text, a.URL, a.Style)
	}
	if len(elements) == 0 {
		return nil, 0
	}
	return slack.NewActionBlock("link", elements...), take
}

// footer says what kind of notification this is, and where to choose what to receive.
func footer(d *schemas.Delivery, settings string) string {
	name := d.TypeName
	if info, known := schemas.LookupType(d.Type); name == "" && known {
		name = info.Name
	}
	if name == "" {
		name = string(d.Type)
	}
	text := cutEscaped(content.Line(name), maxHeader)
	if settings != "" {
		text += " · <" + settings + "|Notification settings>"
	}
	return text
}

// fallback is the text that stands for the blocks.
func fallback(c *schemas.Content, body []content.Block) string {
	parts := []string{content.Cut(content.Line(c.Title), maxText/4)}
	if text := content.Text(body); text != "" {
		parts = append(parts, text)
	}
	for _, f := range c.Fields {
		parts = append(parts, content.Line(f.Label)+": "+content.Line(f.Value))
	}
	return cutEscaped(strings.Join(parts, "\n"), maxText)
}
