package actor

import (
	"testing"

	"github.com/bigmind/backchannel/schemas"
)

func TestWhoMayWhat(t *testing.T) {
	users := map[string]*schemas.DirectoryUser{
		"owner": {OrgID: "acme", UserID: "u1", Role: "owner"}, "admin": {OrgID: "acme", UserID: "u2", Role: "admin"}, "member": {OrgID: "acme", UserID: "u3", Role: "member"},
		"unsaid": {OrgID: "acme", UserID: "u4"}, "odd": {OrgID: "acme", UserID: "u5", Role: "root"}, "disabled": {OrgID: "acme", UserID: "u6", Role: "owner", Disabled: true},
	}
	for name, want := range map[string]struct{ sync, defaults, own, others, known bool }{
		"owner": {true, true, true, true, true}, "admin": {false, true, true, true, true}, "member": {false, false, true, false, true},
		"unsaid": {false, false, true, false, true}, "odd": {}, "disabled": {},
	} {
		a := Of(users[name])
		got := struct{ sync, defaults, own, others, known bool }{
			a.May(ConnectSync), a.May(ChangeDefaults), a.MayFor(ChangePeople, a.User), a.MayFor(ChangePeople, "u9"), a.Known(),
		}
		if got != want {
			t.Errorf("%s: %+v, want %+v", name, got, want)
		}
	}
	program := Actor{Org: "acme", Role: Member, Via: "token:1"}
	if program.MayFor(SeePeople, "") || program.By() != "token:1" {
		t.Error("a program that stands for nobody is somebody")
	}
}
