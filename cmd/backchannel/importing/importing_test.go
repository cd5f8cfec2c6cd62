package importing_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bigmind/backchannel/cmd/backchannel/importing"
	"github.com/bigmind/backchannel/schemas"
)

func read(t *testing.T, kind, format, text string, more ...func(*importing.Options)) (*importing.File, error) {
	t.Helper()
	k, err := importing.Named(kind)
	if err != nil {
		t.Fatal(err)
	}
	opts := importing.Options{Org: "acme", Format: format}
	for _, m := range more {
		m(&opts)
	}
	return importing.Read(k, strings.NewReader(text), opts)
}

func values(f *importing.File) (all []string) {
	for _, r := range f.Rows {
		all = append(all, string(r.Value))
	}
	return all
}

// What spreadsheets and CRMs write is read as it was meant.
func TestFilesAreRead(t *testing.T) {
	long := strings.Repeat("x", 200_000)
	for name, tt := range map[string]struct {
		kind, format, text string
		more               func(*importing.Options)
		want               []string
		notes              int
	}{
		"accounts": {
			kind: "accounts", format: "csv", text: "account_id,name,domains,owner_user_id\n1,Acme,acme.example; https://www.Acme-EU.example/ ;,usr-1\n",
			want: []string{`{"org_id":"acme","account_id":"1","name":"Acme","domains":["acme.example","acme-eu.example"],"owner_user_id":"usr-1"}`},
		},
		"a byte order mark, CRLF and space around": {
			kind: "accounts", format: "csv", text: "\uFEFFaccount_id,Name \r\n1, Acme \r\n", want: []string{`{"org_id":"acme","account_id":"1","name":"Acme"}`},
		},
		"quotes, with newlines, commas and quotes in them": {
			kind: "deals", format: "csv", text: "deal_id,account_id,name\nd1,1,\"A, \"\"B\"\"\nC\"\nd2,1,D\n",
			want: []string{`{"org_id":"acme","deal_id":"d1","account_id":"1","name":"A, \"B\"\nC"}`, `{"org_id":"acme","deal_id":"d2","account_id":"1","name":"D"}`},
		},
		"people": {
			kind: "users", format: "csv", text: "user_id,email,role,disabled,manager_id,updated_at\nu1,Ada@acme.example,owner,yes,u2,2026-11-23T09:00:00Z\nu2,,,,,\n",
			want: []string{`{"org_id":"acme","user_id":"u1","email":"Ada@acme.example","role":"owner","manager_id":"u2","disabled":true,"updated_at":"2026-11-23T09:00:00Z"}`, `{"org_id":"acme","user_id":"u2","email":""}`},
		},
		"other names, and columns that are none of ours": {
			kind: "accounts", format: "csv", text: "Account ID,Account Name,Revenue\n1,Acme,7\n", notes: 1,
			more: func(o *importing.Options) {
				o.Map = map[string]string{"Account ID": "account_id", "Account Name": "name"}
			},
			want: []string{`{"org_id":"acme","account_id":"1","name":"Acme"}`},
		},
		"semicolons": {
			kind: "accounts", format: "csv", text: "account_id;name;domains\n1;Acme;\"a.example;b.example\"\n", more: func(o *importing.Options) { o.Delimiter = ';' },
			want: []string{`{"org_id":"acme","account_id":"1","name":"Acme","domains":["a.example","b.example"]}`},
		},
		"an id that comes twice": {
			kind: "accounts", format: "csv", text: "account_id,name\n1,Old\n2,Two\n1,New\n", notes: 1,
			want: []string{`{"org_id":"acme","account_id":"2","name":"Two"}`, `{"org_id":"acme","account_id":"1","name":"New"}`},
		},
		"JSON lines": {
			kind: "accounts", format: "jsonl", text: "\uFEFF{\"account_id\":\"1\",\"name\":\"Acmé\",\"domains\":[\"acmé.example\"]}\r\n\n{\"org_id\":\"acme\",\"account_id\":\"2\",\"name\":\"B\"}",
			want: []string{`{"org_id":"acme","account_id":"1","name":"Acmé","domains":["acmé.example"]}`, `{"org_id":"acme","account_id":"2","name":"B"}`},
		},
		"a very long row": {
			kind: "accounts", format: "csv", text: "account_id,name\n1," + long + "\n", want: []string{`{"org_id":"acme","account_id":"1","name":"` + long + `"}`},
		},
		"a header alone": {kind: "accounts", format: "csv", text: "account_id,name\n"},
		"nothing":        {kind: "accounts", format: "jsonl", text: ""},
	} {
		t.Run(name, func(t *testing.T) {
			if tt.more == nil {
				tt.more = func(*importing.Options) {}
			}
			f, err := read(t, tt.kind, tt.format, tt.text, tt.more)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, values(f)); diff != "" || len(f.Problems) != 0 || len(f.Notes) != tt.notes {
				t.Errorf("problems %v, notes %v:\n%s", f.Problems, f.Notes, diff)
			}
		})
	}
}

// Every row that is wrong is named, with all that is wrong with it; the others are not touched by it.
func TestEveryProblemIsNamed(t *testing.T) {
	for name, tt := range map[string]struct {
		kind, format, text string
		want               []string
		rows               int
	}{
		"accounts": {
			kind: "accounts", format: "csv", rows: 1,
			text: "account_id,name,domains\n,,nowhere\n1,\"Two\nlines\",ok.example\na/b,X,\"x y.example;-a.example\"\n2,B\n3,C,,\n",
			want: []string{
				"row 2: name is missing", `row 2: domains: "nowhere" is no internet domain, such as acme.example`, "row 2: account_id is missing",
				`row 4 (line 5): domains: "x y.example" is no internet domain, such as acme.example`, `row 4 (line 5): domains: "-a.example" is no internet domain, such as acme.example`,
				`row 4 (line 5): account_id: "a/b" is no id: no / and no control characters may be in it, and no spaces around it`,
				"row 5 (line 6): the row has 2 columns, and the header 3", "row 6 (line 7): the row has 4 columns, and the header 3",
			},
		},
		"people": {
			kind: "users", format: "csv", rows: 1,
			text: "user_id,email,role,disabled,updated_at,org_id\nu1,ada,boss,perhaps,yesterday,\nu2,Ada <ada@acme.example>,admin,no,,\nu3,ok@acme.example,,,,acme\nu4,ok@acme.example,,,2026,\nu5,x@y.example,,,,other\n",
			want: []string{
				`row 2: disabled: "perhaps" is neither true nor false`, `row 3: email: "Ada <ada@acme.example>" is no email address`,
				"row 5: updated_at: want a time such as 2026-11-23T09:00:00Z", `row 6: org_id: the row is of "other", and "acme" is imported`,
			},
		},
		"quotes that do not close": {
			kind: "accounts", format: "csv", rows: 1, text: "account_id,name\n1,A\n2,B\"x\n\"3,C\n", want: []string{
				`row 3: the row is not CSV: bare " in non-quoted-field`, `row 4: the row is not CSV: extraneous or missing " in quoted-field`,
			},
		},
		"no UTF-8": {kind: "accounts", format: "csv", rows: 0, text: "account_id,name\n1,A\xff\n", want: []string{"row 2: name is not UTF-8"}},
		"JSON lines": {
			kind: "deals", format: "jsonl", rows: 1,
			text: "{\"deal_id\":\"d\",\"account_id\":\"1\",\"name\":\"N\"}\nnonsense\n[]\n{\"deal_id\":7}\n{\"deal_id\":\"d\",\"accountid\":\"1\"}\n{\"deal_id\":\"d\"}\n{}{}\n\xff\n",
			want: []string{
				"row 2: the row is not a JSON object", "row 3: the row is not a JSON object", "row 4: deal_id: a JSON number stands where another type belongs",
				`row 5: there is no field "accountid"`, "row 6: name is missing", "row 6: account_id is missing", "row 7: there is more than one JSON object in the row", "row 8: the row is not UTF-8",
			},
		},
		"a row that no record holds": {
			kind: "accounts", format: "jsonl", rows: 1, text: `{"account_id":"1","name":"` + strings.Repeat("x", 960_000) + "\"}\n" + `{"account_id":"2","name":"` + strings.Repeat("x", 3_000_000) + "\"}\n" + `{"account_id":"3","name":"x"}`,
			want: []string{"row 1: the row is longer than a record may be (960000 bytes)", "row 2: the row is longer than a record may be (960000 bytes)"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			f, err := read(t, tt.kind, tt.format, tt.text)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			places := map[importing.Place]bool{}
			for _, p := range f.Problems {
				got = append(got, p.String())
				places[p.At] = true
			}
			if diff := cmp.Diff(tt.want, got); diff != "" || len(f.Rows) != tt.rows || f.Bad != len(places) {
				t.Errorf("%d rows, %d bad:\n%s", len(f.Rows), f.Bad, diff)
			}
		})
	}
}

// A file that cannot be read at all says why, and how to mend it.
func TestFilesThatAreNone(t *testing.T) {
	for name, tt := range map[string]struct {
		text, says string
		more       func(*importing.Options)
	}{
		"empty":                   {"", "first row", nil},
		"UTF-16":                  {"\xff\xfea\x00", "UTF-8", nil},
		"a column is missing":     {"account_id,title\n", "no column name", nil},
		"semicolons":              {"account_id;name\n1;A\n", "--delimiter", nil},
		"a column twice":          {"account_id,name,Name\n", "two columns are name", nil},
		"a map of nothing":        {"account_id,name\n", `no column "Id"`, func(o *importing.Options) { o.Map = map[string]string{"Id": "account_id"} }},
		"a map to nothing":        {"account_id,name,x\n", `no column "colour"`, func(o *importing.Options) { o.Map = map[string]string{"x": "colour"} }},
		"a header that is broken": {"\"account_id,name\n", "row 1", nil},
	} {
		t.Run(name, func(t *testing.T) {
			if tt.more == nil {
				tt.more = func(*importing.Options) {}
			}
			if _, err := read(t, "accounts", "csv", tt.text, tt.more); err == nil || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("%v, want %q", err, tt.says)
			}
		})
	}
}

// FuzzRead: whatever the file, each row is a record that its readers take, or a problem with a place.
func FuzzRead(f *testing.F) {
	for _, text := range []string{"account_id,name,domains\n1,A,a.example\n", "account_id,name\n\"1\n", `{"account_id":"1","name":"A"}`, "\uFEFF", "account_id,name\n1,\xff\n"} {
		f.Add("csv", text)
		f.Add("jsonl", text)
	}
	f.Fuzz(func(t *testing.T, format, text string) {
		file, err := read(t, "accounts", format, text)
		if err != nil {
			return
		}
		for _, r := range file.Rows {
			if a, err := schemas.CRMAccounts.Decode(r.Value); err != nil || string(a.AccountID) != r.ID || a.OrgID != "acme" || r.ID == "" {
				t.Errorf("%q became %s, %v", text, r.Value, err)
			}
		}
		if slices.ContainsFunc(file.Problems, func(p importing.Problem) bool { return p.At.Row == 0 || p.Text == "" }) || (file.Bad > 0) != (len(file.Problems) > 0) {
			t.Errorf("%q has the problems %v", text, fmt.Sprint(file.Problems))
		}
	})
}
