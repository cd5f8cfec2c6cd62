package api

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/ingest/apitoken"
	"github.com/bigmind/backchannel/ingest/deliverylog"
	"github.com/bigmind/backchannel/ingest/diagnose"
	"github.com/bigmind/backchannel/schemas"
	"github.com/bigmind/backchannel/sinks/views"
)

// world is an API over the views of two organizations. What it publishes is in the views at once, as the views sink does.
type world struct {
	t      testing.TB
	mini   *miniredis.Miniredis
	api    *API
	now    time.Time
	kafka  error // what publishing answers
	slow   bool  // the views do not show what is published
	sent   []*kgo.Record
	log    []deliverylog.Entry
	asked  []deliverylog.Query
	talk   talk
	tokens map[string]string // by who
}

const (
	org     schemas.OrgID     = "acme"
	team    schemas.TeamID    = "T1"
	channel schemas.ChannelID = "C1"
)

func newWorld(t testing.TB) *world {
	t.Helper()
	mini := miniredis.RunT(t)
	rdb := redis.NewClient(&redis.Options{Addr: mini.Addr(), MaxRetries: -1})
	t.Cleanup(func() { _ = rdb.Close() })
	w := &world{t: t, mini: mini, now: time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC), tokens: map[string]string{}}
	w.api = New(Options{
		Redis: rdb, Publisher: w, Deliveries: w, Verdicts: w.verdicts, Conversations: &w.talk, PerMinute: 1_000_000, Patience: 50 * time.Millisecond,
		Now: func() time.Time { return w.now }, Metrics: prometheus.NewRegistry(), Log: slog.New(slog.DiscardHandler),
	})
	w.must(mini.Set(schemas.ViewsCompleteKey, "1"))
	w.organization(org, team, "a1", "d1")
	w.organization("globex", "T9", "a9", "d9")
	for who, of := range map[string]schemas.APIToken{
		"owner": {OrgID: org, Role: "owner"}, "admin": {OrgID: org, Role: "admin"}, "member": {OrgID: org, Role: "member", UserID: "meg"}, "nobody": {OrgID: org, Role: "member"},
		"ada": {OrgID: org, Role: "owner", UserID: "ada"}, "meg as owner": {OrgID: org, Role: "owner", UserID: "meg"}, "gone": {OrgID: org, Role: "owner", UserID: "gone"},
		"expired": {OrgID: org, Role: "owner", ExpiresAt: w.now}, "revoked": {OrgID: org, Role: "owner", RevokedAt: w.now}, "globex": {OrgID: "globex", Role: "owner"},
	} {
		w.tokens[who] = w.token(of)
	}
	return w
}

// organization has an owner, a member, a workspace with a channel, an account and a deal.
func (w *world) organization(org schemas.OrgID, team schemas.TeamID, account schemas.AccountID, deal schemas.DealID) {
	in := schemas.Installation{OrgID: org, TeamID: team, Status: schemas.InstallActive, Scopes: append(schemas.NotificationScopes(), schemas.ChannelSyncScopes()...)}
	w.put(schemas.ViewOrgInstalls(org), string(team), in)
	w.put(schemas.ViewTeamInstall(team), schemas.FieldInstallation, in)
	w.apply(schemas.DirectoryUsers.Spec, schemas.OrgKey(org, schemas.UserID("ada")), schemas.DirectoryUser{OrgID: org, UserID: "ada", Email: "ada@" + string(org) + ".example", Role: "owner"})
	w.apply(schemas.DirectoryUsers.Spec, schemas.OrgKey(org, schemas.UserID("meg")), schemas.DirectoryUser{OrgID: org, UserID: "meg", Email: "meg@" + string(org) + ".example"})
	w.apply(schemas.DirectoryUsers.Spec, schemas.OrgKey(org, schemas.UserID("gone")), schemas.DirectoryUser{OrgID: org, UserID: "gone", Disabled: true, Role: "owner"})
	w.apply(schemas.SlackChannels.Spec, schemas.TeamChannelKey(team, "C1"), schemas.SlackChannel{OrgID: org, TeamID: team, ChannelID: "C1", Name: "customer", IsMember: true})
	w.apply(schemas.SlackChannels.Spec, schemas.TeamChannelKey(team, "C2"), schemas.SlackChannel{OrgID: org, TeamID: team, ChannelID: "C2", Name: "other"})
	a := schemas.Account{OrgID: org, AccountID: account, Name: "Initech", Domains: []string{"initech.example"}}
	w.put(schemas.ViewOrgAccounts(org), string(account), a)
	for _, e := range a.SearchEntries() {
		_, err := w.mini.ZAdd(schemas.ViewOrgAccountIndex(org), 0, e+schemas.EntryEnd+string(account))
		w.must(err)
	}
	d := schemas.Deal{OrgID: org, DealID: deal, AccountID: account, Name: "Renewal"}
	w.put(schemas.ViewOrgDeals(org), string(deal), d)
	w.put(schemas.ViewOrgDeals(org), "elsewhere", schemas.Deal{OrgID: org, DealID: "elsewhere", AccountID: "another"})
}

func (w *world) token(of schemas.APIToken) string {
	text, record := apitoken.New()
	of.TokenID, of.Hash = record.TokenID, record.Hash
	w.put(schemas.ViewAPITokens(), string(of.TokenID), of)
	return text
}

func (w *world) put(key, field string, v any) {
	w.t.Helper()
	value, err := json.Marshal(v)
	w.must(err)
	w.mini.HSet(key, field, schemas.ViewValue(1, value))
}

// apply puts a record where the views sink does, into the lists too. A nil value is a tombstone.
func (w *world) apply(topic schemas.Spec, key schemas.Key, v any) {
	w.t.Helper()
	rec := &kgo.Record{Topic: topic.Name, Key: []byte(key), Offset: 1}
	if v != nil {
		var err error
		rec.Value, err = json.Marshal(v)
		w.must(err)
	}
	w.must(views.Apply(w.t.Context(), w.api.opts.Redis, []*kgo.Record{rec}))
}

// Publish keeps records, and applies them as the views sink would.
func (w *world) Publish(_ context.Context, records ...*kgo.Record) error {
	if w.kafka != nil {
		return w.kafka
	}
	for _, rec := range records {
		w.sent = append(w.sent, rec)
		rec.Offset = int64(100 + len(w.sent))
		if w.slow {
			continue
		}
		first, second := schemas.Key(rec.Key).Split()
		key := map[string]string{
			schemas.ChannelAssociations.Name: schemas.ViewTeamAssociations(schemas.TeamID(first)), schemas.NotificationPreferences.Name: schemas.ViewOrgPreferences(schemas.OrgID(first)),
			schemas.OrgsSettings.Name: schemas.ViewOrgSettings(schemas.OrgID(first)),
		}[rec.Topic]
		w.mini.HSet(key, second, schemas.ViewValue(rec.Offset, rec.Value))
	}
	return nil
}

// Find answers from the log, and remembers what was asked.
func (w *world) Find(_ context.Context, org schemas.OrgID, q deliverylog.Query) ([]deliverylog.Entry, error) {
	w.asked = append(w.asked, q)
	if org != "acme" {
		return nil, nil
	}
	return w.log[:min(q.Limit, len(w.log))], nil
}

func (w *world) verdicts(_ context.Context, _ schemas.OrgID, _ schemas.Recipient, kinds []schemas.NotificationType) ([]diagnose.Verdict, error) {
	all := make([]diagnose.Verdict, len(kinds))
	for i, k := range kinds {
		info, _ := schemas.LookupType(k)
		all[i] = diagnose.Verdict{Type: info, Team: team, User: "U1", Decision: schemas.Choose(info, nil, nil), Now: "It comes."}
	}
	return all, nil
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   string
}

func (w *world) ask(who, method, path, body string, header ...string) answer {
	w.t.Helper()
	var content io.Reader
	if body != "" {
		content = bytes.NewBufferString(body)
	}
	r := httptest.NewRequestWithContext(w.t.Context(), method, path, content)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if token := w.tokens[who]; token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	rec := httptest.NewRecorder()
	w.api.ServeHTTP(rec, r)
	return answer{rec.Code, rec.Header(), rec.Body.String()}
}

// into decodes an answer.
func into[T any](w *world, a answer) T {
	w.t.Helper()
	var v T
	if err := json.Unmarshal([]byte(a.body), &v); err != nil {
		w.t.Fatalf("%d %s: %v", a.status, a.body, err)
	}
	return v
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// last is the value of the last record that was published.
func last[T any](w *world, topic schemas.Topic[T]) T {
	w.t.Helper()
	if len(w.sent) == 0 {
		w.t.Error("nothing was published")
		return *new(T)
	}
	rec := w.sent[len(w.sent)-1]
	if rec.Topic != topic.Name {
		w.t.Fatalf("the last record is of %s, want %s", rec.Topic, topic.Name)
	}
	v, err := topic.Decode(rec.Value)
	w.must(err)
	return v
}
