package seal

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/bigmind/backchannel/schemas"
)

// However somebody prints or sends an installation, its token is not in it: only the sealed form ever gets there.
func TestAnInstallationShowsNoToken(t *testing.T) {
	in := schemas.Installation{OrgID: "o", TeamID: "T1", SealedToken: seal(t, sealer(t, newKeySet(t))), Status: schemas.InstallActive}
	record, err := schemas.SlackInstallations.Encode(in)
	if err != nil {
		t.Fatal(err)
	}
	indented, err := json.MarshalIndent(in, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	for _, shown := range []string{string(record), string(indented), fmt.Sprint(in), fmt.Sprintf("%+v", &in), fmt.Sprintf("%#v", in)} {
		if strings.Contains(shown, token) || strings.Contains(shown, "xoxb") {
			t.Errorf("the token is in %s", shown)
		}
	}
	back, err := schemas.SlackInstallations.Decode(record)
	if err != nil || back.SealedToken != in.SealedToken {
		t.Errorf("%+v, %v", back, err)
	}
}

// FuzzOpen: what we did not seal does not open, whatever it is.
func FuzzOpen(f *testing.F) {
	keySet, err := NewKeySet()
	if err != nil {
		f.Fatal(err)
	}
	s, err := New(keySet)
	if err != nil {
		f.Fatal(err)
	}
	sealed, err := s.Seal("T2", token)
	if err != nil {
		f.Fatal(err)
	}
	f.Add("T1", sealed)
	f.Add("", "")
	f.Add("T1", "AQ")
	f.Fuzz(func(t *testing.T, team, sealed string) {
		if team == "T2" {
			return
		}
		if got, err := s.Open(schemas.TeamID(team), sealed); err == nil || got != "" {
			t.Errorf("%q opened for %q", sealed, team)
		}
	})
}
