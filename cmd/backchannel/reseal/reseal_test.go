package reseal

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/goleak"

	"github.com/bigmind/backchannel/schemas"
	"github.com/bigmind/backchannel/schemas/seal"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type world struct {
	t      *testing.T
	broker *kfake.Cluster
	kafka  []kgo.Opt
	client *kgo.Client
	former *seal.Sealer
	both   *seal.Sealer // the new key seals
}

func newWorld(t *testing.T) *world {
	t.Helper()
	must := func(keySet []byte, err error) []byte {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return keySet
	}
	open := func(keySet []byte) *seal.Sealer {
		t.Helper()
		s, err := seal.New(keySet)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	former := must(seal.NewKeySet())
	w := &world{t: t, former: open(former), both: open(must(seal.Promote(must(seal.AddKey(former)))))}
	var err error
	if w.broker, err = kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, schemas.SlackInstallations.Name)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.broker.Close)
	w.kafka = []kgo.Opt{kgo.SeedBrokers(w.broker.ListenAddrs()...)}
	if w.client, err = kgo.NewClient(w.kafka...); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.client.Close)
	return w
}

func (w *world) put(team, value string) {
	w.t.Helper()
	rec := &kgo.Record{Topic: schemas.SlackInstallations.Name, Key: []byte(team)}
	if value != "" {
		rec.Value = []byte(value)
	}
	if err := w.client.ProduceSync(w.t.Context(), rec).FirstErr(); err != nil {
		w.t.Fatal(err)
	}
}

// installed is an installation whose token a key set has sealed.
func (w *world) installed(keys *seal.Sealer, team, token, more string) string {
	w.t.Helper()
	sealed, err := keys.Seal(schemas.TeamID(team), token)
	if err != nil {
		w.t.Fatal(err)
	}
	return `{"org_id":"acme","team_id":"` + team + `","status":"active","sealed_token":"` + sealed + `"` + more + `}`
}

// tokens are what the new key alone opens, by team.
func (w *world) tokens() map[string]string {
	w.t.Helper()
	client, err := kgo.NewClient(append(w.kafka, kgo.KeepControlRecords())...)
	if err != nil {
		w.t.Fatal(err)
	}
	defer client.Close()
	all, _, err := read(w.t.Context(), client, 0)
	if err != nil {
		w.t.Fatal(err)
	}
	found := map[string]string{}
	for _, rec := range latest(all, func(*kgo.Record) bool { return true }) {
		in, err := schemas.SlackInstallations.Decode(rec.Value)
		if err != nil {
			found[string(rec.Key)] = string(rec.Value)
			continue
		}
		if w.both.Current(in.SealedToken) {
			if found[string(rec.Key)], err = w.both.Open(in.TeamID, in.SealedToken); err != nil {
				w.t.Error(err)
			}
		}
		if in.SealedRefreshToken != "" && w.both.Current(in.SealedRefreshToken) {
			refresh, err := w.both.Open(in.TeamID, in.SealedRefreshToken)
			if err != nil {
				w.t.Error(err)
			}
			found[string(rec.Key)] += " " + refresh
		}
		var fields map[string]json.RawMessage
		if err := json.Unmarshal(rec.Value, &fields); err != nil {
			w.t.Fatal(err)
		}
		found[string(rec.Key)] += " " + string(fields["x_new"])
	}
	return found
}

func TestTokensAreSealedAnew(t *testing.T) {
	w := newWorld(t)
	refresh, err := w.former.Seal("T2", "xoxe-2")
	if err != nil {
		t.Fatal(err)
	}
	w.put("T1", w.installed(w.former, "T1", "former", ""))
	w.put("T1", w.installed(w.former, "T1", "xoxb-1", ""))
	w.put("T2", w.installed(w.former, "T2", "xoxb-2", `,"sealed_refresh_token":"`+refresh+`","x_new":7`))
	w.put("T3", w.installed(w.both, "T3", "xoxb-3", ""))
	w.put("T4", w.installed(w.former, "T4", "gone", ""))
	w.put("T4", "")
	w.put("T5", `{"org_id":"acme","team_id":"T5"}`)
	w.put("T6", "no JSON")
	w.put("T7", w.installed(w.former, "T8", "of another team", ""))
	w.put("T7", strings.ReplaceAll(w.installed(w.former, "T8", "of another team", ""), `"team_id":"T8"`, `"team_id":"T7"`))
	want := Report{Current: 4, Sealed: 2, Unreadable: []schemas.TeamID{"T7"}}
	for _, dry := range []bool{true, true, false} {
		got, err := Run(t.Context(), w.kafka, w.both, dry)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("dry %t (-want +got):\n%s", dry, diff)
		}
	}
	got := w.tokens()
	for team, token := range map[string]string{"T1": "xoxb-1 ", "T2": "xoxb-2 xoxe-2 7", "T3": "xoxb-3 ", "T4": "", "T6": "no JSON"} {
		if got[team] != token {
			t.Errorf("%s has %q, want %q", team, got[team], token)
		}
	}
	if again, err := Run(t.Context(), w.kafka, w.both, false); err != nil || again.Sealed != 0 || again.Current != 6 {
		t.Errorf("once more: %+v, %v", again, err)
	}
}

// interfering is a sealer during whose work somebody else writes.
type interfering struct {
	*seal.Sealer
	meanwhile func()
}

func (i interfering) Again(team schemas.TeamID, sealed string) (string, error) {
	i.meanwhile()
	return i.Sealer.Again(team, sealed)
}

// A workspace that is connected anew between our reading and our writing, and once more while we mend that, keeps its last token.
func TestWhatIsWrittenMeanwhileIsKept(t *testing.T) {
	w := newWorld(t)
	w.put("T1", w.installed(w.former, "T1", "before", ""))
	meanwhile := []string{w.installed(w.former, "T1", "meanwhile", ""), w.installed(w.both, "T1", "and again", "")}
	keys := interfering{w.both, func() {
		if len(meanwhile) > 0 {
			w.put("T1", meanwhile[0])
			meanwhile = meanwhile[1:]
		}
	}}
	if _, err := Run(t.Context(), w.kafka, keys, false); err != nil {
		t.Fatal(err)
	}
	if got := w.tokens()["T1"]; got != "and again " || len(meanwhile) > 0 {
		t.Errorf("the token is %q, want the one that came last; %d writes to go", got, len(meanwhile))
	}
}
