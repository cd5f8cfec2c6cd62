// Package signed reads requests that Slack has signed (docs.slack.dev/authentication/verifying-requests-from-slack): events and
// interactions come the same way.
package signed

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// maxSkew is how far a request's timestamp may be from our clock (Slack, 'Verifying requests from Slack').
const maxSkew = 5 * time.Minute

// Headers of a signed request.
const (
	headerSignature = "X-Slack-Signature"
	headerTimestamp = "X-Slack-Request-Timestamp"
)

// Results of a refusal, as they stand in metrics.
const (
	unsigned  = "unsigned"
	stale     = "stale"
	forged    = "forged"
	malformed = "malformed"
	tooLarge  = "too_large"
)

// Refusal is the answer to a request that is not read: an HTTP status, a bounded result for a metric, and a sentence.
type Refusal struct {
	Status int
	Result string
	Text   string
}

// Reader reads bodies of at most Max bytes that were signed with one of the secrets: one for each app.
type Reader struct {
	secrets [][]byte
	max     int64
	now     func() time.Time
}

// NewReader makes a reader. Without a secret nothing could be verified, so it refuses.
func NewReader(secrets []string, maxBody int64, now func() time.Time) (*Reader, error) {
	r := &Reader{max: maxBody, now: now}
	for _, s := range secrets {
		if s != "" {
			r.secrets = append(r.secrets, []byte(s))
		}
	}
	if len(r.secrets) == 0 {
		return nil, errors.New("no Slack signing secret is configured")
	}
	return r, nil
}

// Read returns the body of a POST, byte for byte, and when it was verified, or the refusal.
func (s *Reader) Read(w http.ResponseWriter, r *http.Request) (body []byte, at time.Time, refusal *Refusal) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		return nil, at, &Refusal{http.StatusMethodNotAllowed, malformed, "Slack sends this by POST.\n"}
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, s.max))
	if _, is := errors.AsType[*http.MaxBytesError](err); is {
		return nil, at, &Refusal{http.StatusRequestEntityTooLarge, tooLarge, "The body is larger than " + strconv.FormatInt(s.max, 10) + " bytes.\n"}
	}
	if err != nil {
		return nil, at, &Refusal{http.StatusBadRequest, malformed, "The body did not arrive whole.\n"}
	}
	at = s.now()
	if why := verify(s.secrets, r.Header, body, at); why != "" {
		return nil, at, &Refusal{http.StatusUnauthorized, why, "The request is not signed by Slack, or its timestamp is more than 5 minutes off.\n"}
	}
	return body, at, nil
}

// verify checks the signature v0=hex(HMAC-SHA256(secret, "v0:" + timestamp + ":" + body)) over the raw body, in constant
// time, against every configured secret. It returns "" or why not.
func verify(secrets [][]byte, h http.Header, body []byte, now time.Time) string {
	signature, timestamp := h.Get(headerSignature), h.Get(headerTimestamp)
	digest, isV0 := strings.CutPrefix(signature, "v0=")
	got, err := hex.DecodeString(digest)
	if timestamp == "" || !isV0 || err != nil {
		return unsigned
	}
	sent, err := strconv.ParseInt(timestamp, 10, 64)
	if err != nil {
		return unsigned
	}
	if skew := now.Sub(time.Unix(sent, 0)); skew > maxSkew || skew < -maxSkew {
		return stale
	}
	ok := false
	for _, secret := range secrets {
		mac := hmac.New(sha256.New, secret)
		mac.Write([]byte("v0:" + timestamp + ":"))
		mac.Write(body)
		ok = hmac.Equal(mac.Sum(nil), got) || ok // every secret, so that the time does not tell which one matched
	}
	if !ok {
		return forged
	}
	return ""
}
