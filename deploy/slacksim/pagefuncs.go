package slacksim

import (
	"strings"
	"time"
)

// These functions are the templates'.

// plainText is the text of a text object.
func plainText(v any) string {
	if o, ok := v.(map[string]any); ok {
		return str2(o["text"])
	}
	return str2(v)
}

func moment(ts string) time.Time {
	micros, err := TS(ts).Micros()
	if err != nil {
		return time.Time{}
	}
	return time.UnixMicro(int64(micros)).UTC()
}

// clock, day and iso show a ts in UTC; the page's script turns the first into the reader's time.
func clock(ts string) string { return moment(ts).Format("15:04") }
func day(ts string) string   { return moment(ts).Format("Monday, 2 January 2006") }
func iso(ts string) string   { return moment(ts).Format(time.RFC3339) }

// richStyle lists the classes of a rich text element's style.
func richStyle(v any) string {
	o, _ := v.(map[string]any)
	var classes []string
	for _, name := range []string{"bold", "italic", "strike", "code", "underline"} {
		if on, _ := o[name].(bool); on {
			classes = append(classes, "rt-"+name)
		}
	}
	return strings.Join(classes, " ")
}
