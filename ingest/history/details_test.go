package history

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bigmind/backchannel/deploy/slacksim"
	"github.com/bigmind/backchannel/schemas"
)

// scripted answers some calls itself, and lets the others through.
type scripted struct {
	HTTPClient
	mu     sync.Mutex
	script func(method string, form map[string]string) string // JSON, or empty
}

func (s *scripted) Do(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	form := map[string]string{}
	again := r.Clone(r.Context())
	again.Body = io.NopCloser(bytes.NewReader(body))
	if err := again.ParseForm(); err != nil {
		return nil, err
	}
	for name := range again.PostForm {
		form[name] = again.PostForm.Get(name)
	}
	s.mu.Lock()
	answer := ""
	if s.script != nil {
		answer = s.script(strings.TrimPrefix(r.URL.Path, "/api/"), form)
	}
	s.mu.Unlock()
	if answer == "" {
		return s.HTTPClient.Do(r)
	}
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(answer))}, nil
}

// What Slack's paging does that its documentation only hints at.
func TestPagesThatAreNotAsTheySeem(t *testing.T) {
	for name, script := range map[string]func() func(method string, form map[string]string) string{
		"has_more without a cursor": func() func(string, map[string]string) string { return nil }, // see below
		"an empty page with a cursor": func() func(string, map[string]string) string {
			n := 0
			return func(method string, form map[string]string) string {
				if method != methodHistory {
					return ""
				}
				if n++; n <= 3 {
					if n > 1 && form["cursor"] != fmt.Sprint("c", n-1) {
						return `{"ok":false,"error":"invalid_cursor"}`
					}
					return fmt.Sprintf(`{"ok":true,"messages":[],"has_more":true,"response_metadata":{"next_cursor":"c%d"}}`, n)
				}
				return ""
			}
		},
		"a cursor that expires on an empty page": func() func(string, map[string]string) string {
			n := 0
			return func(method string, form map[string]string) string {
				switch {
				case method == methodHistory && form["cursor"] != "":
					return `{"ok":false,"error":"invalid_cursor"}`
				case method == methodHistory && n == 0:
					n++
					return `{"ok":true,"messages":[],"has_more":true,"response_metadata":{"next_cursor":"c"}}`
				}
				return ""
			}
		},
		"ok:false with 200": func() func(string, map[string]string) string {
			n := 0
			return func(string, map[string]string) string {
				if n++; n%2 == 1 {
					return `{"ok":false,"error":"fatal_error"}`
				}
				return ""
			}
		},
		"what is no JSON": func() func(string, map[string]string) string {
			n := 0
			return func(string, map[string]string) string {
				if n++; n%3 == 1 {
					return "<html>an error page with 200"
				}
				return ""
			}
		},
		"a limit without 429": func() func(string, map[string]string) string {
			n := 0
			return func(string, map[string]string) string {
				if n++; n == 2 {
					return `{"ok":false,"error":"ratelimited"}`
				}
				return ""
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, slacksim.Settings{CursorEnd: "missing", CursorLifeSeconds: 1}, false, func(w *world) {
				c := budgeted(w, "customer", 1, 2100, 40)[0]
				w.opts.HTTP = &scripted{HTTPClient: w.opts.HTTP, script: script()}
				if name == "has_more without a cursor" {
					w.opts.HTTP = withoutCursors{w.opts.HTTP}
				}
				w.installed(nil)
				w.associate(c)
				stop, _ := w.start("a")
				defer stop()
				w.until(3*time.Hour, "the channel is complete", w.complete(c))
				w.same(time.Now().Add(-90*24*time.Hour), c)
			})
		})
	}
}

// withoutCursors takes the cursors out of Slack's answers.
type withoutCursors struct{ HTTPClient }

func (c withoutCursors) Do(r *http.Request) (*http.Response, error) {
	resp, err := c.HTTPClient.Do(r)
	if err != nil {
		return nil, err
	}
	var answer map[string]json.RawMessage
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		return nil, err
	}
	delete(answer, "response_metadata")
	raw, err := json.Marshal(answer)
	resp.Body = io.NopCloser(bytes.NewReader(raw))
	return resp, err
}

// Nothing of what happens here comes as an event. Polling finds all of it.
func TestWhatNoEventTold(t *testing.T) {
	inWorld(t, slacksim.Settings{}, false, func(w *world) {
		w.calm = true
		c := w.channel("customer")
		day := 24 * time.Hour
		say := func(ago time.Duration, text string, root slacksim.TS, broadcast bool) slacksim.Message {
			return w.ago(ago, c, slacksim.Say{Text: text, ThreadTS: root, Broadcast: broadcast})
		}
		root := say(80*day, "an old root", "", false)
		answer := say(79*day, "an old answer", root.TS, false)
		shown := say(78*day, "an answer for all", root.TS, true)
		doomedRoot := say(70*day, "a root that is deleted with its answers", "", false)
		doomedAnswer := say(69*day, "its answer", doomedRoot.TS, false)
		tomb := say(65*day, "a root that is deleted and leaves answers", "", false)
		say(64*day, "which stand", tomb.TS, false)
		bot := w.ago(60*day, c, slacksim.Say{Bot: "workflow", Text: "started"})
		edited, gone := say(50*day, "to be edited", "", false), say(49*day, "to be deleted", "", false)
		link := say(40*day, "see <https://acme.example>", "", false)
		w.installed(nil)
		w.associate(c)
		stop, _ := w.start("a")
		defer stop()
		w.until(time.Hour, "the channel is complete", w.complete(c))
		w.same(time.Now().Add(-90*day), c)

		ctx := w.t.Context()
		_, err := w.slack.Edit(ctx, w.team.ID, c, edited.TS, "edited")
		w.must(err)
		_, err = w.slack.Edit(ctx, w.team.ID, c, answer.TS, "an old answer, edited")
		w.must(err)
		_, err = w.slack.Edit(ctx, w.team.ID, c, shown.TS, "an answer for all, edited")
		w.must(err)
		_, err = w.slack.Change(ctx, w.team.ID, c, bot.TS, slacksim.Edit{Text: "ended", Unmarked: true})
		w.must(err)
		_, err = w.slack.Unfurl(ctx, w.team.ID, c, link.TS, slacksim.Unfurl{URL: "https://acme.example", Title: "Acme"})
		w.must(err)
		for _, m := range []slacksim.Message{gone, doomedAnswer, doomedRoot, tomb} {
			w.must(w.slack.Delete(ctx, w.team.ID, c, m.TS))
		}
		_, err = w.slack.Reply(ctx, w.team.ID, c, root.TS, w.person.ID, "a late answer to an old root")
		w.must(err)
		began := time.Now()
		w.until(30*day, "it is found", func() bool { return len(w.differences(time.Now().Add(-400*day), c)) == 0 })
		t.Logf("found within %s", time.Since(began))
	})
}

// Slack shows nothing of a channel for once, and then all of it again: what was taken for deleted comes back.
func TestAnInferredDeletionGivesWay(t *testing.T) {
	inWorld(t, slacksim.Settings{}, false, func(w *world) {
		w.calm = true
		c := budgeted(w, "customer", 1, 20, 5)[0]
		glitch := &scripted{HTTPClient: w.opts.HTTP}
		w.opts.HTTP = glitch
		w.installed(nil)
		w.associate(c)
		stop, _ := w.start("a")
		defer stop()
		w.until(time.Hour, "the channel is complete", w.complete(c))
		glitched := false
		glitch.mu.Lock()
		glitch.script = func(method string, _ map[string]string) string {
			if method != methodHistory || glitched {
				return ""
			}
			glitched = true
			return `{"ok":true,"messages":[],"has_more":false}`
		}
		glitch.mu.Unlock()
		w.until(24*time.Hour, "they seem deleted", func() bool { return len(w.differences(time.Time{}, c)) >= 16 })
		w.until(24*time.Hour, "they are back", func() bool { return len(w.differences(time.Time{}, c)) == 0 })
	})
}

// A message that is said while a page is read is not in the page, and not deleted by it.
func TestAMessageBesideThePage(t *testing.T) {
	s := store{}
	s.apply(schemas.ContextMessage{ChannelID: "C", TS: "1000.000000", Version: 1000_000000})
	asOf := uint64(1000_000000) - uint64(guard.Microseconds())
	s.apply(schemas.ContextMessage{ChannelID: "C", Version: asOf, Window: &schemas.SyncWindow{From: "1.000000", To: schemas.TSOf(asOf)}})
	if s["C"].all[0].deleted {
		t.Error("it was deleted")
	}
}

func FuzzAnswer(f *testing.F) {
	for _, seed := range []string{
		`{"ok":true,"messages":[{"ts":"1.000001","thread_ts":"1.000001","reply_count":2,"latest_reply":"2"}],"has_more":true,"response_metadata":{"next_cursor":"c"}}`,
		`{"ok":false,"error":"ratelimited"}`, `{"ok":true,"messages":[{"ts":1.5},null,[],{"ts":"x"}]}`, `{"ok":true,"response_metadata":null}`, `<html>`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := parseAnswer(body, time.Unix(1700000000, 0))
		if err != nil {
			if r, isRefusal := errors.AsType[*refusal](err); isRefusal && len(r.code) > maxCode {
				t.Errorf("an error repeats what it was sent: %d bytes", len(r.code))
			}
			return
		}
		read, unreadable := heads(got.Messages)
		if len(read)+unreadable != len(got.Messages) {
			t.Errorf("%d messages, %d read, %d not", len(got.Messages), len(read), unreadable)
		}
		for _, h := range read {
			if micros, err := h.TS.Micros(); err != nil || micros != h.micros {
				t.Errorf("%q is read as %d, %v", h.TS, h.micros, err)
			}
		}
		fingerprint(read)
	})
}

func FuzzThread(f *testing.F) {
	f.Add("1790000000.000100 12 1790000500 - ab12")
	f.Add("- 0 0 - -")
	f.Fuzz(func(t *testing.T, text string) {
		th := parseThread(text)
		if again := parseThread(th.String()); again != th {
			t.Errorf("%q is read as %+v, and what that writes as %+v", text, th, again)
		}
		th.due("1.000001", time.Hour)
	})
}

// An edit of which no event comes, a moment after one that came: what is read within the guard loses to it, so it is published again.
func TestAnEditRightAfterAnother(t *testing.T) {
	inWorld(t, slacksim.Settings{}, false, func(w *world) {
		w.opts.Every, w.opts.Quiet = 2*time.Second, 2*time.Second
		c := w.channel("customer")
		w.installed(nil)
		w.associate(c)
		w.listen()
		stop, _ := w.start("a")
		defer stop()
		ctx := w.t.Context()
		m, err := w.slack.Say(ctx, w.team.ID, c, w.person.ID, "first")
		w.must(err)
		gone, err := w.slack.Say(ctx, w.team.ID, c, w.person.ID, "deleted a moment later")
		w.must(err)
		_, err = w.slack.Edit(ctx, w.team.ID, c, m.TS, "second")
		w.must(err)
		_, err = w.slack.Idle(ctx)
		w.must(err)
		w.fault(slacksim.Fault{Kind: slacksim.FaultWithholdEvents})
		_, err = w.slack.Edit(ctx, w.team.ID, c, m.TS, "third")
		w.must(err)
		w.must(w.slack.Delete(ctx, w.team.ID, c, gone.TS))
		time.Sleep(2 * time.Minute)
		w.same(time.Time{}, c)
	})
}

// A deletion that overtakes its message: the message's event comes half an hour later, and changes nothing. Nor does it for long when of the deletion no event came.
func TestADeletionThatOvertakesItsMessage(t *testing.T) {
	for _, told := range []bool{true, false} {
		t.Run(fmt.Sprint("told ", told), func(t *testing.T) {
			inWorld(t, slacksim.Settings{}, false, func(w *world) {
				w.calm = true
				c := budgeted(w, "customer", 1, 5, 1e6)[0]
				w.installed(nil)
				w.associate(c)
				w.listen()
				stop, _ := w.start("a")
				defer stop()
				w.until(time.Hour, "the channel is complete", w.complete(c))
				late := 30 * time.Minute
				w.fault(slacksim.Fault{Kind: slacksim.FaultReorderEvents, Count: 1, DelayMS: int(late.Milliseconds())})
				gone, err := w.slack.Say(w.t.Context(), w.team.ID, c, w.person.ID, "deleted a moment later")
				w.must(err)
				if !told {
					w.fault(slacksim.Fault{Kind: slacksim.FaultWithholdEvents, Count: 1})
				}
				w.must(w.slack.Delete(w.t.Context(), w.team.ID, c, gone.TS))
				time.Sleep(late + time.Minute)
				if told {
					w.same(time.Time{}, c)
				} else if len(w.differences(time.Time{}, c)) == 0 {
					t.Error("its event did not come")
				}
				w.until(13*time.Hour, "it is gone", func() bool { return len(w.differences(time.Time{}, c)) == 0 })
			})
		})
	}
}

// Messages a microsecond apart, at the border of two pages and of the window: each is read once, what is before the window is not.
func TestBordersOfAMicrosecond(t *testing.T) {
	inWorld(t, slacksim.Settings{}, true, func(w *world) {
		const all, before = 40, 10 // so that what is in the window fills two pages of 15
		c := w.channel("customer")
		var said []slacksim.Message
		for n := range all {
			said = append(said, w.ago(80*24*time.Hour, c, slacksim.Say{Text: fmt.Sprint("message ", n)}))
		}
		if first, last := mustMicros(said[0].TS), mustMicros(said[all-1].TS); last-first != all-1 {
			t.Fatalf("they are not a microsecond apart: %s to %s", said[0].TS, said[all-1].TS)
		}
		start := time.UnixMicro(int64(mustMicros(said[before].TS)))
		w.opts.Window = 80 * 24 * time.Hour
		w.installed(nil)
		say(w, schemas.ChannelAssociations, schemas.TeamChannelKey(w.team.ID, c), &schemas.ChannelAssociation{
			OrgID: "acme", TeamID: w.team.ID, ChannelID: c, AccountID: "acc-1", UpdatedAt: start.Add(w.opts.Window).UTC(),
		})
		stop, _ := w.start("a")
		defer stop()
		w.until(time.Hour, "the channel is complete", w.complete(c))
		w.same(start, c)
		if n := len(w.rows(c)); n != all-before {
			t.Errorf("%d messages are kept, want %d", n, all-before)
		}
		if cp := w.coverage(c); cp.Oldest != said[before].TS || cp.Messages != all-before {
			t.Errorf("known from %s on with %d messages, want from %s on", cp.Oldest, cp.Messages, said[before].TS)
		}
	})
}

// The only reply to an old message is deleted again before its root is read, and no event tells of that: the root looks as if it never had one.
func TestTheLastReplyOfAThreadIsDeleted(t *testing.T) {
	inWorld(t, slacksim.Settings{ReplyEvents: true}, false, func(w *world) {
		c := w.channel("customer")
		root := w.ago(24*time.Hour, c, slacksim.Say{Text: "nobody answers"})
		w.ago(23*time.Hour, c, slacksim.Say{Text: "something else"})
		w.installed(nil)
		w.associate(c)
		w.listen()
		stop, _ := w.start("a")
		defer stop()
		w.until(time.Hour, "the channel is complete", w.complete(c))
		reply, err := w.slack.Speak(w.t.Context(), w.team.ID, c, slacksim.Say{User: w.person.ID, Text: "an answer", ThreadTS: root.TS})
		w.must(err)
		_, err = w.slack.Idle(w.t.Context())
		w.must(err)
		w.fault(slacksim.Fault{Kind: slacksim.FaultWithholdEvents, Count: 1})
		w.must(w.slack.Delete(w.t.Context(), w.team.ID, c, reply.TS))
		if len(w.differences(time.Time{}, c)) == 0 {
			t.Error("its deletion was told of")
		}
		w.until(31*time.Hour, "it is gone", func() bool { return len(w.differences(time.Time{}, c)) == 0 })
	})
}
