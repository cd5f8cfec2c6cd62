package demo

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/bigmind/backchannel/deploy/slacksim"
	"github.com/bigmind/backchannel/schemas"
)

// sight is what a run sees.
type sight struct {
	said     map[string]row
	view     []seen
	posts    []slacksim.Post
	outcomes map[string]int
	requests int
	answered int
	held     int
}

type seen struct {
	key string
	row row
}

// perfect is when nothing is wrong: three messages, two requests, two DMs.
func perfect() *sight {
	s := &sight{
		said:     map[string]row{"C1/1.1": {"U1", "hello", ""}, "C1/2.1": {"U2", "reply", "1.1"}, "C2/1.1": {"U1", "same ts, other channel", ""}},
		outcomes: map[string]int{"delivered by slack": 2}, requests: 2, answered: 2,
		posts: []slacksim.Post{post(1, "d1"), post(2, "d2")},
	}
	for _, key := range []string{"C1/1.1", "C1/2.1", "C2/1.1"} {
		s.view = append(s.view, seen{key, s.said[key]})
	}
	return s
}

func post(n int, delivery string) slacksim.Post {
	return slacksim.Post{N: n, Metadata: fmt.Appendf(nil, `{"event_payload":{"delivery_id":%q}}`, delivery)}
}

// summary compares as a run does.
func (s *sight) summary(t *testing.T) Summary {
	t.Helper()
	sum := Summary{NotificationsRequested: s.requests, RequestsWithOutcome: s.answered, RequestsHeld: s.held, Outcomes: s.outcomes, MessagesExpected: len(s.said)}
	for _, v := range s.view {
		sum.count(s.said, v.key, v.row)
	}
	sum.countMissing(s.said)
	if err := sum.countDMs(s.posts); err != nil {
		t.Fatal(err)
	}
	return sum
}

// The demo is worth what its comparison can find: each case is a fault that it must tell, and that ends it with an error.
func TestTheComparisonFindsEveryFault(t *testing.T) {
	tests := []struct {
		name  string
		fault func(*sight)
		shows func(Summary) bool
		want  string
	}{
		{"nothing wrong", func(*sight) {}, func(s Summary) bool {
			return s.MismatchedMessages == 0 && s.MessagesInClickHouse == 3 && s.DuplicateDMs == 0 && s.DMsPosted == 2
		}, ""},
		{"a row is missing", func(s *sight) { s.view = s.view[1:] }, func(s Summary) bool { return s.MismatchedMessages == 1 && s.MessagesInClickHouse == 2 }, "3 messages expected, 2 in ClickHouse"},
		{"a row is extra", func(s *sight) { s.view = append(s.view, seen{"C3/1.1", row{"U1", "secret", ""}}) }, func(s Summary) bool { return s.MismatchedMessages == 1 }, "4 in ClickHouse"},
		{"one is missing and another extra", func(s *sight) { s.view[0].key = "C3/9.9" }, func(s Summary) bool { return s.MismatchedMessages == 2 }, "read otherwise: 2"},
		{"a row is there twice", func(s *sight) { s.view = append(s.view, s.view[0]) }, func(s Summary) bool { return s.MismatchedMessages == 1 }, "4 in ClickHouse"},
		{"one twice hides one missing", func(s *sight) { s.view[0] = s.view[1] }, func(s Summary) bool { return s.MismatchedMessages == 2 && s.MessagesInClickHouse == 3 }, "read otherwise"},
		{"another text", func(s *sight) { s.view[0].row.text = "hello, edited" }, func(s Summary) bool { return s.MismatchedMessages == 1 }, "read otherwise: 1"},
		{"another author", func(s *sight) { s.view[0].row.user = "U2" }, func(s Summary) bool { return s.MismatchedMessages == 1 }, "read otherwise: 1"},
		{"out of its thread", func(s *sight) { s.view[1].row.thread = "" }, func(s Summary) bool { return s.MismatchedMessages == 1 }, "read otherwise: 1"},
		{"a DM is doubled", func(s *sight) { s.posts = append(s.posts, post(3, "d1")) }, func(s Summary) bool { return s.DuplicateDMs == 1 && s.DMsPosted == 3 }, "DMs posted"},
		{"a DM is doubled and so is its outcome", func(s *sight) {
			s.posts = append(s.posts, post(3, "d1"))
			s.outcomes["delivered by slack"]++
		}, func(s Summary) bool { return s.DuplicateDMs == 1 }, "1 DMs were posted twice"},
		{"a DM is said to be delivered and is not", func(s *sight) { s.posts = s.posts[1:] }, func(s Summary) bool { return s.DMsPosted == 1 }, "2 outcomes say delivered"},
		{"an outcome is absent", func(s *sight) { s.answered-- }, func(s Summary) bool { return s.RequestsWithOutcome == 1 }, "only 1 have an outcome"},
		{"one is held", func(s *sight) { s.requests++; s.held = 1 }, func(s Summary) bool { return s.RequestsHeld == 1 && s.RequestsWithOutcome == 2 }, ""},
		{"one is held and another absent", func(s *sight) { s.requests += 2; s.held = 1 }, func(s Summary) bool { return s.RequestsHeld == 1 }, "4 requests, only 2 have an outcome and 1 are held"},
		{"nothing was said", func(s *sight) { s.said, s.view = nil, nil }, func(s Summary) bool { return s.MessagesExpected == 0 }, "too few"},
		{"nothing was requested", func(s *sight) { s.requests, s.answered, s.posts, s.outcomes = 0, 0, nil, map[string]int{} }, func(s Summary) bool { return s.DMsPosted == 0 }, "too few"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			saw := perfect()
			tt.fault(saw)
			sum := saw.summary(t)
			if !tt.shows(sum) {
				t.Errorf("the summary does not show it: %+v", sum)
			}
			err := sum.Problem()
			switch {
			case tt.want == "" && err != nil:
				t.Errorf("unexpected: %v", err)
			case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("problem %v, want %q", err, tt.want)
			}
		})
	}
}

func TestAPostThatNamesNoDeliveryIsAnError(t *testing.T) {
	for _, metadata := range []string{"", "{}", "[", `{"event_payload":{"delivery_id":""}}`} {
		if err := new(Summary).countDMs([]slacksim.Post{{N: 7, Metadata: []byte(metadata)}}); err == nil || !strings.Contains(err.Error(), "post 7") {
			t.Errorf("metadata %q: %v", metadata, err)
		}
	}
}

func TestPatienceIsSlacks(t *testing.T) {
	said := map[string]row{"C1/1.0": {}, "C1/2.0": {thread: "1.0"}, "C1/3.0": {thread: "1.0"}, "C2/2.0": {thread: "1.0"}, "C2/4.0": {}}
	if n := threads(said); n != 2 {
		t.Errorf("%d threads, want one of each channel", n)
	}
	if quiet, busy := (Summary{}).patience(), (Summary{threads: 100}).patience(); quiet != 2*time.Minute || busy != 6*time.Minute {
		t.Errorf("%s without threads and %s with a hundred, which take two minutes to read", quiet, busy)
	}
}

// What is held counts as held until it has an outcome, and nothing is waited for that the demo will not see.
func TestWhatIsHeld(t *testing.T) {
	at := time.Date(2026, 11, 26, 21, 0, 0, 0, time.UTC)
	held := map[schemas.RequestID]schemas.HeldNotification{}
	for _, id := range []schemas.RequestID{"demo-1", "demo-2", "demo-3"} {
		held[id] = schemas.HeldNotification{Why: schemas.OverCap, DueAt: at}
	}
	s := Summary{NotificationsRequested: 5, MessagesExpected: 1, MessagesInClickHouse: 1}
	s.countHeld(held, []string{"demo-3", "demo-4"}) // the third by its other channel
	if s.RequestsHeld != 2 || s.RequestsWithOutcome != 2 || s.Held["over_cap until 2026-11-26T21:00:00Z"] != 2 {
		t.Errorf("%+v", s)
	}
	if got, want := s.waits(), "1 of 5 requests have no outcome yet, of which Slack takes one a second for each person; 2 requests are held until later, and not waited for"; got != want {
		t.Errorf("waits for %q, want %q", got, want)
	}
	s.countHeld(held, []string{"demo-3", "demo-4", "demo-5"})
	if err := s.Problem(); err != nil {
		t.Error(err)
	}
	if got := (Summary{MessagesExpected: 9, MismatchedMessages: 2}).waits(); got != "2 of 9 messages are not as they should be yet, of which Slack lets 50 threads a minute be read" {
		t.Errorf("waits for %q", got)
	}
}
