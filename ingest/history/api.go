package history

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/bigmind/backchannel/schemas"
)

// The methods that are polled. Each has its own budget in a workspace.
const (
	methodHistory = "conversations.history"
	methodReplies = "conversations.replies"
)

// HTTPClient is what is needed of an HTTP client; *http.Client is one.
type HTTPClient interface {
	Do(req *http.Request) (*http.Response, error)
}

// slackAPI calls Slack for one workspace. It keeps messages as they came: slack-go's types drop fields that they do not know.
type slackAPI struct {
	url, token string
	http       HTTPClient
}

// answer is a page of Slack's.
type answer struct {
	OK       bool              `json:"ok"`
	Error    string            `json:"error"`
	Messages []json.RawMessage `json:"messages"`
	HasMore  bool              `json:"has_more"`
	Metadata struct {
		NextCursor string `json:"next_cursor"`
	} `json:"response_metadata"`
	sent time.Time // by our clock
}

// more says whether there is another page. Slack says so by has_more or by a cursor; either may be missing.
func (a *answer) more() bool { return a.HasMore || a.Metadata.NextCursor != "" }

// refusal is ok:false, which comes with HTTP 200.
type refusal struct{ code string }

func (r *refusal) Error() string { return "Slack answered " + r.code }

// limited is HTTP 429, or one of the codes that mean it.
type limited struct{ after time.Duration }

func (l *limited) Error() string { return "Slack limits the rate for " + l.after.String() }

const (
	// otherwiseAfter is how long to wait where Slack does not say.
	otherwiseAfter = 30 * time.Second
	// maxAnswer is far above a page of 999 messages of 40,000 characters that anybody has typed.
	maxAnswer = 256 << 20
	// maxCode is longer than any of Slack's error codes. Anything else that stands there is not repeated.
	maxCode = 64
)

// call asks for a page. Its errors hold neither the token nor what Slack said beyond its code.
func (a *slackAPI) call(ctx context.Context, method string, args url.Values) (*answer, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, a.url+method, strings.NewReader(args.Encode()))
	if err != nil {
		return nil, errors.New("slack-api-url is not a URL")
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Authorization", "Bearer "+a.token)
	sent := time.Now()
	resp, err := a.http.Do(req)
	if err != nil {
		if u, ok := errors.AsType[*url.Error](err); ok {
			err = u.Err
		}
		return nil, fmt.Errorf("call Slack: %w", err)
	}
	defer func() { _ = resp.Body.Close() }() // the answer was read
	switch {
	case resp.StatusCode == http.StatusTooManyRequests:
		return nil, &limited{retryAfter(resp.Header.Get("Retry-After"))}
	case resp.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("call Slack: HTTP status %d", resp.StatusCode)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return nil, fmt.Errorf("read Slack's answer: %w", err)
	}
	return parseAnswer(body, sent)
}

func parseAnswer(body []byte, sent time.Time) (*answer, error) {
	var out answer
	if json.Unmarshal(body, &out) != nil {
		return nil, errors.New("read Slack's answer: it is not the JSON that Slack documents")
	}
	out.sent = sent
	switch {
	case out.OK:
		return &out, nil
	case out.Error == "ratelimited" || out.Error == "rate_limited":
		return nil, &limited{otherwiseAfter}
	case out.Error == "" || len(out.Error) > maxCode:
		return nil, &refusal{"neither ok nor a code"}
	}
	return nil, &refusal{out.Error}
}

// retryAfter reads the header, in seconds.
func retryAfter(header string) time.Duration {
	seconds, err := strconv.Atoi(header)
	if err != nil || seconds < 0 {
		return otherwiseAfter
	}
	return max(time.Duration(seconds)*time.Second, time.Second) // 0 would be the retry storm of airbyte #2376
}

// head is what is needed of a message.
type head struct {
	TS          schemas.TS `json:"ts"`
	ThreadTS    schemas.TS `json:"thread_ts"`
	Subtype     string     `json:"subtype"`
	LatestReply schemas.TS `json:"latest_reply"`
	ReplyCount  int        `json:"reply_count"`
	// The rest is what a reader would see of it, unread.
	User   json.RawMessage `json:"user"`
	BotID  json.RawMessage `json:"bot_id"`
	Edited json.RawMessage `json:"edited"`
	Text   json.RawMessage `json:"text"`
	Blocks json.RawMessage `json:"blocks"`
	Files  json.RawMessage `json:"files"`

	micros uint64
	raw    json.RawMessage
}

// root says whether a thread begins here.
func (h *head) root() bool { return h.ReplyCount > 0 && (h.ThreadTS == "" || h.ThreadTS == h.TS) }

// heads reads the messages of an answer. What has no ts is no message, and is counted.
func heads(messages []json.RawMessage) (read []head, unreadable int) {
	read = make([]head, 0, len(messages))
	for _, raw := range messages {
		h := head{raw: raw}
		err := json.Unmarshal(raw, &h)
		if _, isType := errors.AsType[*json.UnmarshalTypeError](err); isType {
			err = nil // a field has another shape than Slack documents; what matters is the ts
		}
		if err == nil {
			h.micros, err = h.TS.Micros()
		}
		if err != nil {
			unreadable++
			continue
		}
		read = append(read, h)
	}
	return read, unreadable
}
