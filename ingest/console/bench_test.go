package console

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/deploy/realengines"
	"github.com/bigmind/backchannel/ingest/api"
	"github.com/bigmind/backchannel/ingest/apitoken"
	"github.com/bigmind/backchannel/ingest/deliverylog"
	"github.com/bigmind/backchannel/schemas"
	"github.com/bigmind/backchannel/sinks/views"
)

// The size of an organization that the pages have to stay quick at.
const (
	manyChannels = 50_000
	manyPeople   = 20_000
	manyAccounts = 20_000
)

// BenchmarkPages opens each page, and each list of the API, of an organization of 50,000 channels and 20,000 people, on redis-server. Without BENCH_CONSOLE it is left out:
// filling Redis takes a minute.
func BenchmarkPages(b *testing.B) {
	if os.Getenv("BENCH_CONSOLE") == "" {
		b.Skip("set BENCH_CONSOLE=1, or make bench")
	}
	addr := realengines.StartRedis(b).Addr()
	rdb := redis.NewClient(&redis.Options{Addr: addr, ReadTimeout: time.Minute})
	b.Cleanup(func() { _ = rdb.Close() })
	w := bareWorld(b, rdb, place{})
	w.fill()
	cookie := w.as(org, "u0000000")
	for _, page := range []struct{ name, path string }{
		{"overview", ""}, {"channels", "channels"}, {"channels, linked", "channels?state=linked"}, {"channels, private", "channels?kind=private"},
		{"channels, searched", "channels?q=globex"}, {"channels, searched with a filter", "channels?q=e&kind=private"}, {"channel", "channels/T1/C0000000"},
		{"accounts, searched", "channels/T1/C0000000/accounts?q=company+77"}, {"people", "people"}, {"people, unmatched", "people?state=unmatched"}, {"people, searched", "people?q=person+1"},
		{"notifications", "notifications"}, {"defaults", "defaults"}, {"log", "log?who=person"}, {"diagnose a person", "diagnose?user=u0000007"}, {"diagnose a channel", "diagnose?channel=T1/C0000000"},
	} {
		measure(b, page.name, func() *httptest.ResponseRecorder { return w.ask(cookie, Home+page.path, nil) })
	}
	token, record := apitoken.New()
	record.OrgID, record.Role = org, "owner"
	w.apply(schemas.APITokens.Spec, schemas.OrgKey(org, record.TokenID), record)
	program := api.New(api.Options{
		Redis: rdb, Publisher: w, Deliveries: w.log, Verdicts: w.verdicts, PerMinute: 1_000_000, Now: time.Now, Metrics: prometheus.NewRegistry(), Log: slog.New(slog.DiscardHandler),
	})
	for _, list := range []string{
		"workspaces", "channels", "channels?linked=true", "channels?private=true", "channels?private=false&member=true", "channels?member=false", "channels?q=globex", "channels?q=e&private=true", "channels?q=e&team=T9",
		"people", "people?matched=true", "people?matched=false", "people?q=person+1", "people?q=person&matched=false", "accounts?q=company+77", "accounts/a0000077/deals", "deliveries",
	} {
		measure(b, "api: "+list, func() *httptest.ResponseRecorder {
			r := httptest.NewRequestWithContext(b.Context(), http.MethodGet, api.Prefix+"/"+list, nil)
			r.Header.Set("Authorization", "Bearer "+token)
			rec := httptest.NewRecorder()
			program.ServeHTTP(rec, r)
			return rec
		})
	}
}

// measure says how long the slowest answer took, beside what one takes.
func measure(b *testing.B, name string, ask func() *httptest.ResponseRecorder) {
	b.Helper()
	b.Run(name, func(b *testing.B) {
		var slowest time.Duration
		for b.Loop() {
			began := time.Now()
			if res := ask(); res.Code != http.StatusOK {
				b.Fatalf("%d\n%s", res.Code, res.Body)
			}
			slowest = max(slowest, time.Since(began))
		}
		b.ReportMetric(float64(slowest.Microseconds())/1000, "ms-slowest")
	})
}

// fill puts the organization into the views, as the sink does.
func (w *world) fill() {
	w.t.Helper()
	var batch []*kgo.Record
	flush := func() {
		if err := views.Apply(w.t.Context(), w.redis, batch); err != nil {
			w.t.Fatal(err)
		}
		batch = batch[:0]
	}
	add := func(topic schemas.Spec, key schemas.Key, v any) {
		raw, err := json.Marshal(v)
		if err != nil {
			w.t.Fatal(err)
		}
		w.offset++
		if batch = append(batch, &kgo.Record{Topic: topic.Name, Key: []byte(key), Value: raw, Offset: w.offset}); len(batch) == 2000 {
			flush()
		}
	}
	w.install(team, org, append(schemas.NotificationScopes(), schemas.ChannelSyncScopes()...)...)
	for i := range manyAccounts {
		id := schemas.AccountID(fmt.Sprintf("a%07d", i))
		add(schemas.CRMAccounts.Spec, schemas.OrgKey(org, id), schemas.Account{OrgID: org, AccountID: id, Name: fmt.Sprintf("Company %d", i), Domains: []string{fmt.Sprintf("company%d.example", i)}})
	}
	for i := range manyPeople {
		user, email := schemas.UserID(fmt.Sprintf("u%07d", i)), fmt.Sprintf("u%07d@acme.example", i)
		add(schemas.DirectoryUsers.Spec, schemas.OrgKey(org, user), schemas.DirectoryUser{OrgID: org, UserID: user, Email: email, Name: fmt.Sprintf("Person %d", i), Role: "owner"})
		if i%50 == 7 { // nobody, or under another email
			email = "x" + email
		}
		slack := schemas.SlackUserID(fmt.Sprintf("U%07d", i))
		add(schemas.SlackUsers.Spec, schemas.TeamUserKey(team, slack), schemas.SlackUser{OrgID: org, TeamID: team, UserID: slack, Email: email, Name: fmt.Sprintf("Person %d", i), TimeZone: "Europe/Berlin"})
	}
	for i := range manyChannels {
		id := schemas.ChannelID(fmt.Sprintf("C%07d", i))
		name := fmt.Sprintf("ext-company-%d-rollout", i%manyAccounts)
		if i%100 == 3 {
			name = fmt.Sprintf("globex-%d", i)
		}
		add(schemas.SlackChannels.Spec, schemas.TeamChannelKey(team, id), schemas.SlackChannel{OrgID: org, TeamID: team, ChannelID: id, Name: name, IsMember: true, IsPrivate: i%5 == 0})
		if i%3 > 0 {
			account := schemas.AccountID(fmt.Sprintf("a%07d", i%manyAccounts))
			add(schemas.ChannelAssociations.Spec, schemas.TeamChannelKey(team, id), schemas.ChannelAssociation{OrgID: org, TeamID: team, ChannelID: id, AccountID: account, By: "u0000000", UpdatedAt: w.now})
		}
	}
	flush()
	for i := range 200 {
		w.log.rows = append(w.log.rows, deliverylog.Entry{RequestID: "r", Recipient: fmt.Sprintf("u%07d", i), Type: "alert.important", Status: schemas.Delivered, At: w.now})
	}
}
