package schemas

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"unicode/utf8"
)

// Link is what the notification's button opens.
type Link struct {
	URL  string `json:"url" jsonschema_description:"http:// or https://, at most 3,000 characters, without user name or password."`
	Text string `json:"text,omitempty" jsonschema_description:"The button's label; 'Open in Bigmind' when absent. At most 75 characters."`
}

// Action is a further button, which opens a page as Link does.
type Action struct {
	Text  string      `json:"text" jsonschema_description:"The button's label, at most 75 characters."`
	URL   string      `json:"url" jsonschema_description:"As the link's."`
	Style ActionStyle `json:"style,omitempty" jsonschema:"enum=primary,enum=danger"`
}

// ActionStyle colours a button. Absent: neither.
type ActionStyle string

// Slack's two styles of a button.
const (
	StylePrimary ActionStyle = "primary"
	StyleDanger  ActionStyle = "danger"
)

// Field is a fact beside the body, such as 'Stage: negotiation'.
type Field struct {
	Label string `json:"label" jsonschema_description:"Plain text, at most 150 characters."`
	Value string `json:"value" jsonschema_description:"Plain text, at most 1,500 characters."`
}

// Content is what a notification says. It is text of somebody else's: a sink shows it so that it can neither mention anybody,
// nor lead elsewhere than it says, nor bring markup of its own.
type Content struct {
	Title   string   `json:"title" jsonschema:"required" jsonschema_description:"Plain text. Slack shows 150 characters of it, an email's subject 200; the rest is cut with an ellipsis."`
	Body    string   `json:"body,omitempty" jsonschema_description:"Markdown, at most 12,000 characters."`
	Fields  []Field  `json:"fields,omitempty" jsonschema:"maxItems=20"`
	Link    *Link    `json:"link,omitempty"`
	Actions []Action `json:"actions,omitempty" jsonschema:"maxItems=5"`

	// Raw, when set, is all of it as JSON, checked and without anything else; Delivery.AppendJSON then copies it.
	Raw []byte `json:"-"`
}

// The lengths follow Slack's (docs.slack.dev, 'Block Kit'): a section has ten fields of 2,000 characters, a button's text 75,
// its url 3,000. What is longer is refused, except a title, which is cut where it is shown.
const (
	MaxBody       = 12000
	MaxFields     = 20
	MaxFieldLabel = 150
	MaxFieldValue = 1500
	MaxActions    = 5
	MaxLinkText   = 75
	MaxLinkURL    = 3000
)

func (c *Content) validate() error {
	switch {
	case strings.TrimSpace(c.Title) == "":
		return errors.New("content.title is missing")
	case longer(c.Body, MaxBody):
		return fmt.Errorf("content.body is longer than %d characters", MaxBody)
	case len(c.Fields) > MaxFields:
		return fmt.Errorf("content.fields has more than %d", MaxFields)
	case len(c.Actions) > MaxActions:
		return fmt.Errorf("content.actions has more than %d", MaxActions)
	}
	if c.Link != nil {
		if err := checkButton("content.link", c.Link.Text, c.Link.URL); err != nil {
			return err
		}
	}
	for i, f := range c.Fields {
		switch {
		case strings.TrimSpace(f.Label) == "" || longer(f.Label, MaxFieldLabel):
			return fmt.Errorf("content.fields[%d].label must have 1 to %d characters", i, MaxFieldLabel)
		case longer(f.Value, MaxFieldValue):
			return fmt.Errorf("content.fields[%d].value is longer than %d characters", i, MaxFieldValue)
		}
	}
	for i, a := range c.Actions {
		at := fmt.Sprintf("content.actions[%d]", i)
		switch {
		case strings.TrimSpace(a.Text) == "":
			return errors.New(at + ".text is missing")
		case a.Style != "" && a.Style != StylePrimary && a.Style != StyleDanger:
			return errors.New(at + ".style must be primary or danger")
		}
		if err := checkButton(at, a.Text, a.URL); err != nil {
			return err
		}
	}
	return nil
}

// longer says whether s has more than so many characters.
func longer(s string, most int) bool { return len(s) > most && utf8.RuneCountInString(s) > most }

func checkButton(at, text, address string) error {
	if plainURL(address) && len(address) <= MaxLinkURL && len(text) <= MaxLinkText {
		return nil
	}
	u, err := url.Parse(address)
	switch {
	case !strings.HasPrefix(address, "https://") && !strings.HasPrefix(address, "http://"):
		return errors.New(at + ".url must begin with https:// or http://")
	case len(address) > MaxLinkURL:
		return fmt.Errorf("%s.url is longer than %d characters", at, MaxLinkURL)
	case err != nil || u.Hostname() == "":
		return errors.New(at + ".url is not a URL") // the original error quotes it
	case u.User != nil:
		return errors.New(at + ".url must not hold a user name: https://good.example@evil.example leads to evil.example")
	case longer(text, MaxLinkText):
		return fmt.Errorf("%s.text is longer than %d characters", at, MaxLinkText)
	}
	return nil
}

// plainURL says of most URLs that they are one, at a glance: https, a host, and a path of letters, digits and a few more (FuzzPlainURL).
func plainURL(address string) bool {
	rest, https := strings.CutPrefix(address, "https://")
	host, path, _ := strings.Cut(rest, "/")
	return https && host != "" && plainlyIn(host, ".-") && plainlyIn(path, ".-_~/=&?")
}

// plainlyIn says whether s has ASCII's letters and digits only, and those of more.
func plainlyIn(s, more string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.IndexByte(more, c) >= 0:
		default:
			return false
		}
	}
	return true
}

// ThreadMode says what a notification does with the earlier one of its thread.
type ThreadMode string

// ThreadReply answers in the thread of the earlier message, and is the default; ThreadUpdate replaces what it says. Where
// there is no earlier message any more, both post a new one.
const (
	ThreadReply  ThreadMode = "reply"
	ThreadUpdate ThreadMode = "update"
)

// MaxThread bounds a thread's key.
const MaxThread = 200

func checkThread(thread string, mode ThreadMode) error {
	switch {
	case longer(thread, MaxThread):
		return fmt.Errorf("thread is longer than %d characters", MaxThread)
	case mode != "" && mode != ThreadReply && mode != ThreadUpdate:
		return errors.New("thread_mode must be reply or update")
	case mode != "" && thread == "":
		return errors.New("thread is missing: thread_mode needs it")
	}
	return nil
}
