package payloads

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/ingest/events"
	"github.com/bigmind/backchannel/processors"
	"github.com/bigmind/backchannel/processors/enrich"
	"github.com/bigmind/backchannel/processors/lifecycle"
	"github.com/bigmind/backchannel/processors/processorstest"
	"github.com/bigmind/backchannel/schemas"
)

// path is the way of an event from Slack to the records that it becomes.
type path struct {
	t      testing.TB
	ingest http.Handler
	nodes  []processors.Definition
	took   []*kgo.Record
	offset int64
}

const secret = "8f742231b10e8888abcd99yyyzzz85a5"

// Publish keeps the records in the order of a topic.
func (p *path) Publish(_ context.Context, records ...*kgo.Record) error {
	for _, r := range records {
		r.Offset = p.offset
		p.offset++
	}
	p.took = append(p.took, records...)
	return nil
}

// newPath has workspace T1, whose app has all scopes, its bot U0BOT and its channel C1, associated with an account.
func newPath(t testing.TB) *path {
	t.Helper()
	p := &path{t: t}
	h, err := events.New(events.Options{Secrets: []string{secret}, Publisher: p, Now: time.Now, Metrics: prometheus.NewRegistry(), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	r := processorstest.NewRedis(t)
	r.Put(t, schemas.ViewTeamInstall(team), schemas.FieldInstallation, schemas.Installation{
		OrgID: "acme", TeamID: team, AppID: "A1", BotUserID: bot, BotID: "B0BOT", Status: schemas.InstallActive,
		Scopes: append(schemas.NotificationScopes(), schemas.ChannelSyncScopes()...),
	})
	r.Put(t, schemas.ViewTeamChannels(team), "C7", schemas.SlackChannel{OrgID: "acme", TeamID: team, ChannelID: "C7", IsMember: true})
	r.Put(t, schemas.ViewTeamChannels(team), "C8", schemas.SlackChannel{OrgID: "acme", TeamID: team, ChannelID: "C8", IsMember: true})
	r.Put(t, schemas.ViewTeamChannels(team), room, schemas.SlackChannel{OrgID: "acme", TeamID: team, ChannelID: room, Name: "acme-rollout", IsMember: true})
	r.Put(t, schemas.ViewTeamAssociations(team), room, schemas.ChannelAssociation{OrgID: "acme", TeamID: team, ChannelID: room, AccountID: "acc1"})
	p.ingest, p.nodes = h, []processors.Definition{enrich.Definition(r.Client), lifecycle.Definition(r.Client)}
	return p
}

const (
	team = "T1"
	room = "C1"
	bot  = "U0BOT"
)

// post signs a body and posts it. It returns the status and the record that it became.
func (p *path) post(contentType string, body []byte) (status int, record *kgo.Record) {
	p.t.Helper()
	timestamp := strconv.FormatInt(time.Now().Unix(), 10)
	mac := hmac.New(sha256.New, []byte(secret))
	fmt.Fprintf(mac, "v0:%s:%s", timestamp, body)
	r := httptest.NewRequestWithContext(p.t.Context(), http.MethodPost, "/slack/events", bytes.NewReader(body))
	r.Header.Set("Content-Type", contentType)
	r.Header.Set("X-Slack-Request-Timestamp", timestamp)
	r.Header.Set("X-Slack-Signature", "v0="+hex.EncodeToString(mac.Sum(nil)))
	w := httptest.NewRecorder()
	p.took = nil
	p.ingest.ServeHTTP(w, r)
	switch len(p.took) {
	case 0:
		return w.Code, nil
	case 1:
		return w.Code, p.took[0]
	}
	p.t.Fatalf("one event became %d records", len(p.took))
	return 0, nil
}

// end is what becomes of an event: a row, a control record, or neither, each for a reason.
type end struct {
	row, control bool
	ignored      [2]schemas.Reason // by enrich, by lifecycle
	rejected     string            // the detail of the dead letter
}

func (e end) String() string {
	switch {
	case e.rejected != "":
		return "dead letter: " + e.rejected
	case e.row:
		return "row"
	case e.control:
		return "control record"
	case e.ignored[1] != schemas.NotLifecycle:
		return "ignored: " + string(e.ignored[1])
	}
	return "ignored: " + string(e.ignored[0])
}

// follow takes records through the processors, as a batch.
func (p *path) follow(batch []*kgo.Record) []end {
	p.t.Helper()
	ends := make([]end, len(batch))
	if len(batch) == 0 {
		return ends
	}
	for n, node := range p.nodes {
		result, err := node.Processor.Process(p.t.Context(), batch)
		if err != nil {
			p.t.Fatalf("%s: a batch stalls: %v", node.Name, err)
		}
		for i := range batch {
			switch fate := result.Fate(i); {
			case fate.Rejected != "":
				ends[i].rejected = node.Name + ": " + fate.Detail
			case fate.Dropped != "":
				ends[i].ignored[n] = fate.Dropped
			case n == 0:
				ends[i].row = true
			default:
				ends[i].control = true
			}
		}
	}
	return ends
}
