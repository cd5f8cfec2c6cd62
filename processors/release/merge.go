package release

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/bigmind/backchannel/schemas"
)

// merge makes one message of several, which are in order. It goes under the first one's name, and says which others it is
// the answer to: they have the same outcome. One alone stays as it is.
func merge(all []schemas.Delivery, now time.Time) schemas.Delivery {
	d := all[0]
	d.ReleasedAt = now.UTC()
	different := []schemas.Delivery{d} // two requests of one dedup_id are shown once
	for _, other := range all[1:] {
		d.Merged = append(d.Merged, schemas.MergedRequest{
			RequestID: other.RequestID, DeliveryID: other.DeliveryID, Type: other.Type, Decision: other.Decision,
			RequestedAt: other.RequestedAt, RoutedAt: other.RoutedAt,
		})
		if other.OnAmbiguous == schemas.Repeat {
			d.OnAmbiguous = schemas.Repeat
		}
		if other.Priority == schemas.Urgent {
			d.Priority = schemas.Urgent
		}
		if other.ExpiresAt.IsZero() || !d.ExpiresAt.IsZero() && other.ExpiresAt.After(d.ExpiresAt) {
			d.ExpiresAt = other.ExpiresAt
		}
		if other.Thread != d.Thread {
			d.Thread, d.ThreadMode = "", ""
		}
		if other.DeliveryID != d.DeliveryID {
			different = append(different, other)
		}
	}
	if len(different) > 1 {
		d.Content = summary(different)
	}
	return d
}

// summary lists what the messages are about, as many as fit, each with its link.
func summary(all []schemas.Delivery) schemas.Content {
	title := fmt.Sprintf("%d notifications", len(all))
	if name := typeName(&all[0]); sameType(all) && name != "" {
		title += ": " + name
	}
	var body strings.Builder
	room := schemas.MaxBody - len("\nand 100,000 more")
	for i := range all {
		line := "- " + headline(&all[i].Content) + "\n"
		if room -= utf8.RuneCountInString(line); room < 0 {
			fmt.Fprintf(&body, "\nand %d more", len(all)-i)
			break
		}
		body.WriteString(line)
	}
	return schemas.Content{Title: title, Body: strings.TrimSuffix(body.String(), "\n")}
}

// maxHeadline bounds a title in a list: a hundred of them are a message, none is a page.
const maxHeadline = 150

func headline(c *schemas.Content) string {
	title := strings.Join(strings.Fields(c.Title), " ")
	if runes := []rune(title); len(runes) > maxHeadline {
		title = string(runes[:maxHeadline-1]) + "…"
	}
	title = plain.Replace(title)
	if c.Link == nil {
		return title
	}
	return "[" + title + "](" + target.Replace(c.Link.URL) + ")"
}

// plain keeps a title's characters from being Markdown (CommonMark, 'Backslash escapes'); target keeps a URL's from ending
// the link (RFC 3986 lets each be written in percent).
var (
	plain = strings.NewReplacer(`\`, `\\`, "`", "\\`", "*", `\*`, "_", `\_`, "[", `\[`, "]", `\]`, "(", `\(`, ")", `\)`,
		"#", `\#`, "!", `\!`, "~", `\~`, "|", `\|`)
	target = strings.NewReplacer("(", "%28", ")", "%29", " ", "%20", "<", "%3C", ">", "%3E", "\\", "%5C")
)

func sameType(all []schemas.Delivery) bool {
	for i := range all {
		if all[i].Type != all[0].Type {
			return false
		}
	}
	return true
}

// typeName is what the person reads of a type.
func typeName(d *schemas.Delivery) string {
	if d.TypeName != "" {
		return d.TypeName
	}
	kind, _ := schemas.LookupType(d.Type)
	return kind.Name
}
