package setup

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/processors"
	"github.com/bigmind/backchannel/processors/processorstest"
	"github.com/bigmind/backchannel/schemas"
)

const request = schemas.RequestID("setup/T1/C1/1790000000.000100")

var (
	added     = time.Date(2026, 9, 21, 15, 0, 0, 0, time.UTC)
	about     = schemas.Setup{ChannelID: "C1", AddedAt: added}
	delivered = schemas.Outcome{
		OrgID: "acme", RequestID: request, DeliveryID: schemas.NewSetupDelivery("acme", "T1", request, "", about).DeliveryID, Type: schemas.SetupPromptType,
		Channel: schemas.BySlack, Status: schemas.Delivered, TeamID: "T1", ChannelID: "D1", TS: "1790000001.000200", Setup: &about, At: added,
	}
	prompt = schemas.SetupPrompt{
		OrgID: "acme", TeamID: "T1", ChannelID: "C1", RequestID: request, DeliveryID: delivered.DeliveryID, AddedAt: added, PostedIn: "D1", TS: delivered.TS,
	}
)

// The world: the prompt of C1 stands.
func newWorld(t testing.TB) *processorstest.Redis {
	t.Helper()
	r := processorstest.NewRedis(t)
	r.Put(t, schemas.ViewTeamPrompts("T1"), "C1", prompt)
	r.Put(t, schemas.ViewTeamPrompts("T1"), "C3", nil) // its id changed
	return r
}

func association(t testing.TB, channel schemas.ChannelID) *kgo.Record {
	t.Helper()
	value, err := schemas.ChannelAssociations.Encode(schemas.ChannelAssociation{OrgID: "acme", TeamID: "T1", ChannelID: channel, AccountID: "S3CR3T"})
	if err != nil {
		t.Fatal(err)
	}
	return &kgo.Record{Topic: schemas.ChannelAssociations.Name, Key: []byte("T1/" + channel), Value: value, Offset: 7, Timestamp: added}
}

func outcome(t testing.TB, change func(*schemas.Outcome)) *kgo.Record {
	t.Helper()
	o := delivered
	if change != nil {
		change(&o)
	}
	value, err := schemas.NotificationOutcomes.Encode(o)
	if err != nil {
		t.Fatal(err)
	}
	return &kgo.Record{Topic: schemas.NotificationOutcomes.Name, Key: []byte("acme/" + o.RequestID), Value: value}
}

// took is what became of a record: the prompt that was noted, and the delivery.
type took struct {
	drop, reject schemas.Reason
	prompt       *schemas.SetupPrompt
	delivery     *schemas.Delivery
}

func process(t *testing.T, def processors.Definition, rec *kgo.Record) (got took) {
	t.Helper()
	result, err := def.Processor.Process(t.Context(), []*kgo.Record{rec})
	if err != nil {
		t.Fatal(err)
	}
	got.drop, got.reject = result.Fate(0).Dropped, result.Fate(0).Rejected
	for _, out := range result.Emitted() {
		switch out.Topic {
		case schemas.SetupPrompts.Name:
			p, err := schemas.SetupPrompts.Decode(out.Value)
			if err != nil || string(out.Key) != "T1/C1" {
				t.Fatalf("under %s: %v", out.Key, err)
			}
			got.prompt = &p
		default:
			d, err := schemas.DeliveriesSlack.Decode(out.Value)
			if err != nil || string(out.Key) != "acme/"+string(request) || d.RequestID != request || d.Type != schemas.SetupPromptType || d.TeamID != "T1" || d.SlackUserID != "" {
				t.Fatalf("under %s: %+v, %v", out.Key, d, err)
			}
			got.delivery = &d
		}
	}
	return got
}

// A prompt that was posted is noted, and looked after: it may be that the channel was associated meanwhile.
func TestPosted(t *testing.T) {
	r := processorstest.NewRedis(t)
	got := process(t, Definition(r.Client), outcome(t, nil))
	want := schemas.Setup{ChannelID: "C1", AddedAt: added, PromptID: delivered.DeliveryID, IfLinked: true}
	if diff := cmp.Diff(&prompt, got.prompt); diff != "" || got.delivery == nil || cmp.Diff(&want, got.delivery.Setup) != "" || got.delivery.DeliveryID == delivered.DeliveryID {
		t.Errorf("got %+v\nwant, got:\n%s", got, diff)
	}
}

// Whatever changes the association of a channel with a prompt, there is one update for each record, and the same when it comes again.
func TestAssociated(t *testing.T) {
	def := Definition(newWorld(t).Client)
	gone := association(t, "C1")
	gone.Value, gone.Offset = nil, 8
	ids := map[schemas.DeliveryID]int64{}
	for _, rec := range []*kgo.Record{association(t, "C1"), gone, association(t, "C1")} {
		got := process(t, def, rec)
		want := schemas.Setup{ChannelID: "C1", AddedAt: added, PromptID: delivered.DeliveryID, Association: &rec.Offset}
		if got.delivery == nil || cmp.Diff(&want, got.delivery.Setup) != "" {
			t.Fatalf("got %+v", got)
		}
		ids[got.delivery.DeliveryID] = rec.Offset
	}
	if len(ids) != 2 {
		t.Errorf("two records have %d updates", len(ids))
	}
	for _, channel := range []schemas.ChannelID{"C2", "C3"} {
		if got := process(t, def, association(t, channel)); got.drop != schemas.NotPrompted {
			t.Errorf("%s has no prompt: %+v", channel, got)
		}
	}
}

// A message that Slack does not take for the person goes into the channel; what fails there has failed.
func TestNotPosted(t *testing.T) {
	def := Definition(newWorld(t).Client)
	failed := func(reason schemas.Reason, inChannel bool) func(*schemas.Outcome) {
		return func(o *schemas.Outcome) {
			setup := about
			setup.InChannel = inChannel
			o.Status, o.Reason, o.Setup = schemas.Failed, reason, &setup
		}
	}
	got := process(t, def, outcome(t, failed(schemas.RecipientRefused, false)))
	if got.delivery == nil || !got.delivery.Setup.InChannel || got.delivery.Setup.PromptID != "" || got.delivery.DeliveryID == delivered.DeliveryID || got.prompt != nil {
		t.Errorf("got %+v", got)
	}
	for name, tt := range map[string]struct {
		change func(*schemas.Outcome)
		drop   schemas.Reason
	}{
		"in the channel":     {failed(schemas.RecipientRefused, true), schemas.NotSetup},
		"our token":          {failed(schemas.InstallUnusable, false), schemas.NotSetup},
		"associated before":  {func(o *schemas.Outcome) { o.Status, o.Reason = schemas.Suppressed, schemas.AlreadyAssociated }, schemas.NotSetup},
		"an update":          {func(o *schemas.Outcome) { s := about; s.PromptID = delivered.DeliveryID; o.Setup = &s }, schemas.NotSetup},
		"a notification":     {func(o *schemas.Outcome) { o.Type, o.Setup = "alert.important", nil }, schemas.NotSetup},
		"an older addition":  {func(o *schemas.Outcome) { s := about; s.AddedAt = added.Add(-time.Hour); o.Setup = &s }, schemas.Superseded},
		"of no kind we know": {func(o *schemas.Outcome) { o.Setup = nil }, schemas.NotSetup},
	} {
		if got := process(t, def, outcome(t, tt.change)); got.drop != tt.drop || got.delivery != nil {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestContract(t *testing.T) {
	processorstest.Check(t, func(t *testing.T) processorstest.Subject {
		r := newWorld(t)
		return processorstest.Subject{
			Define: func() processors.Definition { return Definition(r.Client) }, Redis: r, Secret: "S3CR3T",
			Batch: func() []*kgo.Record {
				wrong := association(t, "C1")
				wrong.Key = []byte("T1/S3CR3T")
				return []*kgo.Record{
					association(t, "C1"), outcome(t, nil), association(t, "C2"), outcome(t, func(o *schemas.Outcome) { o.Setup = nil }), wrong,
					{Topic: schemas.NotificationOutcomes.Name, Key: []byte("acme/r"), Value: []byte("S3CR3T")}, {Topic: schemas.ChannelAssociations.Name, Key: []byte("S3CR3T")},
				}
			},
		}
	})
}

// FuzzProcess: no bytes make it panic, and every record has a fate.
func FuzzProcess(f *testing.F) {
	f.Add(true, []byte("T1/C1"), association(f, "C1").Value)
	f.Add(false, []byte("acme/r"), outcome(f, nil).Value)
	f.Add(true, []byte("T1/C1"), []byte(nil))
	def := Definition(newWorld(f).Client)
	f.Fuzz(func(t *testing.T, associations bool, key, value []byte) {
		topic := schemas.NotificationOutcomes.Name
		if associations {
			topic = schemas.ChannelAssociations.Name
		}
		result, err := def.Processor.Process(t.Context(), []*kgo.Record{{Topic: topic, Key: key, Value: value}})
		if err != nil {
			t.Fatal(err)
		}
		if fate := result.Fate(0); fate.Emitted == 0 && fate.Dropped == "" && fate.Rejected == "" {
			t.Errorf("%q has no fate", value)
		}
	})
}
