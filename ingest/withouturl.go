package ingest

import (
	"errors"
	"net/url"
)

// WithoutURL drops the URL that net/http and net/url put into their errors: a code, a ticket or a token may be in it.
func WithoutURL(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		return u.Err
	}
	return err
}
