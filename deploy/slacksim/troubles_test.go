package slacksim_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bigmind/backchannel/deploy/slacksim"
)

// TestAReset: the caller gets no answer, before the effect or after it.
func TestAReset(t *testing.T) {
	for _, after := range []bool{false, true} {
		t.Run(strconv.FormatBool(after), func(t *testing.T) {
			w := newWorld(t, slacksim.Options{})
			must(w.AddFault(t.Context(), slacksim.Fault{Kind: slacksim.FaultAPIReset, Method: "chat.postMessage", After: after, Count: 1}))(t)
			hc := &http.Client{Transport: &http.Transport{}}
			defer hc.CloseIdleConnections()
			form := url.Values{"token": {w.install.Token}, "channel": {string(w.channel.ID)}, "text": {"x"}}
			if res, err := hc.PostForm(w.url+"/api/chat.postMessage", form); err == nil {
				_ = res.Body.Close()
				t.Errorf("answered %d", res.StatusCode)
			}
			posts := must(w.Posts(t.Context(), slacksim.PostQuery{}))(t)
			if got := len(posts.Posts) == 1; got != after {
				t.Errorf("%d posts", len(posts.Posts))
			}
		})
	}
}

// TestASeededShare: the same seed strikes the same calls; about the share that was asked for.
func TestASeededShare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t, slacksim.Options{}, 0, func(http.ResponseWriter, *http.Request) {})
		defer b.close()
		storm := func(seed uint64) (struck []int) {
			f := must(b.AddFault(t.Context(), slacksim.Fault{Kind: slacksim.FaultAPIStatus, Status: 429, RetryAfter: 7, Share: 0.3, Seed: seed}))(t)
			for i := range 200 {
				if status, _, wait := b.call("auth.test", nil); status == 429 && wait == "7" {
					struck = append(struck, i)
				}
			}
			if err := b.RemoveFault(t.Context(), f.ID); err != nil {
				t.Error(err)
			}
			time.Sleep(time.Minute)
			return struck
		}
		first := storm(5)
		if diff := cmp.Diff(first, storm(5)); diff != "" {
			t.Error(diff)
		}
		if cmp.Equal(first, storm(6)) || len(first) < 40 || len(first) > 80 {
			t.Errorf("%d of 200 struck", len(first))
		}
	})
}

// TestReorderSkewAndPartition: events out of order, signed by a wrong clock, and not at all while a workspace is cut off.
func TestReorderSkewAndPartition(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var texts []string
		var skews []int64
		b := newBubble(t, slacksim.Options{}, 1, func(_ http.ResponseWriter, r *http.Request) {
			var body struct{ Event struct{ Text string } }
			if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
				t.Error(err)
			}
			at := must(strconv.ParseInt(r.Header.Get("X-Slack-Request-Timestamp"), 10, 64))(t)
			texts, skews = append(texts, body.Event.Text), append(skews, at-time.Now().Unix())
		})
		defer b.close()
		fault := func(f slacksim.Fault) slacksim.Fault { return must(b.AddFault(t.Context(), f))(t) }
		say := func(text string) { must(b.Say(t.Context(), b.team.ID, b.rooms[0].ID, b.ada.ID, text))(t) }
		fault(slacksim.Fault{Kind: slacksim.FaultReorderEvents, DelayMS: 500, Count: 1})
		say("one")
		say("two")
		must(b.Idle(t.Context()))(t)
		fault(slacksim.Fault{Kind: slacksim.FaultClockSkew, DelayMS: -400_000, Count: 1})
		say("three")
		must(b.Idle(t.Context()))(t)
		cut := fault(slacksim.Fault{Kind: slacksim.FaultPartition, Team: b.team.ID})
		say("four")
		synctest.Wait()
		if err := b.RemoveFault(t.Context(), cut.ID); err != nil {
			t.Error(err)
		}
		stats := must(b.Idle(t.Context()))(t)
		if diff := cmp.Diff([]string{"two", "one", "three", "four"}, texts); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff([]int64{0, 0, -400, 0}, skews); diff != "" {
			t.Error(diff)
		}
		if stats.Retries != 2 { // at once, and after a minute
			t.Errorf("%+v", stats)
		}
	})
}
