// Package actor says who acts, for which organization, and what they may: a person at the console, or a program with a token.
package actor

import (
	"errors"
	"slices"

	"github.com/bigmind/backchannel/schemas"
)

// Role is what somebody is in their organization, as directory.users has it.
type Role string

// The roles, the one that may most first.
const (
	Owner  Role = "owner"
	Admin  Role = "admin"
	Member Role = "member"
)

// ParseRole reads a role. An empty one is a member's: the directory need not name it.
func ParseRole(text string) (Role, error) {
	switch r := Role(text); r {
	case Owner, Admin, Member:
		return r, nil
	case "":
		return Member, nil
	}
	return "", errors.New("the role must be owner, admin or member")
}

// Least is the one of two roles that may less.
func Least(a, b Role) Role {
	order := []Role{Owner, Admin, Member}
	if slices.Index(order, a) > slices.Index(order, b) {
		return a
	}
	return b
}

// Actor is who asks. Everything that is done for one is done within its organization.
type Actor struct {
	Org  schemas.OrgID
	User schemas.UserID // of directory.users; empty: a program that stands for nobody
	Role Role
	// Via names what a program came with, such as "token:7GQ…"; empty: a person came.
	Via string
}

// Of is a directory user as an actor. One that is disabled, or whose role nobody knows, may nothing.
func Of(u *schemas.DirectoryUser) Actor {
	role, err := ParseRole(u.Role)
	if err != nil || u.Disabled {
		role = ""
	}
	return Actor{Org: u.OrgID, User: u.UserID, Role: role}
}

// By is how records name who made them.
func (a Actor) By() string {
	if a.User != "" {
		return string(a.User)
	}
	return a.Via
}

// Permission is something that not everybody may.
type Permission string

// The permissions. What people may do for themselves (see MayFor) is none.
const (
	ConnectSlack   Permission = "connect_slack"   // connect and disconnect a workspace
	ConnectSync    Permission = "connect_sync"    // authorise channel sync
	SeeChannels    Permission = "see_channels"    // names of channels, private ones with them, and what they are linked to
	LinkChannels   Permission = "link_channels"   // associate and dissociate
	SeePeople      Permission = "see_people"      // everybody's match, preferences and deliveries
	ChangePeople   Permission = "change_people"   // other people's preferences
	ChangeDefaults Permission = "change_defaults" // the organization's preferences and settings
	ReadContext    Permission = "read_context"    // what was said in the channels of an account
)

// permissions says which roles may what. The product page gives channel sync to owners; the rest of the settings to admins too.
var permissions = map[Permission][]Role{
	ConnectSlack:   {Owner, Admin},
	ConnectSync:    {Owner},
	SeeChannels:    {Owner, Admin},
	LinkChannels:   {Owner, Admin},
	SeePeople:      {Owner, Admin},
	ChangePeople:   {Owner, Admin},
	ChangeDefaults: {Owner, Admin},
	ReadContext:    {Owner, Admin},
}

// May reports whether the actor's role has a permission.
func (a Actor) May(p Permission) bool { return slices.Contains(permissions[p], a.Role) }

// Known reports whether the actor has a role at all.
func (a Actor) Known() bool {
	return a.Org != "" && (a.Role == Owner || a.Role == Admin || a.Role == Member)
}

// MayFor reports whether the actor may do something for a person: for themselves always, for others with the permission.
func (a Actor) MayFor(p Permission, user schemas.UserID) bool {
	return a.Known() && a.User != "" && a.User == user || a.May(p)
}
