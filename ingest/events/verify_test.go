package events_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// Slack's own example. It is a slash command, which nobody serves here: verified, and then refused as no event.
func TestSlacksExampleIsVerified(t *testing.T) {
	r := receive(t)
	req := request(exampleBody)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("X-Slack-Signature", exampleSigned)
	if w := r.post(req); w.Code != http.StatusBadRequest {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if diff := cmp.Diff(map[string]float64{"malformed": 1}, r.results(t)); diff != "" {
		t.Error(diff)
	}
}

func TestSignatures(t *testing.T) {
	at := func(offset time.Duration) string { return strconv.FormatInt(now.Add(offset).Unix(), 10) }
	stamp, valid := at(0), signature(secret, at(0), message)
	lastOf := func(s string) string {
		return s[:len(s)-1] + map[bool]string{true: "0", false: "1"}[s[len(s)-1] == '1']
	}
	for name, tt := range map[string]struct {
		timestamp, signature string
		secrets              []string
		want                 string // the result in the metric; accepted is 200, everything else 401
	}{
		"signed":                      {stamp, valid, nil, "accepted"},
		"upper-case hex":              {stamp, "v0=" + strings.ToUpper(valid[3:]), nil, "accepted"},
		"by the second app's secret":  {stamp, signature("app two", stamp, message), []string{secret, "app two", "app three"}, "accepted"},
		"by the first of several":     {stamp, valid, []string{secret, "app two"}, "accepted"},
		"by the last of several":      {stamp, signature("app three", stamp, message), []string{"", secret, "app three"}, "accepted"},
		"5 minutes ago":               {at(-5 * time.Minute), signature(secret, at(-5*time.Minute), message), nil, "accepted"},
		"5 minutes ahead":             {at(5 * time.Minute), signature(secret, at(5*time.Minute), message), nil, "accepted"},
		"5 minutes and 1 s ago":       {at(-301 * time.Second), signature(secret, at(-301*time.Second), message), nil, "stale"},
		"5 minutes and 1 s ahead":     {at(301 * time.Second), signature(secret, at(301*time.Second), message), nil, "stale"},
		"at the end of int64":         {"9223372036854775807", signature(secret, "9223372036854775807", message), nil, "stale"},
		"at the beginning of int64":   {"-9223372036854775808", signature(secret, "-9223372036854775808", message), nil, "stale"},
		"beyond int64":                {"9223372036854775808", signature(secret, "9223372036854775808", message), nil, "unsigned"},
		"a time with a fraction":      {stamp + ".5", signature(secret, stamp+".5", message), nil, "unsigned"},
		"a time that is none":         {"now", signature(secret, "now", message), nil, "unsigned"},
		"no timestamp":                {"", signature(secret, "", message), nil, "unsigned"},
		"no signature":                {stamp, "", nil, "unsigned"},
		"no version":                  {stamp, valid[3:], nil, "unsigned"},
		"another version":             {stamp, "v1=" + valid[3:], nil, "unsigned"},
		"no hex":                      {stamp, "v0=" + strings.Repeat("z", 64), nil, "unsigned"},
		"half a digit":                {stamp, valid[:len(valid)-1], nil, "unsigned"},
		"nothing after the version":   {stamp, "v0=", nil, "forged"},
		"a byte short":                {stamp, valid[:len(valid)-2], nil, "forged"},
		"a byte long":                 {stamp, valid + "00", nil, "forged"},
		"its last digit is another":   {stamp, lastOf(valid), nil, "forged"},
		"of another time":             {at(-1 * time.Second), valid, nil, "forged"},
		"of another body":             {stamp, signature(secret, stamp, message+" "), nil, "forged"},
		"of no body":                  {stamp, signature(secret, stamp, ""), nil, "forged"},
		"with no secret":              {stamp, signature("", stamp, message), nil, "forged"},
		"with an empty one among two": {stamp, signature("", stamp, message), []string{"", secret}, "forged"},
		"with an unknown app's":       {stamp, signature("app four", stamp, message), []string{secret, "app two"}, "forged"},
	} {
		t.Run(name, func(t *testing.T) {
			r := receive(t, tt.secrets...)
			req := request(message)
			req.Header.Set("X-Slack-Request-Timestamp", tt.timestamp)
			req.Header.Set("X-Slack-Signature", tt.signature)
			w := r.post(req)
			want := map[bool]int{true: http.StatusOK, false: http.StatusUnauthorized}[tt.want == "accepted"]
			if w.Code != want || len(r.records) != map[bool]int{true: 1}[tt.want == "accepted"] {
				t.Errorf("%d, %d records: %s", w.Code, len(r.records), w.Body)
			}
			if diff := cmp.Diff(map[string]float64{tt.want: 1}, r.results(t)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestMissingHeaders(t *testing.T) {
	for _, header := range []string{"X-Slack-Signature", "X-Slack-Request-Timestamp"} {
		r := receive(t)
		req := request(message)
		req.Header.Del(header)
		if w := r.post(req); w.Code != http.StatusUnauthorized || len(r.records) != 0 {
			t.Errorf("without %s: %d", header, w.Code)
		}
	}
}

// FuzzVerify: whatever the headers and body, what is accepted was signed with our secret and no other.
func FuzzVerify(f *testing.F) {
	stamp := strconv.FormatInt(now.Unix(), 10)
	f.Add(stamp, signature("another", stamp, message), message)
	f.Add(stamp, signature(secret, stamp, message), message)
	f.Add(stamp, "v0=", "{}")
	f.Add("0x10", "v0=00", "")
	f.Add("+"+stamp, signature(secret, "+"+stamp, "{}"), "{}")
	r := receive(f)
	f.Fuzz(func(t *testing.T, timestamp, signed, body string) {
		req := request(body)
		req.Header["X-Slack-Request-Timestamp"], req.Header["X-Slack-Signature"] = []string{timestamp}, []string{signed}
		w := r.post(req)
		if w.Code != http.StatusUnauthorized && !strings.EqualFold(signed, signature(secret, timestamp, body)) {
			t.Errorf("%d for a request that nobody signed", w.Code)
		}
		req = request(body)
		req.Header["X-Slack-Request-Timestamp"], req.Header["X-Slack-Signature"] = []string{timestamp}, []string{signature("another", timestamp, body)}
		if w := r.post(req); w.Code != http.StatusUnauthorized {
			t.Errorf("%d for a request signed with another secret", w.Code)
		}
		r.records = nil
	})
}
