package slacksim_test

import (
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bigmind/backchannel/deploy/slacksim"
)

// TestRetryReasons: each word of x-slack-retry-reason.
func TestRetryReasons(t *testing.T) {
	tests := map[string]error{
		"connection_failed": &net.OpError{Op: "dial", Err: errors.New("refused")},
		"ssl_error":         x509.UnknownAuthorityError{},
		"unknown_error":     errors.New("something else"),
		"http_error":        nil, // a status of 500
	}
	for want, failure := range tests {
		t.Run(want, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var reasons []string
				b := newBubble(t, slacksim.Options{}, 1, func(w http.ResponseWriter, r *http.Request) {
					reasons = append(reasons, r.Header.Get("X-Slack-Retry-Reason"))
					if len(reasons) < 2 && failure == nil {
						w.WriteHeader(http.StatusInternalServerError)
					}
				})
				defer b.close()
				b.transport.before = func(*http.Request) error {
					err := failure
					failure = nil
					if err != nil {
						reasons = append(reasons, "")
					}
					return err
				}
				must(b.Say(t.Context(), b.team.ID, b.rooms[0].ID, b.ada.ID, "hi"))(t)
				must(b.Idle(t.Context()))(t)
				if diff := cmp.Diff([]string{"", want}, reasons); diff != "" {
					t.Error(diff)
				}
			})
		})
	}
}

// TestTooManyRedirects: Slack follows two.
func TestTooManyRedirects(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var reasons []string
		b := newBubble(t, slacksim.Options{}, 1, func(w http.ResponseWriter, r *http.Request) {
			reasons = append(reasons, r.Header.Get("X-Slack-Retry-Reason"))
			if len(reasons) < 4 {
				http.Redirect(w, r, "/again", http.StatusTemporaryRedirect)
			}
		})
		defer b.close()
		must(b.Say(t.Context(), b.team.ID, b.rooms[0].ID, b.ada.ID, "hi"))(t)
		must(b.Idle(t.Context()))(t)
		if diff := cmp.Diff([]string{"", "", "", "too_many_redirects"}, reasons); diff != "" {
			t.Error(diff)
		}
	})
}

// TestAFailingAppIsDisabled: 'disabled when over 95% of deliveries fail within 60 minutes (retries count; not under
// 1,000 events an hour) and are re-enabled by hand'.
func TestAFailingAppIsDisabled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t, slacksim.Options{}, 1, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) })
		defer b.close()
		ctx := t.Context()
		say := func(n int) slacksim.DeliveryStats {
			for range n {
				must(b.Say(ctx, b.team.ID, b.rooms[0].ID, b.ada.ID, "hi"))(t)
			}
			return must(b.Idle(ctx))(t)
		}
		disabled := func() bool { return must(b.Apps(ctx))(t)[0].EventsDisabled }
		say(249) // of four attempts each
		if disabled() {
			t.Error("disabled after fewer than 1,000 attempts")
		}
		say(1)
		if !disabled() {
			t.Fatal("not disabled after 1,000 failures")
		}
		before := must(b.Deliveries(ctx))(t).Created
		if after := say(1).Created; after != before {
			t.Errorf("%d events were due to a disabled app", after-before)
		}
		must(b.EnableEvents(ctx, b.install.App))(t)
		if after := say(1).Created; after != before+1 || disabled() {
			t.Errorf("%d events after it was enabled by hand", after-before)
		}
	})
}

// TestEventsAreCapped: '30,000 deliveries per workspace, app and hour; beyond it a top-level app_rate_limited (team_id,
// minute_rate_limited, no inner event) each limited minute'.
func TestEventsAreCapped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var limited []map[string]any
		events := 0
		b := newBubble(t, slacksim.Options{Settings: slacksim.Settings{EventsPerHour: 5}, EventConcurrency: 1}, 1, func(_ http.ResponseWriter, r *http.Request) {
			var body map[string]any
			raw, err := io.ReadAll(r.Body)
			if err == nil {
				err = json.Unmarshal(raw, &body)
			}
			if err != nil {
				t.Error(err)
			}
			if body["type"] == "app_rate_limited" {
				limited = append(limited, body)
			} else {
				events++
			}
		})
		defer b.close()
		say := func(n int) {
			for range n {
				must(b.Say(t.Context(), b.team.ID, b.rooms[0].ID, b.ada.ID, "hi"))(t)
			}
			must(b.Idle(t.Context()))(t)
		}
		begin := time.Now().Unix() / 60 * 60
		say(8)
		time.Sleep(time.Minute)
		say(2)
		if events != 5 || len(limited) != 2 {
			t.Fatalf("%d events and %d app_rate_limited, want 5 and 2", events, len(limited))
		}
		for i, body := range limited {
			if body["team_id"] != string(b.team.ID) || body["minute_rate_limited"] != float64(begin+int64(i)*60) || body["event"] != nil || body["api_app_id"] == nil {
				t.Errorf("app_rate_limited is %v", body)
			}
		}
		time.Sleep(time.Hour)
		if say(1); events != 6 {
			t.Error("still limited after an hour")
		}
		if got := must(b.Settings(t.Context()))(t).EventsPerHour; got != 5 {
			t.Error(got)
		}
	})
}

// TestLateEventsAreDropped: 'Events more than 2 hours late are dropped unless Delayed Events is on'.
func TestLateEventsAreDropped(t *testing.T) {
	for _, delayed := range []bool{false, true} {
		t.Run(strconv.FormatBool(delayed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				scale := 121.0 // the second retry comes after 121 minutes
				tries := 0
				b := newBubble(t, slacksim.Options{Settings: slacksim.Settings{RetryScale: &scale}}, 1, func(w http.ResponseWriter, _ *http.Request) {
					if tries++; tries < 3 {
						w.WriteHeader(http.StatusBadGateway)
					}
				})
				defer b.close()
				must(b.UpdateApp(t.Context(), b.install.App, slacksim.AppPatch{DelayedEvents: &delayed}))(t)
				must(b.Say(t.Context(), b.team.ID, b.rooms[0].ID, b.ada.ID, "hi"))(t)
				stats := must(b.Idle(t.Context()))(t)
				if want := map[bool]int{false: 2, true: 3}[delayed]; tries != want || (stats.Accepted == 1) != delayed {
					t.Errorf("%d attempts, want %d; %+v", tries, want, stats)
				}
			})
		})
	}
}
