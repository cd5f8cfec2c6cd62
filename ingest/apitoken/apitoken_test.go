package apitoken

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"github.com/bigmind/backchannel/ingest"
	"github.com/bigmind/backchannel/ingest/actor"
	"github.com/bigmind/backchannel/schemas"
)

func TestWhoATokenIs(t *testing.T) {
	mini := miniredis.RunT(t)
	rdb := redis.NewClient(&redis.Options{Addr: mini.Addr(), MaxRetries: -1})
	t.Cleanup(func() { _ = rdb.Close() })
	now := time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)
	reader := Reader{Redis: rdb, Now: func() time.Time { return now }}
	put := func(key, field string, v any) {
		value, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		mini.HSet(key, field, schemas.ViewValue(1, value))
	}
	put(schemas.ViewOrgUsers("acme"), "ada", schemas.DirectoryUser{OrgID: "acme", UserID: "ada", Role: "owner"})
	put(schemas.ViewOrgUsers("acme"), "meg", schemas.DirectoryUser{OrgID: "acme", UserID: "meg"})
	put(schemas.ViewOrgUsers("acme"), "gone", schemas.DirectoryUser{OrgID: "acme", UserID: "gone", Role: "owner", Disabled: true})
	made := func(of schemas.APIToken) string {
		token, record := New()
		of.OrgID, of.TokenID, of.Hash = "acme", record.TokenID, record.Hash
		put(schemas.ViewAPITokens(), string(of.TokenID), of)
		if strings.Contains(record.Hash, token) || len(token) != len("bct_")+idLength+1+26 {
			t.Errorf("%s, kept as %s", token, record.Hash)
		}
		return token
	}
	good := made(schemas.APIToken{Role: "admin"})
	if _, err := reader.Actor(t.Context(), good); !errors.Is(err, ingest.ErrViewsIncomplete) {
		t.Errorf("views that are incomplete: %v", err)
	}
	if err := mini.Set(schemas.ViewsCompleteKey, "1"); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		token string
		want  string // role and user; empty: refused
	}{
		"an organization's":        {good, "admin "},
		"a person's":               {made(schemas.APIToken{Role: "owner", UserID: "ada"}), "owner ada"},
		"less than the person":     {made(schemas.APIToken{Role: "member", UserID: "ada"}), "member ada"},
		"never more than they are": {made(schemas.APIToken{Role: "owner", UserID: "meg"}), "member meg"},
		"of who is disabled":       {made(schemas.APIToken{Role: "owner", UserID: "gone"}), ""},
		"of who is not there":      {made(schemas.APIToken{Role: "owner", UserID: "nobody"}), ""},
		"good for a while yet":     {made(schemas.APIToken{Role: "owner", ExpiresAt: now.Add(1)}), "owner "},
		"expired":                  {made(schemas.APIToken{Role: "owner", ExpiresAt: now}), ""},
		"revoked":                  {made(schemas.APIToken{Role: "owner", RevokedAt: now.Add(-1)}), ""},
		"another secret":           {good[:len(good)-1] + "!", ""},
		"no secret":                {good[:len("bct_")+idLength+1], ""},
		"the id alone":             {good[:len("bct_")+idLength], ""},
		"nothing":                  {"", ""},
		"unknown":                  {"bct_aaaaaaaaaaaaaaaa_" + strings.Repeat("a", 26), ""},
	} {
		a, err := reader.Actor(t.Context(), tt.token)
		if got := strings.TrimLeft(string(a.Role)+" "+string(a.User), " "); tt.want == "" && !errors.Is(err, ErrRefused) || tt.want != "" && (err != nil || got != tt.want || a.Org != "acme" || !a.Known()) {
			t.Errorf("%s: %q, %v, want %q", name, got, err, tt.want)
		}
	}
	if a, b := actor.Least(actor.Owner, actor.Member), actor.Least(actor.Admin, actor.Owner); a != actor.Member || b != actor.Admin {
		t.Error(a, b)
	}
	mini.Close()
	if _, err := reader.Actor(t.Context(), good); err == nil || errors.Is(err, ErrRefused) {
		t.Errorf("Redis that is away refuses a token: %v", err)
	}
}

// What is not one of our tokens is refused without a question to Redis, whatever it is.
func FuzzToken(f *testing.F) {
	token, _ := New()
	for _, s := range []string{token, "bct_", "bct__", "", "xoxb-1", "bct_0123456789abcdef_x_y"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		id, ok := idOf(s)
		if ok && (len(id) != idLength || !strings.HasPrefix(s, prefix+id+"_") || len(s) == len(prefix+id+"_")) {
			t.Errorf("%q has the id %q", s, id)
		}
	})
}
