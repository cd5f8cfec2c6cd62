package slacksim

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"
)

const (
	// eventTimeout is how long an app has to answer: "within three seconds" (docs.slack.dev/apis/events-api).
	eventTimeout = 3 * time.Second
	// maxRedirects is how many Slack follows: "up to two" (same page).
	maxRedirects = 2
)

var errTooManyRedirects = errors.New("too many redirects")

// sign is Slack's request signature, version 0 (docs.slack.dev/authentication/verifying-requests-from-slack).
func sign(secret, timestamp string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret))
	fmt.Fprintf(mac, "v0:%s:", timestamp)
	mac.Write(body)
	return "v0=" + hex.EncodeToString(mac.Sum(nil))
}

// eventClient is the caller's client, following as many redirects as Slack does.
func eventClient(base *http.Client, concurrency int) *http.Client {
	client := *base
	if client.Transport == nil {
		client.Transport = &http.Transport{
			DialContext:         (&net.Dialer{Timeout: eventTimeout}).DialContext,
			MaxIdleConnsPerHost: concurrency,
			IdleConnTimeout:     30 * time.Second,
		}
	}
	client.CheckRedirect = func(_ *http.Request, via []*http.Request) error {
		if len(via) > maxRedirects {
			return errTooManyRedirects
		}
		return nil
	}
	return &client
}

// attempt sends a delivery once, and counts it.
func (s *Simulator) attempt(ctx context.Context, d *delivery) result {
	s.mu.Lock()
	app, now := *s.state.apps[d.App], s.now()
	now, cut := s.troubles(d, now)
	refused := s.refused(app, d, s.now())
	s.mu.Unlock()
	if refused {
		return result{noRetry: true}
	}
	res := result{}
	if cut {
		res.reason = "connection_failed"
	} else if app.SocketMode {
		res = s.overSocket(ctx, d)
	} else {
		res = s.sendOnce(ctx, app, d, now)
	}
	s.countAttempt(d.App, res.accepted)
	return res
}

func (s *Simulator) sendOnce(ctx context.Context, app App, d *delivery, now time.Time) result {
	header := http.Header{}
	if d.attempts > 0 {
		header.Set("X-Slack-Retry-Num", strconv.Itoa(d.attempts))
		header.Set("X-Slack-Retry-Reason", d.reason)
	}
	ctx, cancel := context.WithTimeout(ctx, eventTimeout)
	defer cancel()
	res, err := s.send(ctx, app, now, d.Body, header)
	if err != nil {
		return result{reason: failure(err)}
	}
	// The answer's end belongs to the three seconds; what it says does not matter.
	_, err = io.Copy(io.Discard, io.LimitReader(res.Body, 1<<20))
	if closeErr := res.Body.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return result{reason: failure(err)}
	}
	return readResult(res)
}

// send posts a signed body to the app's events URL.
func (s *Simulator) send(ctx context.Context, app App, now time.Time, body []byte, header http.Header) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, app.EventsURL, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("make an event request: %w", err)
	}
	timestamp := strconv.FormatInt(now.Unix(), 10)
	req.Header = header
	if header.Get("Content-Type") == "" {
		req.Header.Set("Content-Type", "application/json")
	}
	req.Header.Set("User-Agent", "Slackbot 1.0 (+https://api.slack.com/robots)")
	req.Header.Set("X-Slack-Request-Timestamp", timestamp)
	req.Header.Set("X-Slack-Signature", sign(app.SigningSecret, timestamp, body))
	return s.client.Do(req)
}

// failure is Slack's word for a request that got no answer.
func failure(err error) string {
	var (
		dns      *net.OpError
		unknown  x509.UnknownAuthorityError
		hostname x509.HostnameError
		expired  x509.CertificateInvalidError
		record   tls.RecordHeaderError
		timeout  net.Error
	)
	switch {
	case errors.Is(err, errTooManyRedirects):
		return "too_many_redirects"
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return reasonTimeout
	case errors.As(err, &unknown), errors.As(err, &hostname), errors.As(err, &expired), errors.As(err, &record):
		return "ssl_error"
	case errors.As(err, &dns), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "connection_failed"
	}
	return "unknown_error"
}

func base64Raw(raw []byte) string { return base64.RawURLEncoding.EncodeToString(raw) }
