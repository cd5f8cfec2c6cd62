package schemas

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Identifiers are distinct types, so that a swapped argument is a compile error.
type (
	// OrgID names a Bigmind organization, the tenant. Every record, key and row carries one.
	OrgID string
	// UserID names a person in Bigmind's directory.
	UserID string
	// AccountID names a CRM account of an organization.
	AccountID string
	// DealID names a CRM deal of an organization.
	DealID string
	// TeamID names a Slack workspace (T…) or, for an org-wide install, the workspace an event belongs to.
	TeamID string
	// EnterpriseID names a Slack Enterprise Grid organization (E…).
	EnterpriseID string
	// ChannelID names a Slack conversation (C…, G…, D…). Never read a meaning from its first letter.
	ChannelID string
	// SlackUserID names a person or bot user in Slack (U… or W…).
	SlackUserID string
	// RequestID names a notification request; the upstream system chooses it, unique within its organization.
	RequestID string
	// DeliveryID names one delivery of one request to one recipient by one channel; see NewDeliveryID.
	DeliveryID string
)

// TS is Slack's message timestamp, such as "1727384523.000200": an id, unique within a channel, and a time in one.
// It stays a string: as a float it loses its last digits.
type TS string

// Micros returns the timestamp in microseconds since the epoch.
func (t TS) Micros() (uint64, error) {
	sec, frac, found := strings.Cut(string(t), ".")
	s, err := strconv.ParseUint(sec, 10, 43)
	if err != nil || s > maxTSSeconds {
		return 0, errTS
	}
	if !found {
		return s * 1e6, nil
	}
	if len(frac) == 0 || len(frac) > 6 {
		return 0, errTS
	}
	f, err := strconv.ParseUint(frac, 10, 32)
	if err != nil {
		return 0, errTS
	}
	for range 6 - len(frac) {
		f *= 10
	}
	return s*1e6 + f, nil
}

// TSOf is the timestamp of so many microseconds.
func TSOf(micros uint64) TS {
	return TS(fmt.Sprintf("%d.%06d", micros/1e6, micros%1e6))
}

// errTS does not quote the value: what stands where a ts should be may be anything, and errors reach logs and headers.
var errTS = errors.New("a ts must be seconds and up to six digits after a point, such as 1727384523.000200")

// maxTSSeconds is in April 2262, the last whole second of which an int64 holds the nanoseconds. ClickHouse's DateTime64
// goes on to 2299, but its Go client converts through nanoseconds, and a later time would silently become one of 1677.
const maxTSSeconds = 9223372035

// Key is a record key made of one, two or three parts joined by '/', such as "T1/C1".
type Key string

// TeamKey is the key of slack.installations.
func TeamKey(team TeamID) Key { return Key(team) }

// TeamChannelKey is the key of everything that belongs to a channel; the channel is empty for events without one.
func TeamChannelKey(team TeamID, channel ChannelID) Key { return Key(team) + "/" + Key(channel) }

// TeamUserKey is the key of slack.users.
func TeamUserKey(team TeamID, user SlackUserID) Key { return Key(team) + "/" + Key(user) }

// OrgKey is the key of what an organization has one of, or has by id: accounts, deals, users, recipients.
func OrgKey[ID ~string](org OrgID, id ID) Key {
	if id == "" {
		return Key(org)
	}
	return Key(org) + "/" + Key(id)
}

// Split cuts the key at its first '/'. The second part is empty when there is none.
func (k Key) Split() (first, second string) {
	first, second, _ = strings.Cut(string(k), "/")
	return first, second
}
