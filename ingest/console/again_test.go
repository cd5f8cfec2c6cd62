package console

import (
	"html"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/bigmind/backchannel/ingest/deliverylog"
	"github.com/bigmind/backchannel/schemas"
)

// looker is a list that is open, and what it asks by itself.
type looker struct {
	w    *world
	path string
}

func (w *world) opened(path string) *looker {
	w.t.Helper()
	l := &looker{w: w}
	l.shows(w.page(path))
	return l
}

// shows takes the path from what was drawn; where there is none the list stays as it is for ever.
func (l *looker) shows(drawn string) {
	l.w.t.Helper()
	before, _, is := strings.Cut(drawn, `" hx-target="#list" hx-sync="#list:abort" hx-trigger="every 3s"`)
	if !is {
		l.w.t.Fatalf("the list does not look again:\n%s", drawn)
	}
	l.path = html.UnescapeString(before[strings.LastIndexByte(before, '"')+1:])
}

// looks asks as htmx does. What has changed must be drawn with what is wanted; with nothing wanted nothing may have changed.
func (l *looker) looks(wanted ...string) {
	l.w.t.Helper()
	r := httptest.NewRequestWithContext(l.w.t.Context(), http.MethodGet, l.path, nil)
	r.Header.Set("HX-Request", "true")
	r.Header.Set("HX-Target", "list")
	r.AddCookie(l.w.as(org, "olga"))
	res := httptest.NewRecorder()
	l.w.mux.ServeHTTP(res, r)
	switch body := res.Body.String(); {
	case len(wanted) == 0:
		if res.Code != http.StatusNoContent || body != "" {
			l.w.t.Fatalf("nothing has changed, and it is drawn: %d\n%s", res.Code, body)
		}
	case res.Code != http.StatusOK:
		l.w.t.Fatalf("%s has changed, and the list is answered %d", wanted, res.Code)
	default:
		l.w.wants(body, append(wanted, "!<html")...)
		l.shows(body)
	}
}

// The app is added to channels of a workspace that was just connected. Each comes without a name (member_joined_channel has none), which Slack is
// asked for later: the list that is open shows it whenever that is, and each one that comes after it.
func TestTheListOfChannelsFillsByItself(t *testing.T) {
	w := bareWorld(t, nil, place{})
	w.person(org, "olga", "owner")
	w.install(team, org, schemas.ChannelSyncScopes()...)
	l := w.opened(Home + "channels?done=linked&wait=workspace::T1&since=1")
	if strings.Contains(l.path, "wait") {
		t.Errorf("it goes on waiting: %s", l.path)
	}
	l.looks()
	w.channel(schemas.SlackChannel{ChannelID: room, IsMember: true})
	l.looks(">"+string(room)+"</a>", "1 without an account", "!in no channel yet")
	w.now = w.now.Add(30 * 24 * time.Hour)
	l.looks()
	w.channel(schemas.SlackChannel{ChannelID: room, Name: "globex-rollout", IsMember: true})
	l.looks("globex-rollout", "!>"+string(room)+"</a>")
	w.channel(schemas.SlackChannel{ChannelID: linked, Name: "initech-help", IsMember: true})
	l.looks("globex-rollout", "initech-help", "2 without an account")
	w.account("a1", "Globex", "globex.example")
	l.looks("Suggested: <strong>Globex</strong>")
	w.apply(schemas.ChannelAssociations.Spec, "T1/C0ROOM3", schemas.ChannelAssociation{OrgID: org, TeamID: team, ChannelID: linked, AccountID: "a1", By: "olga", Source: "slack", UpdatedAt: w.now})
	l.looks("Waiting to be read", "by Olga")
	checkpoint := schemas.SyncCheckpoint{OrgID: org, TeamID: team, ChannelID: linked, WindowStart: "1795000000.000000", Status: schemas.SyncBackfilling}
	w.apply(schemas.SyncCheckpoints.Spec, "T1/C0ROOM3", checkpoint)
	l.looks() // the row shows that
	checkpoint.Status, checkpoint.Reason = schemas.SyncStopped, schemas.NotAuthorised
	w.apply(schemas.SyncCheckpoints.Spec, "T1/C0ROOM3", checkpoint)
	l.looks("Stopped")
	w.channel(schemas.SlackChannel{ChannelID: room, Name: "globex-rollout"})
	l.looks("!globex-rollout", "0 without an account, 1 linked")
	l.looks()

	narrow := w.opened(Home + "channels?q=board&state=open")
	narrow.looks()
	w.channel(schemas.SlackChannel{ChannelID: room, Name: "globex-rollout", IsMember: true})
	narrow.looks("1 without an account", "No channel fits", "!globex-rollout") // it says how many there are
	w.channel(schemas.SlackChannel{ChannelID: private, Name: "board", IsMember: true, IsPrivate: true})
	narrow.looks("board", "!globex-rollout")
}

// A request that goes to Slack and by email has two outcomes, one after the other.
func TestTheDeliveriesOfARequestFillByThemselves(t *testing.T) {
	w := newWorld(t)
	row := func(by schemas.DeliveryChannel, status schemas.OutcomeStatus) {
		w.log.rows = append(w.log.rows, deliverylog.Entry{RequestID: "r1", Recipient: "olga", Type: "coaching.insight", Channel: by, Status: status, At: w.now})
	}
	l := w.opened(Home + "log?request=r1")
	l.looks()
	row(schemas.ByEmail, schemas.Delivered)
	l.looks("by email", "!Nothing fits")
	l.looks()
	row(schemas.BySlack, schemas.Expired)
	l.looks("by email", "by Slack")
	l.looks()
	w.wants(w.page(Home+"log"), "by Slack", "!hx-get") // everybody's deliveries are many, and ClickHouse is asked when somebody asks
}

func TestTheListOfPeopleFillsByItself(t *testing.T) {
	w := newWorld(t)
	l := w.opened(Home + "people?q=adam")
	l.looks()
	w.apply(schemas.SlackUsers.Spec, "T1/U2", schemas.SlackUser{OrgID: org, TeamID: team, UserID: "U2", Name: "Adam A.", Email: "adam@acme.example"})
	l.looks("Adam A.", "2 matched", "!Olga")
	l.looks()
}
