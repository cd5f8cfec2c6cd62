package chdb

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/ClickHouse/ch-go/compress"
)

// reply writes one answer: headers, then the body through the compressions that were asked for.
type reply struct {
	http  http.ResponseWriter
	req   *http.Request
	q     *request
	begun time.Time
	tag   string // marks an exception that comes after the first bytes

	out     io.Writer      // nil until the headers are sent
	encoder io.WriteCloser // Content-Encoding
	blocks  *compress.Writer
}

func newReply(w http.ResponseWriter, r *http.Request, server serverInfo) *reply {
	h := w.Header()
	h.Set("X-ClickHouse-Server-Display-Name", server.name)
	h.Set("X-ClickHouse-Timezone", server.timezone)
	h.Set("Content-Type", "text/plain; charset=UTF-8")
	return &reply{http: w, req: r, begun: time.Now()}
}

// whole sends an answer that is complete.
func (p *reply) whole(body []byte, s stats) error {
	body, err := p.layout(body)
	if err != nil {
		return err
	}
	h := p.http.Header()
	h.Set("X-ClickHouse-Summary", s.summary(time.Since(p.begun)))
	if len(body) == 0 || !p.compressed() {
		h.Set("Content-Length", strconv.Itoa(len(body)))
	}
	if len(body) == 0 {
		p.describe()
		p.http.WriteHeader(http.StatusOK)
		return nil
	}
	if err := p.send(body); err != nil {
		return err
	}
	return p.end()
}

// write sends one chunk of an answer of unknown length.
func (p *reply) write(chunk []byte) error {
	chunk, err := p.layout(chunk)
	if err != nil {
		return err
	}
	return p.send(chunk)
}

// layout brings blocks in Native format into the form that the client's protocol version has.
func (p *reply) layout(data []byte) ([]byte, error) {
	if p.q.revision == 0 || p.q.stmt.format != "Native" {
		return data, nil
	}
	data, err := nativeAt(p.q.revision, data)
	if err != nil {
		return nil, refuse(codeNotImplemented, "The answer has a column type that cannot be sent at client_protocol_version %d: %v", p.q.revision, err)
	}
	return data, nil
}

// send passes a piece of the body on, and before the first one the headers.
func (p *reply) send(data []byte) error {
	if p.out == nil {
		p.start()
	}
	if p.blocks == nil {
		_, err := p.out.Write(data)
		return err
	}
	const frame = 1 << 20
	for len(data) > 0 {
		n := min(frame, len(data))
		if err := p.blocks.Compress(data[:n]); err != nil {
			return fmt.Errorf("compress the answer: %w", err)
		}
		if _, err := p.out.Write(p.blocks.Data); err != nil {
			return err
		}
		data = data[n:]
	}
	return nil
}

func (p *reply) end() error {
	if p.encoder != nil {
		return p.encoder.Close()
	}
	return nil
}

// describe sets the headers that say what the answer is.
func (p *reply) describe() {
	h := p.http.Header()
	h.Set("X-ClickHouse-Query-Id", p.q.queryID)
	h.Set("X-ClickHouse-Format", p.q.stmt.format)
	h.Set("Content-Type", contentType(p.q.stmt.format))
}

// start fixes the headers and builds the chain of writers.
func (p *reply) start() {
	p.describe()
	h := p.http.Header()
	var tag [8]byte
	_, _ = rand.Read(tag[:]) // never fails
	p.tag = hex.EncodeToString(tag[:])
	h.Set("X-ClickHouse-Exception-Tag", p.tag)
	p.out = p.http
	if name := p.encoding(); name != "" {
		h.Set("Content-Encoding", name)
		h.Set("Vary", "Accept-Encoding")
		p.encoder = encodeBody(name, p.http)
		p.out = p.encoder
	}
	if p.q.compress {
		p.blocks = compress.NewWriter(0, blockMethod(p.q.setting("network_compression_method")))
	}
	p.http.WriteHeader(http.StatusOK)
}

// fail answers with an error: as a status while that is possible, else by ClickHouse's frame in the body
// and a connection that ends early, so that no client takes the answer for whole.
func (p *reply) fail(err error) {
	var exception *Exception
	if !errors.As(err, &exception) {
		exception = refuse(codeUnknownException, "%v", err)
	}
	if p.out == nil {
		h := p.http.Header()
		h.Set("X-ClickHouse-Exception-Code", strconv.Itoa(exception.Code))
		h.Set("Content-Type", "text/plain; charset=UTF-8")
		h.Del("Content-Length")
		if p.q != nil {
			h.Set("X-ClickHouse-Query-Id", p.q.queryID)
		}
		p.http.WriteHeader(exception.status())
		fmt.Fprintln(p.http, exception.Text)
		return
	}
	text := exception.Text + "\n"
	fmt.Fprintf(p.out, "\r\n__exception__\r\n%s\r\n%s%d %s\r\n__exception__\r\n", p.tag, text, len(text), p.tag)
	_ = p.end()
	_ = http.NewResponseController(p.http).Flush()
	panic(http.ErrAbortHandler)
}

// summary is the X-ClickHouse-Summary header.
func (s stats) summary(elapsed time.Duration) string {
	return fmt.Sprintf(`{"read_rows":"%d","read_bytes":"%d","written_rows":"%d","written_bytes":"%d","total_rows_to_read":"0","result_rows":"%d","result_bytes":"0","elapsed_ns":"%d"}`,
		s.readRows, s.readBytes, s.writtenRows, s.writtenBytes, s.resultRows, elapsed.Nanoseconds())
}
