package schemas

import (
	"bytes"
	"encoding/binary"
	"time"
	"unicode/utf8"
	"unsafe"

	"github.com/go-faster/jx"
)

// object appends one JSON object to a buffer, field by field. The records of the hot path use it instead of reflection;
// BenchmarkEncodeMessage compares. Every field begins with a comma; the first one's becomes the brace.
type object struct {
	buf   []byte
	start int
}

func newObject(buf []byte) object { return object{buf: buf, start: len(buf)} }

func (o *object) field(name string) {
	o.buf = append(o.buf, ',', '"')
	o.buf = append(o.buf, name...)
	o.buf = append(o.buf, '"', ':')
}

func (o *object) str(name, v string) {
	o.field(name)
	o.quote(v)
}

func (o *object) optional(name, v string) {
	if v != "" {
		o.str(name, v)
	}
}

// raw appends a value that is JSON already, but for bytes that are no UTF-8.
func (o *object) raw(name string, v []byte) {
	if !utf8.Valid(v) {
		v = bytes.ToValidUTF8(v, []byte("\ufffd"))
	}
	o.field(name)
	o.buf = append(o.buf, v...)
}

func (o *object) flag(name string, v bool) {
	if v {
		o.field(name)
		o.buf = append(o.buf, "true"...)
	}
}

// strs appends an array, if it has elements.
func (o *object) strs(name string, v []string) {
	if len(v) == 0 {
		return
	}
	o.field(name)
	for i, s := range v {
		o.buf = append(o.buf, ","...)
		if i == 0 {
			o.buf[len(o.buf)-1] = '['
		}
		o.quote(s)
	}
	o.buf = append(o.buf, ']')
}

// wording appends what a message says; raw, when set, is the text as a JSON string.
func (o *object) wording(text string, raw []byte, files []string, edited TS) {
	if raw != nil {
		o.raw("text", raw)
	} else {
		o.str("text", text)
	}
	o.strs("file_names", files)
	o.optional("edited_ts", string(edited))
}

// former appends what a message said before.
func (o *object) former(w *Wording) {
	o.field("former")
	inner := newObject(o.buf)
	inner.wording(w.Text, w.RawText, w.FileNames, w.EditedTS)
	o.buf = inner.end()
}

// window appends a window. A record in a thousand has one.
func (o *object) window(w *SyncWindow) {
	o.field("window")
	inner := newObject(o.buf)
	inner.str("from", string(w.From))
	inner.str("to", string(w.To))
	inner.optional("thread_ts", string(w.ThreadTS))
	inner.timestamps("present", w.Present)
	if w.Threads != nil {
		inner.timestamps("threads", w.Threads)
	}
	o.buf = inner.end()
}

func (o *object) timestamps(name string, all []TS) {
	o.field(name)
	o.buf = append(o.buf, '[')
	for i, ts := range all {
		if i > 0 {
			o.buf = append(o.buf, ',')
		}
		o.quote(string(ts))
	}
	o.buf = append(o.buf, ']')
}

// time appends t in UTC, unless only its own zone keeps it in RFC 3339's years 0 to 9999.
func (o *object) time(name string, t time.Time) {
	if at := t.Unix(); at >= year0 && at < year10000 {
		t = t.UTC()
	}
	o.field(name)
	o.buf = append(o.buf, '"')
	o.buf = t.AppendFormat(o.buf, time.RFC3339Nano)
	o.buf = append(o.buf, '"')
}

// The years that RFC 3339 has, in seconds since the epoch.
const (
	year0     = -62167219200
	year10000 = 253402300800
)

// quote appends a string. Ids, names and emails hardly ever need an escape; jx writes those that do. It would write bytes
// that are no UTF-8 as they are, which JSON forbids: each becomes U+FFFD, as in encoding/json.
func (o *object) quote(s string) {
	if !plain(s) {
		if !utf8.ValidString(s) {
			s = string([]rune(s))
		}
		w := jx.Writer{Buf: o.buf}
		w.Str(s)
		o.buf = w.Buf
		return
	}
	o.buf = append(o.buf, '"')
	o.buf = append(o.buf, s...)
	o.buf = append(o.buf, '"')
}

// plain says whether s is in JSON what it is: ASCII without a quote, a backslash or a control character.
func plain(s string) bool {
	at := 0
	for raw := unsafe.Slice(unsafe.StringData(s), len(s)); at+8 <= len(raw); at += 8 {
		if x := binary.LittleEndian.Uint64(raw[at:]); (special(x)|x)&0x8080808080808080 != 0 {
			return false
		}
	}
	for ; at < len(s); at++ {
		if c := s[at]; c < ' ' || c == '"' || c == '\\' || c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// end closes the object and returns the buffer.
func (o *object) end() []byte {
	if len(o.buf) == o.start {
		o.buf = append(o.buf, '{')
	}
	o.buf[o.start] = '{'
	return append(o.buf, '}')
}
