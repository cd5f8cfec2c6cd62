package diagnose

import (
	"cmp"
	"context"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/bigmind/backchannel/schemas"
)

// Result is what came of a check.
type Result string

// The results. Unknown: what would tell is not there, and the fact says what.
const (
	Pass    Result = "pass"
	Fail    Result = "fail"
	Unknown Result = "unknown"
)

// ID names a check.
type ID string

// The checks of the product page, in its order, and two that it does not have: what would become of a notification now, and whether the
// channel's messages are in fact read.
const (
	SlackConnected    ID = "slack_connected"
	UserMatched       ID = "user_matched"
	TypeEnabled       ID = "type_enabled"
	ChannelHasSlack   ID = "channel_includes_slack"
	DeliveredNow      ID = "delivered_now"
	SyncAuthorised    ID = "sync_authorised"
	AppInChannel      ID = "app_in_channel"
	ChannelAssociated ID = "channel_associated"
	CRMRecordsExist   ID = "crm_records_exist"
	MessagesSynced    ID = "messages_synced"
)

// names are the product page's words.
var names = map[ID]string{
	SlackConnected: "Slack is connected", UserMatched: "User matching succeeded", TypeEnabled: "Notification type is enabled",
	ChannelHasSlack: "Channel includes Slack", DeliveredNow: "It would be delivered now",
	SyncAuthorised: "Channel sync is authorized", AppInChannel: "The Bigmind app has channel access", ChannelAssociated: "The channel is associated",
	CRMRecordsExist: "CRM records exist", MessagesSynced: "Messages are synced",
}

// Action is what a button does. The console has a page for each that has no URL.
type Action string

// The actions.
const (
	ConnectSlack       Action = "connect_slack"
	ConnectChannelSync Action = "connect_channel_sync"
	OpenPeople         Action = "open_people"
	OpenPreferences    Action = "open_preferences"
	OpenInSlack        Action = "open_in_slack"
	LinkChannel        Action = "link_channel"
	OpenChannels       Action = "open_channels"
)

var labels = map[Action]string{
	ConnectSlack: "Connect Slack", ConnectChannelSync: "Connect channel sync", OpenPeople: "Open People", OpenPreferences: "Open Notification Settings",
	OpenInSlack: "Open in Slack", LinkChannel: "Link the channel", OpenChannels: "Open Channels",
}

// Mend is the button that mends what failed.
type Mend struct {
	Action Action `json:"action" enum:"connect_slack,connect_channel_sync,open_people,open_preferences,open_in_slack,link_channel,open_channels" doc:"What the button does."`
	Label  string `json:"label" doc:"What stands on it."`
	URL    string `json:"url,omitempty" doc:"Where it leads outside Bigmind."`
}

// Check is one line of a list.
type Check struct {
	ID     ID     `json:"check" doc:"Which check."`
	Name   string `json:"name" doc:"The product page's words for it."`
	Result Result `json:"result" enum:"pass,fail,unknown"`
	Fact   string `json:"fact" doc:"A sentence: what was found."`
	Next   string `json:"next,omitempty" doc:"A sentence: what to do."`
	Mend   *Mend  `json:"mend,omitempty" doc:"The button that does it."`
}

func pass(id ID, fact string) Check {
	return Check{ID: id, Name: names[id], Result: Pass, Fact: fact}
}

func unknown(id ID, fact, next string) Check {
	return Check{ID: id, Name: names[id], Result: Unknown, Fact: fact, Next: next}
}

// fail takes the action that mends it; empty: no button does.
func fail(id ID, fact, next string, action Action) Check {
	c := Check{ID: id, Name: names[id], Result: Fail, Fact: fact, Next: next}
	if action != "" {
		c.Mend = &Mend{Action: action, Label: labels[action]}
	}
	return c
}

// to gives the button a URL.
func (c Check) to(url string) Check {
	if c.Mend != nil {
		c.Mend.URL = url
	}
	return c
}

// OK reports whether no check failed and none is unknown.
func OK(checks []Check) bool {
	for _, c := range checks {
		if c.Result != Pass {
			return false
		}
	}
	return true
}

// Verdict is what the pipeline would do with a notification of a type for a person now.
type Verdict struct {
	Type     schemas.TypeInfo
	Ended    schemas.Reason // why nobody would get anything, before a channel is chosen
	Decision schemas.Decision
	// Slack is whom the person is matched to, or why nobody, whatever the preference says.
	Team   schemas.TeamID
	User   schemas.SlackUserID
	Reason schemas.Reason
	// Now says in a sentence what would become of it by Slack; Dropped and Later that quiet hours would take or keep it.
	Now            string
	Dropped, Later bool
}

// Verdicts decides for a person about each of the types, as processors/route does; one for each, in their order.
type Verdicts func(ctx context.Context, org schemas.OrgID, to schemas.Recipient, kinds []schemas.NotificationType) ([]Verdict, error)

// Examiner goes through the lists.
type Examiner struct {
	Redis    redis.UniversalClient
	Verdicts Verdicts
	Now      func() time.Time
}

// mend is what the catalogue of reasons says to do.
func mend(r schemas.Reason, otherwise string) string { return cmp.Or(r.Info().Mend, otherwise) }

// means is what the catalogue of reasons says that one means.
func means(r schemas.Reason) string { return cmp.Or(r.Info().Means, string(r)) }
