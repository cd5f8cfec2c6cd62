package schemas

import (
	"encoding/binary"
	"math/bits"
	"strconv"
	"strings"
	"time"
	"unsafe"

	"github.com/go-faster/jx"
)

// reader is object's counterpart: it reads fields in the order and form in which object wrote them, knowing what has to come
// next instead of looking it up. Anything else fails it, and the caller reads the record the general way.
type reader struct {
	rest   string // aliases the record
	failed bool
}

func newReader(value []byte) reader {
	return reader{rest: unsafe.String(unsafe.SliceData(value), len(value))}
}

// skip passes over what has to come next, and says whether it did.
func (r *reader) skip(literal string) bool {
	if !strings.HasPrefix(r.rest, literal) {
		return false
	}
	r.rest = r.rest[len(literal):]
	return true
}

// need is skip for what must be there.
func (r *reader) need(literal string) bool {
	found := r.skip(literal)
	r.failed = r.failed || !found
	return found
}

// str reads a string after a prefix that ends in its opening quote. It aliases the record.
func str[T ~string](r *reader, prefix string) T {
	if !r.need(prefix) {
		return ""
	}
	return T(r.string())
}

// optional is str for a field that object leaves out when it is empty.
func optional[T ~string](r *reader, prefix string) T {
	if !r.skip(prefix) {
		return ""
	}
	return T(r.string())
}

// string reads up to the closing quote, eight bytes at a time while none of them is a quote, a backslash or a control
// character. A string with an escape is jx's to read, and no longer aliases the record.
func (r *reader) string() string {
	at := 0
	for raw := unsafe.Slice(unsafe.StringData(r.rest), len(r.rest)); at+8 <= len(raw); at += 8 {
		if found := special(binary.LittleEndian.Uint64(raw[at:])); found != 0 {
			at += bits.TrailingZeros64(found) / 8
			break
		}
	}
	for at < len(r.rest) && r.rest[at] >= ' ' && r.rest[at] != '"' && r.rest[at] != '\\' {
		at++
	}
	switch {
	case at < len(r.rest) && r.rest[at] == '"':
		s := r.rest[:at]
		r.rest = r.rest[at+1:]
		return s
	case at < len(r.rest) && r.rest[at] == '\\':
		return r.escaped(at)
	}
	r.failed = true
	return ""
}

// escaped reads a string whose first escape is at.
func (r *reader) escaped(at int) string {
	for at < len(r.rest) && r.rest[at] != '"' {
		if r.rest[at] == '\\' {
			at++
		}
		at++
	}
	if at >= len(r.rest) {
		r.failed = true
		return ""
	}
	s, err := jx.DecodeStr(`"` + r.rest[:at+1]).Str()
	r.failed = r.failed || err != nil
	r.rest = r.rest[at+1:]
	return s
}

// special has the high bit set of each byte of x that is a quote, a backslash or a control character; beyond the lowest
// such byte it may be wrong (Bit Twiddling Hacks, 'Determine if a word has a byte less than n').
func special(x uint64) uint64 {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	quote, backslash := x^(ones*'"'), x^(ones*'\\')
	return ((x-ones*' ')&^x | (quote-ones)&^quote | (backslash-ones)&^backslash) & highs
}

func (r *reader) uint(prefix string) uint64 {
	if !r.need(prefix) {
		return 0
	}
	end := 0
	for end < len(r.rest) && r.rest[end] >= '0' && r.rest[end] <= '9' {
		end++
	}
	n, err := strconv.ParseUint(r.rest[:end], 10, 64)
	r.failed = r.failed || err != nil || end > 1 && r.rest[0] == '0'
	r.rest = r.rest[end:]
	return n
}

func (r *reader) time(prefix string) time.Time {
	t, err := time.Parse(time.RFC3339Nano, str[string](r, prefix))
	r.failed = r.failed || err != nil
	return t
}

// end says whether all was read, to the closing brace.
func (r *reader) end() bool { return !r.failed && r.rest == "}" }
