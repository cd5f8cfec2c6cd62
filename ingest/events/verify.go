package events

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
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

// Results of verifying, as they stand in the metric.
const (
	resultUnsigned = "unsigned"
	resultStale    = "stale"
	resultForged   = "forged"
)

// verify checks the signature v0=hex(HMAC-SHA256(secret, "v0:" + timestamp + ":" + body)) over the raw body, in constant
// time, against every configured secret: one for each app. It returns "" or why not.
func verify(secrets [][]byte, h http.Header, body []byte, now time.Time) string {
	signature, timestamp := h.Get(headerSignature), h.Get(headerTimestamp)
	digest, isV0 := strings.CutPrefix(signature, "v0=")
	got, err := hex.DecodeString(digest)
	if timestamp == "" || !isV0 || err != nil {
		return resultUnsigned
	}
	sent, err := strconv.ParseInt(timestamp, 10, 64)
	if err != nil {
		return resultUnsigned
	}
	if skew := now.Sub(time.Unix(sent, 0)); skew > maxSkew || skew < -maxSkew {
		return resultStale
	}
	ok := false
	for _, secret := range secrets {
		mac := hmac.New(sha256.New, secret)
		mac.Write([]byte("v0:" + timestamp + ":"))
		mac.Write(body)
		ok = hmac.Equal(mac.Sum(nil), got) || ok // every secret, so that the time does not tell which one matched
	}
	if !ok {
		return resultForged
	}
	return ""
}
