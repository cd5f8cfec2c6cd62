package slack

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/slack-go/slack"

	"github.com/bigmind/backchannel/deploy/slacksim"
	"github.com/bigmind/backchannel/schemas"
)

// Every way in which chat.postMessage can fail, and what becomes of the delivery: the outcome, or that it waits. In doubt
// means that Slack may have taken it.
func TestEveryFailureHasItsFate(t *testing.T) {
	t.Parallel()
	apiError := func(code string) slacksim.Fault { return slacksim.Fault{Kind: slacksim.FaultAPIError, Error: code} }
	status := func(code int) slacksim.Fault { return slacksim.Fault{Kind: slacksim.FaultAPIStatus, Status: code} }
	tests := []struct {
		name    string
		fault   slacksim.Fault
		outcome string // "": not decided, it comes again
		inDoubt bool
		letter  bool // a dead letter besides
		waiting string
	}{
		{"user_not_found", apiError("user_not_found"), "failed recipient_refused", false, false, ""},
		{"channel_not_found", apiError("channel_not_found"), "failed recipient_refused", false, false, ""},
		{"messages_tab_disabled", apiError("messages_tab_disabled"), "failed recipient_refused", false, false, ""},
		{"a code of tomorrow", apiError("quantum_flux"), "failed recipient_refused", false, false, ""},
		{"msg_too_long", apiError("msg_too_long"), "failed content_refused", false, true, ""},
		{"invalid_blocks", apiError("invalid_blocks"), "failed content_refused", false, true, ""},
		{"ratelimited in a 200", apiError("ratelimited"), "", false, false, ""},
		{"service_unavailable", apiError("service_unavailable"), "", false, false, "Slack's Web API answers service_unavailable"},
		{"internal_error", apiError("internal_error"), "", true, false, "Slack's Web API answers internal_error"},
		{"fatal_error", apiError("fatal_error"), "", true, false, "Slack's Web API answers fatal_error"},
		{"429", slacksim.Fault{Kind: slacksim.FaultAPIStatus, Status: 429, RetryAfter: 7}, "", false, false, ""},
		{"500", status(500), "", true, false, "Slack's Web API answers HTTP status 500"},
		{"502", status(502), "", true, false, "Slack's Web API answers HTTP status 502"},
		{"503", status(503), "", false, false, "Slack's Web API answers HTTP status 503"},
		{"404", status(404), "", false, false, "Slack's Web API answers HTTP status 404"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, slacksim.Settings{IgnoreClientMsgID: true})
			w.workspace("T1", "acme", 1)
			s, reg := w.replica()
			d := delivery("T1", user(1), 1)
			tt.fault.Method, tt.fault.Count = methodPost, 1
			w.fault(tt.fault)
			result := w.write(s, rec(t, d))
			outcomes := w.take()
			noLeak(t, "the outcome", outcomes)
			noLeak(t, "the result", result.Waiting)
			if (result.Waiting != nil || tt.waiting != "") && fmt.Sprint(result.Waiting) != tt.waiting {
				t.Errorf("it waits for %v, want %q", result.Waiting, tt.waiting)
			}
			e := entry(t, w, d.DeliveryID)
			if tt.outcome != "" {
				if got := statuses(outcomes); len(got) != 1 || got[0] != tt.outcome || !strings.Contains(outcomes[0].Detail, "Slack answered ") {
					t.Errorf("outcomes %+v, want %s", outcomes, tt.outcome)
				}
				if letter := len(result.Rejected) == 1; letter != tt.letter || len(result.Deferred) > 0 {
					t.Errorf("result %+v, want a dead letter: %v", result, tt.letter)
				}
				if e == nil || e.Done == nil {
					t.Errorf("the ledger says %+v", e)
				}
				w.write(s, rec(t, d)) // again: decided is decided
				if shown := w.shown(); len(shown) > 0 {
					t.Errorf("posted after all: %v", shown)
				}
				return
			}
			if len(outcomes) > 0 || len(result.Deferred) != 1 {
				t.Fatalf("outcomes %v, result %+v, want it to wait", statuses(outcomes), result)
			}
			if inDoubt := e != nil; inDoubt != tt.inDoubt {
				t.Errorf("the ledger says %+v, want doubt: %v", e, tt.inDoubt)
			}
			w.advance(8 * time.Second)
			if result := w.write(s, result.Deferred...); len(result.Deferred) > 0 || len(w.shown()) != 1 {
				t.Errorf("it did not come again: %+v, shown %v", result, w.shown())
			}
			if o := w.take(); len(o) != 1 || o[0].Status != schemas.Delivered || o[0].Ambiguous != tt.inDoubt {
				t.Errorf("outcomes %+v", o)
			}
			if n := w.ambiguous(reg, schemas.Repeat); (n == 1) != tt.inDoubt {
				t.Errorf("%v deliveries counted as ambiguous", n)
			}
		})
	}
}

// Nothing is posted by conversations.open, so that no failure of it leaves a doubt.
func TestOpeningLeavesNoDoubt(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]slacksim.Fault{
		"internal_error": {Kind: slacksim.FaultAPIError, Error: "internal_error"},
		"500":            {Kind: slacksim.FaultAPIStatus, Status: 500},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, slacksim.Settings{})
			w.workspace("T1", "acme", 1)
			s, reg := w.replica()
			d := delivery("T1", user(1), 1)
			d.OnAmbiguous = schemas.Silence
			f.Method, f.Count = methodOpen, 1
			w.fault(f)
			result := w.write(s, rec(t, d))
			if len(result.Deferred) != 1 || entry(t, w, d.DeliveryID) != nil {
				t.Fatalf("result %+v, ledger %+v", result, entry(t, w, d.DeliveryID))
			}
			w.advance(3 * time.Second)
			w.write(s, result.Deferred...)
			if got := statuses(w.take()); len(got) != 1 || got[0] != "delivered" {
				t.Errorf("outcomes %v", got)
			}
			if n := w.ambiguous(reg, schemas.Silence); n != 0 {
				t.Errorf("%v deliveries were silenced", n)
			}
		})
	}
}

// failing is an HTTP client that loses the connection to chat.postMessage, before the request or after its effect.
type failing struct {
	HTTPClient
	after bool
	err   error
	left  int
}

func (f *failing) Do(req *http.Request) (*http.Response, error) {
	if !strings.HasSuffix(req.URL.Path, methodPost) || f.left == 0 {
		return f.HTTPClient.Do(req)
	}
	f.left--
	if f.after {
		res, err := f.HTTPClient.Do(req)
		if err != nil {
			return nil, err
		}
		_ = res.Body.Close()
	}
	return nil, f.err
}

// A connection lost after the effect is the one doubt there is: by policy the person has it twice, or it ends in silence;
// both are counted. One lost before is no doubt.
func TestAConnectionThatIsLost(t *testing.T) {
	t.Parallel()
	reset := errors.New("read: connection reset by peer, authorization Bearer " + secret)
	for name, tt := range map[string]struct {
		after           bool
		policy          schemas.AmbiguousPolicy
		posts           int
		outcome         string
		repeat, silence float64
	}{
		"after, repeat":  {true, schemas.Repeat, 2, "delivered", 1, 0},
		"after, silence": {true, schemas.Silence, 1, "failed ambiguous_silenced", 0, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, slacksim.Settings{IgnoreClientMsgID: true})
			w.workspace("T1", "acme", 1)
			s, reg := w.replica(func(o *Options) { o.HTTP = &failing{HTTPClient: w.http, after: tt.after, err: reset, left: 1} })
			d := delivery("T1", user(1), 1)
			d.OnAmbiguous = tt.policy
			result := w.write(s, rec(t, d))
			noLeak(t, "what it waits for", result.Waiting)
			w.advance(3 * time.Second)
			w.write(s, rec(t, d))
			outcomes := w.take()
			for _, o := range outcomes {
				if !o.Ambiguous {
					t.Errorf("the outcome does not say that it was in doubt: %+v", o)
				}
			}
			if got := statuses(outcomes); len(got) == 0 || got[0] != tt.outcome {
				t.Errorf("outcomes %v, want %s", got, tt.outcome)
			}
			noLeak(t, "the outcome", outcomes)
			if n := len(w.shown()); n != tt.posts {
				t.Errorf("%d posts, want %d", n, tt.posts)
			}
			if r, q := w.ambiguous(reg, schemas.Repeat), w.ambiguous(reg, schemas.Silence); r != tt.repeat || q != tt.silence {
				t.Errorf("counted %v repeats and %v silences", r, q)
			}
		})
	}
	t.Run("before", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, slacksim.Settings{})
		w.workspace("T1", "acme", 1)
		s, reg := w.replica()
		s.opts.APIURL = "http://127.0.0.1:1/api/" // refused: nothing listens there
		result := w.write(s, rec(t, delivery("T1", user(1), 1)))
		if len(result.Deferred) != 1 || result.Waiting == nil || result.Waiting.Error() != "Slack's Web API does not answer" {
			t.Errorf("got %+v", result)
		}
		s.opts.APIURL = w.url + "/api/"
		w.advance(time.Second)
		w.write(s, result.Deferred...)
		if n := w.ambiguous(reg, schemas.Repeat); n > 0 || len(w.shown()) != 1 {
			t.Errorf("%v in doubt, shown %v", n, w.shown())
		}
	})
}

func TestErrorsNameNoURL(t *testing.T) {
	t.Parallel()
	w := newWorld(t, slacksim.Settings{})
	a := api{client: slack.New("xoxb-"+secret, slack.OptionAPIURL("http://127.0.0.1:1/"), slack.OptionHTTPClient(w.http)), baseURL: "http://127.0.0.1:1/"}
	_, err := a.open(t.Context(), "U1")
	noLeak(t, "the error", err)
	if err == nil || strings.Contains(err.Error(), "http://") {
		t.Errorf("got %v", err)
	}
}
