package chdb

import (
	"compress/gzip"
	"compress/zlib"
	"io"
	"strings"

	"github.com/ClickHouse/ch-go/compress"
	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

func (p *reply) compressed() bool { return p.q.compress || p.encoding() != "" }

// encoding is the Content-Encoding to use, "" for none.
func (p *reply) encoding() string {
	if enabled := p.q.setting("enable_http_compression"); enabled != "" && !isTrue(enabled) {
		return ""
	}
	accepted := p.req.Header.Get("Accept-Encoding")
	for _, name := range []string{"zstd", "lz4", "gzip", "br", "deflate"} {
		if strings.Contains(accepted, name) {
			return name
		}
	}
	return ""
}

// encodeBody compresses at ClickHouse's default level, 3.
func encodeBody(name string, w io.Writer) io.WriteCloser {
	const level = 3
	switch name {
	case "br":
		return brotli.NewWriterLevel(w, level)
	case "deflate":
		z, _ := zlib.NewWriterLevel(w, level) // errs only on a wrong level
		return z
	case "lz4":
		return lz4.NewWriter(w)
	case "zstd":
		z, _ := zstd.NewWriter(w, zstd.WithEncoderConcurrency(1)) // errs only on wrong options
		return z
	}
	z, _ := gzip.NewWriterLevel(w, level) // errs only on a wrong level
	return z
}

func blockMethod(name string) compress.Method {
	switch strings.ToUpper(name) {
	case "ZSTD":
		return compress.ZSTD
	case "LZ4HC":
		return compress.LZ4HC
	case "NONE":
		return compress.None
	}
	return compress.LZ4
}
