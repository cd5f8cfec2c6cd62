package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/bigmind/backchannel/ingest/actor"
	"github.com/bigmind/backchannel/schemas"
)

// Settings are an organization's choices that are no person's preference. What is absent is as Backchannel's installation has it.
type Settings struct {
	AssociateBy  schemas.AssociateBy              `json:"associate_by,omitempty" enum:"matched,admins" doc:"Who may associate channels in Slack: whoever is matched to a directory user, or owners and admins."`
	BackfillDays int                              `json:"backfill_days,omitempty" minimum:"1" maximum:"3650" doc:"How far back the history of a newly associated channel is read."`
	Fallback     schemas.Fallback                 `json:"fallback,omitempty" enum:"none,other_channel" doc:"What becomes of a notification whose preferred channel cannot work."`
	QuietHours   *QuietHours                      `json:"quiet_hours,omitempty" doc:"Of everybody who has none of their own."`
	Caps         map[schemas.NotificationType]Cap `json:"caps,omitempty" doc:"By type, with * for all others."`
	Retention    *Retention                       `json:"retention,omitempty" doc:"For how long what is said in channels is kept. Absent: for ever. What is older is hidden at once, and deleted within a day: nothing brings it back."`
}

// Retention is for how long what is said is kept, in days.
type Retention struct {
	MessageDays     int `json:"message_days,omitempty" minimum:"1" maximum:"3650" doc:"From when a message was said. Absent: for ever."`
	VersionDays     int `json:"version_days,omitempty" minimum:"1" maximum:"3650" doc:"From when an edit replaced a wording. Absent: for ever."`
	DissociatedDays int `json:"dissociated_days,omitempty" minimum:"1" maximum:"3650" doc:"From when a channel was dissociated. Absent: its messages are hidden, and there again when it is associated."`
}

// Cap bounds notifications of a type per clock hour.
type Cap struct {
	PerRecipient int `json:"per_recipient,omitempty" minimum:"1" doc:"Absent: 30."`
	PerOrg       int `json:"per_org,omitempty" minimum:"1" doc:"Absent: 20,000."`
}

type settingsInput struct {
	Match
	NoNull
	Body Settings
}

type settingsOutput struct {
	Status int
	ETag   string `header:"ETag"`
	Body   Settings
}

func settings(a *API) {
	tags := []string{"Organization"}
	route(a, huma.Operation{OperationID: "get-settings", Method: http.MethodGet, Path: "/settings", Summary: "The organization's settings", Tags: tags}, rule{},
		func(ctx context.Context, who actor.Actor, _ *struct{}) (*settingsOutput, error) {
			s, err := a.state(ctx, settingsEntry(who.Org))
			if err != nil {
				return nil, err
			}
			out := &settingsOutput{Status: http.StatusOK, ETag: s.etag()}
			if s.text == "" {
				return out, nil
			}
			record, err := schemas.OrgsSettings.Decode([]byte(s.text))
			if err != nil {
				return nil, err
			}
			out.Body = Settings{record.AssociateBy, record.BackfillDays, record.Fallback, (*QuietHours)(record.QuietHours), nil, (*Retention)(record.Retention)}
			for t, c := range record.Caps {
				if out.Body.Caps == nil {
					out.Body.Caps = map[schemas.NotificationType]Cap{}
				}
				out.Body.Caps[t] = Cap(c)
			}
			return out, nil
		})
	route(a, huma.Operation{
		OperationID: "put-settings", Method: http.MethodPut, Path: "/settings", Summary: "Replace the organization's settings", Tags: tags,
		Description: "The same again changes nothing.", Errors: []int{http.StatusPreconditionFailed},
	}, rule{needs: actor.ChangeDefaults}, func(ctx context.Context, who actor.Actor, in *settingsInput) (*settingsOutput, error) {
		return a.putSettings(ctx, who.Org, in)
	})
}

func settingsEntry(org schemas.OrgID) entry {
	return entry{schemas.OrgsSettings.Spec, schemas.OrgKey[schemas.UserID](org, ""), schemas.ViewOrgSettings(org), ""}
}

func (a *API) putSettings(ctx context.Context, org schemas.OrgID, in *settingsInput) (*settingsOutput, error) {
	was, err := a.state(ctx, settingsEntry(org))
	if err != nil {
		return nil, err
	}
	if err := in.matches(was); err != nil {
		return nil, err
	}
	if err := checkZone(in.Body.QuietHours); err != nil {
		return nil, err
	}
	s := in.Body
	record := schemas.OrgSettings{
		OrgID: org, AssociateBy: s.AssociateBy, BackfillDays: s.BackfillDays, Fallback: s.Fallback, QuietHours: (*schemas.QuietHours)(s.QuietHours), Retention: (*schemas.Retention)(s.Retention), UpdatedAt: a.now(),
	}
	for t, c := range s.Caps {
		if record.Caps == nil {
			record.Caps = map[schemas.NotificationType]schemas.Cap{}
		}
		record.Caps[t] = schemas.Cap(c)
	}
	if err := record.Validate(); err != nil {
		return nil, huma.Error422UnprocessableEntity(err.Error())
	}
	value, err := schemas.OrgsSettings.Encode(record)
	if err != nil {
		return nil, err
	}
	w, err := a.write(ctx, settingsEntry(org), was, value)
	if err != nil {
		return nil, err
	}
	return &settingsOutput{w.status, w.etag, in.Body}, nil
}

// checkZone refuses a time zone that nobody knows: quiet hours would silently be another clock's.
func checkZone(q *QuietHours) error {
	if q == nil || q.TimeZone == "" {
		return nil
	}
	if _, err := time.LoadLocation(q.TimeZone); err != nil || q.TimeZone == "Local" {
		return huma.Error422UnprocessableEntity("There is no such time zone.", &huma.ErrorDetail{
			Message: "want an IANA name, such as Europe/London", Location: "body.quiet_hours.tz", Value: q.TimeZone,
		})
	}
	return nil
}
