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
	size     int
}

// past makes messages channels, of which the first has a third of all, over most of the window; one of five messages is a reply.
func (s *simulation) past(channels, messages int) {
	s.said = map[slacksim.ChannelID][]slacksim.Message{}
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
		case s.random.IntN(5) > 0 || old.ThreadTS != "":
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
func (s *simulation) reconciled(since time.Time) func() bool {
	return func() bool {
		for _, c := range s.channels {
			cp := s.coverage(c)
			if !cp.Complete || cp.SweptAt.Before(since) {
				return false
			}
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

// A workspace that talks while its past is read, of whose events some are lost, doubled or late, and whose API fails at times: once everything has been
// read again, there is no difference between what would be in ClickHouse and Slack. HISTORY_CHANNELS and HISTORY_MESSAGES make it larger.
func TestSimulation(t *testing.T) {
	long(t)
	for _, class := range []string{"internal", "commercial"} {
		t.Run(class, func(t *testing.T) {
			channels, messages := sized(t, "HISTORY_CHANNELS", 12), sized(t, "HISTORY_MESSAGES", 1500)
			inWorld(t, slacksim.Settings{ReplyEvents: true, CursorEnd: "varied"}, class == "commercial", func(w *world) {
				w.calm = true
				s := &simulation{world: w, random: rand.New(rand.NewPCG(7, 7))}
				s.past(channels, messages)
				w.installed(nil)
				w.listen()
				s.troubles()
				stop, _ := w.start("a")
				defer stop()
				w.associate(s.channels...)
				began := time.Now()
				s.talk(messages/4, 24*time.Hour)
				_, err := w.slack.Idle(w.t.Context())
				w.must(err)
				w.until(365*24*time.Hour, "the backfill is complete", w.complete(s.channels...))
				backfilled := time.Since(began)
				quiet := time.Now()
				w.until(365*24*time.Hour, "everything was read again", s.reconciled(quiet))
				took := time.Since(quiet)
				stats, err := w.slack.Deliveries(w.t.Context())
				w.must(err)
				w.same(time.Now().Add(-365*24*time.Hour), s.channels...)
				t.Logf("%d messages; %d events, %d withheld; backfilled in %s, reconciled in %s more; history %+v, replies %+v; %d records", s.size, stats.Created, stats.Withheld,
					backfilled.Round(time.Minute), took.Round(time.Minute), w.calls(methodHistory), w.calls(methodReplies), len(w.log))
				if stats.Withheld == 0 {
					t.Error("no event was withheld")
				}
			})
		})
	}
}
