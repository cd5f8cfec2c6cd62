package email

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"html/template"
	"strings"

	"github.com/wneessen/go-mail"

	"github.com/bigmind/backchannel/schemas"
	"github.com/bigmind/backchannel/sinks/content"
)

// maxSubject is what a subject shows of a title. RFC 5322 bounds lines, not subjects; mail clients show less.
const maxSubject = 200

// page is a mail's HTML. Everything but Body is escaped by the template; Body is content.HTML, which holds our tags alone.
var page = template.Must(template.New("mail").Parse(`<!DOCTYPE html>
<html><head><meta charset="utf-8"><title>{{.Title}}</title></head>
<body style="font-family:sans-serif;max-width:40em;margin:auto;padding:1em">
<h1 style="font-size:1.3em">{{.Title}}</h1>
{{.Body}}{{if .Fields}}<table>
{{range .Fields}}<tr><th style="text-align:left;vertical-align:top;padding-right:1em">{{.Label}}</th><td>{{.Value}}</td></tr>
{{end}}</table>
{{end}}{{range .Buttons}}<p><a href="{{.URL}}" rel="noopener noreferrer">{{.Text}}</a></p>
{{end}}<hr>
<p style="color:#666;font-size:0.85em">{{.Type}}{{if .Settings}} · <a href="{{.Settings}}" rel="noopener noreferrer">Notification settings</a>{{end}}</p>
</body></html>
`))

type shown struct {
	Title    string
	Body     template.HTML
	Fields   []schemas.Field
	Buttons  []schemas.Link
	Type     string
	Settings string
}

// message makes the mail of a delivery. Its id follows from the delivery's, so that a repeat can be recognised; mails of one
// thread refer to one id, under which mail clients show them together.
func message(from, settings string, d *schemas.Delivery) (*mail.Msg, error) {
	msg := mail.NewMsg()
	if err := msg.From(from); err != nil {
		return nil, errors.New("the sender address is not valid")
	}
	if err := msg.To(d.Email); err != nil {
		return nil, errors.New("the recipient address is not valid")
	}
	msg.SetMessageIDWithValue(string(d.DeliveryID) + "@backchannel")
	if d.Thread != "" {
		sum := sha256.Sum256([]byte(string(d.OrgID) + "\x00" + d.Recipient.KeyPart() + "\x00" + d.Thread))
		thread := "<thread-" + hex.EncodeToString(sum[:16]) + "@backchannel>"
		msg.SetGenHeader(mail.HeaderInReplyTo, thread)
		msg.SetGenHeader(mail.HeaderReferences, thread)
	}
	if settings != "" {
		msg.SetGenHeader(mail.HeaderListUnsubscribe, "<"+settings+">")
	}
	msg.SetDate()
	v := show(settings, d)
	msg.Subject(strings.ReplaceAll(v.Title, "=?", "=\u2060?")) // or an ASCII title could spell an encoded word, line breaks and all
	body := content.Parse(d.Content.Body)
	msg.SetBodyString(mail.TypeTextPlain, v.text(content.Text(body)))
	v.Body = template.HTML(content.HTML(body)) //nolint:gosec // content.HTML escapes everything that is not its own
	var html strings.Builder
	if err := page.Execute(&html, v); err != nil {
		return nil, errors.New("the mail cannot be written as HTML")
	}
	msg.AddAlternativeString(mail.TypeTextHTML, html.String())
	return msg, nil
}

func show(settings string, d *schemas.Delivery) *shown {
	c := &d.Content
	v := &shown{Title: content.Cut(content.Line(c.Title), maxSubject), Type: content.Line(d.TypeName), Settings: settings}
	if v.Title == "" {
		v.Title = content.Ellipsis // there was nothing in it that can be seen
	}
	if info, known := schemas.LookupType(d.Type); v.Type == "" && known {
		v.Type = info.Name
	}
	if v.Type == "" {
		v.Type = content.Line(string(d.Type))
	}
	for _, f := range c.Fields {
		v.Fields = append(v.Fields, schemas.Field{Label: content.Line(f.Label), Value: strings.TrimSpace(content.Clean(f.Value))})
	}
	if c.Link != nil {
		v.button(c.Link.Text, c.Link.URL)
	}
	for _, a := range c.Actions {
		v.button(a.Text, a.URL)
	}
	return v
}

// button adds a link.
func (v *shown) button(label, address string) {
	if says, target, ok := content.Button(label, address); ok {
		v.Buttons = append(v.Buttons, schemas.Link{URL: target.URL, Text: says})
	}
}

// text is the plain part.
func (v *shown) text(body string) string {
	parts := []string{v.Title}
	if body != "" {
		parts = append(parts, body)
	}
	var facts []string
	for _, f := range v.Fields {
		facts = append(facts, f.Label+": "+f.Value)
	}
	if len(facts) > 0 {
		parts = append(parts, strings.Join(facts, "\n"))
	}
	for _, b := range v.Buttons {
		parts = append(parts, b.Text+": "+b.URL)
	}
	foot := "-- \n" + v.Type // mail clients know a signature by this line (RFC 3676, 4.3)
	if v.Settings != "" {
		foot += "\nNotification settings: " + v.Settings
	}
	return strings.Join(append(parts, foot), "\n\n") + "\n"
}
