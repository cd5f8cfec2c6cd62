package history

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/bigmind/backchannel/deploy/slacksim"
	"github.com/bigmind/backchannel/schemas"
)

// simulation is a workspace that talks, while its past is read and some of what it says never comes as an event.
type simulation struct {
	*world
	random   *rand.Rand
	channels []slacksim.ChannelID
	said     map[slacksim.ChannelID][]slacksim.Message
	roots    map[slacksim.TS]bool // of the threads of the past
	size     int
}

// threads is how many there are in the past.
func (s *simulation) threads() int { return len(s.roots) }

// past makes messages channels, of which the first has a third of all, over most of the window; one of three messages is a reply.
func (s *simulation) past(channels, messages int) {
	s.said, s.roots = map[slacksim.ChannelID][]slacksim.Message{}, map[slacksim.TS]bool{}
	for n := range channels {
		c := s.channel(fmt.Sprint("customer-", n))
		s.channels = append(s.channels, c)
		count := messages * 2 / 3 / max(1, channels-1)
		if n == 0 {
			count = messages / 3
		}
		span := 85 * 24 * time.Hour
		for i := range count {
			s.speak(c, span-time.Duration(i)*span/time.Duration(count), i)
		}
	}
}

// speak says something, or with ago 0 now.
func (s *simulation) speak(c slacksim.ChannelID, ago time.Duration, n int) {
	s.size++
	say := slacksim.Say{User: s.person.ID, Text: fmt.Sprint("message ", s.size)}
	if said := s.said[c]; len(said) > 0 {
		switch old := said[s.random.IntN(len(said))]; {
		case s.random.IntN(3) > 0 || old.ThreadTS != "":
		case s.random.IntN(20) == 0:
			say.ThreadTS, say.Broadcast = old.TS, true
		default:
			say.ThreadTS = old.TS
		}
	}
	if s.random.IntN(15) == 0 && say.ThreadTS == "" {
		say = slacksim.Say{Bot: "integration", Text: say.Text}
	}
	var m slacksim.Message
	if ago > 0 {
		m = s.ago(ago, c, say)
		if say.ThreadTS != "" {
			s.roots[say.ThreadTS] = true
		}
	} else {
		var err error
		m, err = s.slack.Speak(s.t.Context(), s.team.ID, c, say)
		s.must(err)
	}
	s.said[c] = append(s.said[c], m)
}

// talk goes on for a while: messages, edits and deletions of messages of any age.
func (s *simulation) talk(turns int, over time.Duration) {
	for range turns {
		time.Sleep(over / time.Duration(turns))
		c := s.channels[s.random.IntN(len(s.channels))]
		said := s.said[c]
		pick := s.random.IntN(len(said))
		switch s.random.IntN(10) {
		case 0, 1:
			if said[pick].BotID == "" {
				m, err := s.slack.Edit(s.t.Context(), s.team.ID, c, said[pick].TS, fmt.Sprint("edited ", s.random.IntN(1e6)))
				s.must(err)
				said[pick] = m
			}
		case 2:
			s.must(s.slack.Delete(s.t.Context(), s.team.ID, c, said[pick].TS))
			s.said[c] = append(said[:pick], said[pick+1:]...)
		default:
			s.speak(c, 0, 0)
		}
	}
}

// troubles are what the issue asks for.
func (s *simulation) troubles() {
	for _, f := range []slacksim.Fault{
		{Kind: slacksim.FaultWithholdEvents, Share: 0.02, Seed: 1}, {Kind: slacksim.FaultDuplicateEvents, Share: 0.05, Seed: 2},
		{Kind: slacksim.FaultReorderEvents, Share: 0.05, Seed: 3, DelayMS: 90_000},
		{Kind: slacksim.FaultAPIStatus, Status: 429, RetryAfter: 7, Share: 0.002, Seed: 4}, {Kind: slacksim.FaultAPIStatus, Status: 503, Share: 0.005, Seed: 5},
		{Kind: slacksim.FaultAPIError, Error: "internal_error", Share: 0.002, Seed: 6},
	} {
		s.fault(f)
	}
}

// reconciled: everything that is there was read again since a moment.
func (s *simulation) reconciled(since time.Time) bool {
	for _, c := range s.channels {
		if cp := s.coverage(c); !cp.Complete || cp.SweptAt.Before(since) {
			return false
		}
	}
	for _, c := range s.channels {
		table, err := s.redis.HGetAll(s.t.Context(), schemas.ThreadsKey(s.team.ID, c)).Result()
		s.must(err)
		for root, text := range table {
			if root != fieldEpoch && parseThread(text).read < since.Unix() {
				return false
			}
		}
	}
	return true
}

func sized(t testing.TB, name string, otherwise int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("%s must be a number", name)
	}
	return n
}

// A workspace that talks while its past is read by two replicas, of whose events some are lost, doubled or late, and whose API fails at times. Once everything
// has been read again, there is no difference between what would be in ClickHouse and Slack, read as 'backchannel audit' reads it. While the past is read,
// what Slack allows is used and kept to, and a channel that has a third of all messages delays nobody's first page by more than its turn.
//
// HISTORY_CHANNELS and HISTORY_MESSAGES make it larger. HISTORY_OUT is a folder for what it produced: cmd/backchannel/audit feeds ClickHouse with it.
func TestSimulation(t *testing.T) {
	long(t)
	for _, class := range []string{"internal", "commercial"} {
		t.Run(class, func(t *testing.T) {
			channels, messages := sized(t, "HISTORY_CHANNELS", 12), sized(t, "HISTORY_MESSAGES", 700)
			inWorld(t, slacksim.Settings{ReplyEvents: true, CursorEnd: "varied"}, class == "commercial", func(w *world) {
				w.calm = true
				if channels > 100 {
					w.opts.Every = time.Hour // what is read again half of the time would be what takes the test's time
				}
				s := &simulation{world: w, random: rand.New(rand.NewPCG(7, 7))}
				s.past(channels, messages)
				w.installed(nil)
				w.listen()
				s.troubles()
				out := newSpool(w, class)
				stopA, _ := w.start("a")
				stopB, _ := w.start("b")
				time.Sleep(21 * time.Minute) // both know of each other
				w.associate(s.channels[0])
				m := s.measure(perMinute[w.opts.Class])
				time.Sleep(time.Minute)
				m.firstPages(s.channels[1:])
				w.associate(s.channels[1:]...)
				s.talk(messages/4, 24*time.Hour)
				_, err := w.slack.Idle(w.t.Context())
				w.must(err)
				w.until(365*24*time.Hour, "the backfill is complete", w.complete(s.channels...))
				m.stop()
				quiet := time.Now()
				for !s.reconciled(quiet) || time.Since(quiet) < atLeastDaily+2*w.opts.Quiet { // so long until it was looked for replies to what has none
					if time.Since(quiet) > 365*24*time.Hour {
						t.Fatal("a year later not everything was read again")
					}
					time.Sleep(3 * time.Hour)
				}
				took := time.Since(quiet)
				stopA()
				stopB()
				w.same(time.Now().Add(-365*24*time.Hour), s.channels...)
				stats, err := w.slack.Deliveries(w.t.Context())
				w.must(err)
				history, replies := w.calls(methodHistory), w.calls(methodReplies)
				t.Logf("%d messages in %d channels, %d threads; %d events, %d withheld; %s; reconciled in %s more; history %+v, replies %+v; %d records", s.size, channels, s.threads(),
					stats.Created, stats.Withheld, m, took.Round(time.Minute), history, replies, w.records)
				if stats.Withheld == 0 {
					t.Error("no event was withheld")
				}
				m.check(len(s.channels))
				if n := history.Errors["ratelimited"] + replies.Errors["ratelimited"]; n*1000 >= history.Calls+replies.Calls {
					t.Errorf("%d of %d calls were answered with 429", n, history.Calls+replies.Calls)
				}
				s.audited(out)
			})
		})
	}
}
