package clickhouse

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/schemas"
)

// What a made-up organization said, as its own record has it: who said what where, what was edited and deleted when. Answers are computed from it in Go,
// without a look at ClickHouse; and it makes the records that the pipeline would bring.

type author struct {
	id, name, email, company string
	external, bot            bool
}

type wording struct {
	at   int64 // microseconds
	text string
}

type spoken struct {
	channel  *room
	at, root int64 // microseconds; root 0: outside threads
	by       *author
	wordings []wording
	files    []string
	gone     int64 // deleted then
	polled   bool  // only polling found it
	late     bool  // its event came two minutes later
}

func (s *spoken) text() string { return s.wordings[len(s.wordings)-1].text }

// thread is the root's time, also of a message that is none's.
func (s *spoken) thread() int64 { return cmp.Or(s.root, s.at) }

type room struct {
	id, name string
	// links are the associations, oldest first; an empty account ends one.
	links []link
	by    map[int64]*spoken
}

type link struct {
	account, deal string
	at            int64
}

func (r *room) now() link {
	if len(r.links) == 0 {
		return link{}
	}
	return r.links[len(r.links)-1]
}

type organization struct {
	random   *rand.Rand
	org      schemas.OrgID
	team     schemas.TeamID
	rooms    []*room
	people   []*author
	said     []*spoken
	accounts map[string]string // names by id, of those that are there
	deals    map[string]string
	offset   int64
	controls []*kgo.Record
}

// began is when the organization began to talk: 1 September 2026. Its sync began five days later.
const (
	began  = 1788220800_000000
	second = 1_000_000
	aDay   = 86400 * second
)

var vocabulary = strings.Fields("renewal invoice pricing SSO export Dashboard legal budget Please thanks review blocked shipped roadmap discount")

func newOrganization(t *testing.T, org schemas.OrgID, team schemas.TeamID, messages int) *organization {
	domain := strings.TrimPrefix(string(org), "org-") + ".example"
	w := &organization{
		random: rand.New(rand.NewPCG(7, uint64(len(org)))), org: org, team: team,
		accounts: map[string]string{"a1": "Acme", "a2": "Globex", "a3": "Initech", "a4": "Umbrella"}, deals: map[string]string{"d1": "Renewal", "d2": "Pilot"},
		people: []*author{
			{id: "U1", name: "Ada", email: "ada@" + domain}, {id: "U2", name: "Ben", email: "ben@" + domain}, {id: "U3", name: "Chloé", email: ""},
			{id: "X1", name: "Xin", email: "xin@umbrella.example", company: "Umbrella", external: true}, {id: "X2", name: "Yara", company: "Initech", external: true},
			{id: "B1", name: "Robot", bot: true},
		},
	}
	for n, links := range [][]link{{{"a1", "d1", began}}, {{"a1", "", began}}, {{"a2", "d2", began}}, {{"a2", "", began}, {"", "", began + aDay}}, {{"a9", "", began}}, {}} {
		r := &room{id: fmt.Sprint("C", n+1), name: fmt.Sprint("room-", n+1), by: map[int64]*spoken{}}
		w.rooms = append(w.rooms, r)
		w.control(t, schemas.SlackChannels.Spec, schemas.TeamChannelKey(team, schemas.ChannelID(r.id)), schemas.SlackChannel{OrgID: org, TeamID: team, ChannelID: schemas.ChannelID(r.id), Name: r.name, IsMember: true})
		w.control(t, schemas.SyncCheckpoints.Spec, schemas.TeamChannelKey(team, schemas.ChannelID(r.id)), schemas.SyncCheckpoint{
			OrgID: org, TeamID: team, ChannelID: schemas.ChannelID(r.id), Status: schemas.SyncComplete, Complete: n%2 == 0, StartedAt: time.UnixMicro(began + 5*aDay),
		})
		for _, l := range links {
			w.link(t, r, l)
		}
	}
	for id, name := range maps.All(w.accounts) {
		w.control(t, schemas.CRMAccounts.Spec, schemas.OrgKey(org, schemas.AccountID(id)), schemas.Account{OrgID: org, AccountID: schemas.AccountID(id), Name: name})
	}
	for id, name := range maps.All(w.deals) {
		w.control(t, schemas.CRMDeals.Spec, schemas.OrgKey(org, schemas.DealID(id)), schemas.Deal{OrgID: org, DealID: schemas.DealID(id), AccountID: "a1", Name: name})
	}
	for _, p := range w.people {
		w.control(t, schemas.SlackUsers.Spec, schemas.TeamUserKey(team, schemas.SlackUserID(p.id)), schemas.SlackUser{
			OrgID: org, TeamID: team, UserID: schemas.SlackUserID(p.id), Name: p.name, Email: p.email, IsBot: p.bot, IsExternal: p.external, CompanyName: p.company,
		})
	}
	for _, u := range []schemas.DirectoryUser{{UserID: "u-ada", Email: "Ada@" + domain, Role: "owner"}, {UserID: "u-ben", Email: "ben@" + domain}, {UserID: "u-zoe", Email: "zoe@x.example", Name: "Zoe"}} {
		u.OrgID = org
		w.control(t, schemas.DirectoryUsers.Spec, schemas.OrgKey(org, u.UserID), u)
	}
	for n := range 6 {
		o := schemas.Outcome{OrgID: org, RequestID: schemas.RequestID(fmt.Sprint("r", n)), DeliveryID: "d", Channel: schemas.BySlack, Status: schemas.Delivered, At: time.UnixMicro(began), Recipient: schemas.Recipient{UserID: "u-ada"}}
		if n%3 == 0 {
			o.Status, o.Reason = schemas.Failed, "account_inactive"
		}
		w.control(t, schemas.NotificationOutcomes.Spec, schemas.OrgKey(org, o.RequestID), o)
	}
	w.control(t, schemas.OrgsSettings.Spec, schemas.Key(org), schemas.OrgSettings{OrgID: org, Retention: &schemas.Retention{MessageDays: 3650, VersionDays: 3650}})
	for range messages {
		w.say()
	}
	return w
}

func (w *organization) control(t *testing.T, topic schemas.Spec, key schemas.Key, value any) {
	r := record(t, topic, key, value)
	w.offset++
	r.Offset = w.offset
	w.controls = append(w.controls, r)
}

// link associates a channel, or with an empty account dissociates it, by a tombstone.
func (w *organization) link(t *testing.T, r *room, l link) {
	r.links = append(r.links, l)
	key := schemas.TeamChannelKey(w.team, schemas.ChannelID(r.id))
	if l.account == "" {
		w.control(t, schemas.ChannelAssociations.Spec, key, nil)
		w.controls[len(w.controls)-1].Timestamp = time.UnixMicro(l.at)
		return
	}
	w.control(t, schemas.ChannelAssociations.Spec, key, schemas.ChannelAssociation{
		OrgID: w.org, TeamID: w.team, ChannelID: schemas.ChannelID(r.id), AccountID: schemas.AccountID(l.account), DealID: schemas.DealID(l.deal), By: "U1", Source: "console", UpdatedAt: time.UnixMicro(l.at),
	})
	w.controls[len(w.controls)-1].Timestamp = time.UnixMicro(l.at)
}

func (w *organization) words() string {
	n := 3 + w.random.IntN(7)
	all := make([]string, n)
	for i := range all {
		all[i] = vocabulary[w.random.IntN(len(vocabulary))]
	}
	return strings.Join(all, " ") + "!"
}

// say adds a message somewhere within forty days; some days nobody talks.
func (w *organization) say() {
	r := w.rooms[w.random.IntN(len(w.rooms))]
	s := &spoken{channel: r, by: w.people[w.random.IntN(len(w.people))], polled: w.random.IntN(8) == 0, late: w.random.IntN(10) == 0}
	for s.at == 0 || r.by[s.at] != nil {
		day := int64(w.random.IntN(40))
		s.at = began + (day-day%3)*aDay + int64(w.random.IntN(aDay/1000))*1000
	}
	if roots := slices.DeleteFunc(slices.Clone(w.said), func(o *spoken) bool { return o.channel != r || o.root != 0 }); len(roots) > 0 && w.random.IntN(3) == 0 {
		root := roots[w.random.IntN(len(roots))]
		s.root, s.at = root.at, root.at+second+int64(w.random.IntN(3600*second))
	}
	if r.by[s.at] != nil {
		return
	}
	s.wordings = []wording{{s.at, w.words()}}
	if w.random.IntN(9) == 0 {
		s.files = []string{"plan.pdf"}
	}
	r.by[s.at] = s
	w.said = append(w.said, s)
	for range w.random.IntN(3) {
		w.edit(s)
	}
	if w.random.IntN(7) == 0 {
		w.delete(s)
	}
}

func (w *organization) edit(s *spoken) {
	last := s.wordings[len(s.wordings)-1].at
	if s.gone == 0 {
		s.wordings = append(s.wordings, wording{last + second + int64(w.random.IntN(aDay)), w.words()})
	}
}

func (w *organization) delete(s *spoken) {
	if s.gone == 0 {
		s.gone = s.wordings[len(s.wordings)-1].at + second + int64(w.random.IntN(aDay))
	}
}

func tsOf(micros int64) schemas.TS { return schemas.TSOf(uint64(micros)) }

// records are all that the pipeline brings: each wording, what a poll saw, and deletions.
func (w *organization) records(t *testing.T) []*kgo.Record {
	all := slices.Clone(w.controls)
	for _, s := range w.said {
		m := schemas.ContextMessage{
			OrgID: w.org, TeamID: w.team, ChannelID: schemas.ChannelID(s.channel.id), TS: tsOf(s.at), UserID: schemas.SlackUserID(s.by.id), AuthorName: s.by.name, AuthorEmail: s.by.email,
			IsExternal: s.by.external, FileNames: s.files, AccountID: "then", Source: "live",
		}
		if s.by.bot {
			m.UserID, m.BotID = "", s.by.id
		}
		if s.root != 0 {
			m.ThreadTS = tsOf(s.root)
		}
		if s.polled {
			m.Source = "history"
		}
		for n, text := range s.wordings {
			m.Version, m.Text, m.ReceivedAt = uint64(text.at), text.text, time.UnixMicro(text.at+second/5)
			if s.late {
				m.ReceivedAt = m.ReceivedAt.Add(2 * time.Minute)
			}
			if n > 0 {
				m.EditedTS = tsOf(text.at)
			}
			all = append(all, message(t, m))
		}
		if s.at%5 == 0 { // polled as well, before it was deleted
			m.Version, m.Source = m.Version+second/2, "history"
			all = append(all, message(t, m))
		}
		if s.gone != 0 {
			all = append(all, message(t, schemas.ContextMessage{OrgID: w.org, TeamID: w.team, ChannelID: m.ChannelID, TS: m.TS, ThreadTS: m.ThreadTS, Version: uint64(s.gone), Deleted: true, AccountID: "then", Source: "live", ReceivedAt: time.UnixMicro(s.gone)}))
		}
	}
	return all
}
