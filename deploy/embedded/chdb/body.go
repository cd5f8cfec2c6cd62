package chdb

import (
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"errors"
	"io"
	"net/http"

	"github.com/ClickHouse/ch-go/compress"
	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

// decodeBody undoes the Content-Encoding, and then ClickHouse's own block compression (decompress=1).
func decodeBody(r *http.Request, blocks bool) (io.Reader, error) {
	body := io.Reader(r.Body)
	var err error
	switch encoding := r.Header.Get("Content-Encoding"); encoding {
	case "", "identity":
	case "gzip":
		body, err = gzip.NewReader(r.Body)
	case "deflate":
		body, err = zlib.NewReader(r.Body)
	case "br":
		body = brotli.NewReader(r.Body)
	case "lz4":
		body = lz4.NewReader(r.Body)
	case "zstd":
		var d *zstd.Decoder
		if d, err = zstd.NewReader(r.Body, zstd.WithDecoderConcurrency(1)); err == nil {
			body = d.IOReadCloser()
		}
	default:
		return nil, refuse(codeNotImplemented, "Content-Encoding %.20q is not supported by the embedded ClickHouse; use gzip, deflate, br, zstd or lz4", encoding)
	}
	if err != nil {
		return nil, bodyError(err)
	}
	if blocks {
		body = &blockReader{compress.NewReader(body)}
	}
	return body, nil
}

// blockReader reads ClickHouse's compressed blocks; the library wraps the plain end of the body in an error of its own.
type blockReader struct{ r *compress.Reader }

func (b *blockReader) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	if err != nil && errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		err = io.EOF
	}
	return n, err
}

// bodyError tells a body that is wrong from one that did not arrive.
func bodyError(err error) error {
	var corrupted *compress.CorruptedDataErr
	var flateErr flate.CorruptInputError
	switch {
	case errors.As(err, &corrupted), errors.As(err, &flateErr), errors.Is(err, gzip.ErrHeader), errors.Is(err, gzip.ErrChecksum),
		errors.Is(err, zlib.ErrHeader), errors.Is(err, zlib.ErrChecksum), errors.Is(err, zstd.ErrMagicMismatch),
		errors.Is(err, lz4.ErrInvalidFrame), errors.Is(err, lz4.ErrInvalidBlockChecksum), errors.Is(err, lz4.ErrInvalidFrameChecksum):
		return refuse(codeCannotDecompress, "The request's body cannot be decompressed: %v", err)
	}
	return refuse(codeNetworkError, "The request's body did not arrive whole: %v", err)
}
