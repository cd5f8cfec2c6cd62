package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/redis/go-redis/v9"

	"github.com/bigmind/backchannel/ingest"
	"github.com/bigmind/backchannel/ingest/actor"
	"github.com/bigmind/backchannel/schemas"
)

// FromAPI is the Source of an association that was made by the API.
const FromAPI = "api"

// Association is what a channel is linked to.
type Association struct {
	TeamID    schemas.TeamID    `json:"team_id"`
	ChannelID schemas.ChannelID `json:"channel_id"`
	AccountID schemas.AccountID `json:"account_id"`
	DealID    schemas.DealID    `json:"deal_id,omitempty"`
	By        string            `json:"by,omitempty" doc:"Who linked it."`
	Source    string            `json:"source,omitempty" doc:"Where: slack, console, api or upstream."`
	UpdatedAt time.Time         `json:"updated_at,omitzero"`
}

// ChannelPath names a channel.
type ChannelPath struct {
	Team    schemas.TeamID    `path:"team" minLength:"1" maxLength:"40" doc:"Slack workspace, such as T024BE7LD."`
	Channel schemas.ChannelID `path:"channel" minLength:"1" maxLength:"40" doc:"Slack channel, such as C024BE91L."`
}

type associationInput struct {
	ChannelPath
	Match
	NoNull
	Body struct {
		AccountID schemas.AccountID `json:"account_id" minLength:"1" maxLength:"500"`
		DealID    schemas.DealID    `json:"deal_id,omitempty" maxLength:"500" doc:"One of the account's deals."`
	}
}

type dissociationInput struct {
	ChannelPath
	Match
}

type associationOutput struct {
	Status int
	ETag   string `header:"ETag"`
	Body   Association
}

type nothingOutput struct {
	Status int
	ETag   string `header:"ETag"`
}

func associations(a *API) {
	const path = "/channels/{team}/{channel}/association"
	tags, none := []string{"Channels"}, []int{http.StatusNotFound}
	route(a, huma.Operation{OperationID: "get-association", Method: http.MethodGet, Path: path, Summary: "What a channel is linked to", Tags: tags, Errors: none}, rule{needs: actor.SeeChannels},
		func(ctx context.Context, who actor.Actor, in *ChannelPath) (*associationOutput, error) {
			s, err := a.scene(ctx, who.Org, in)
			if err != nil {
				return nil, err
			}
			if s.link == nil {
				return nil, huma.Error404NotFound("The channel is not linked.")
			}
			return &associationOutput{http.StatusOK, s.was.etag(), associationOf(s.link)}, nil
		})
	route(a, huma.Operation{
		OperationID: "put-association", Method: http.MethodPut, Path: path, Summary: "Link a channel to an account, and one of its deals if wanted", Tags: tags,
		Description: "Backchannel then reads the channel's past, and goes on. The same again changes nothing. 409: the channel cannot be linked now, and the sentence says why.",
		Errors:      []int{http.StatusNotFound, http.StatusConflict, http.StatusPreconditionFailed},
	}, rule{needs: actor.LinkChannels}, a.associate)
	route(a, huma.Operation{
		OperationID: "delete-association", Method: http.MethodDelete, Path: path, Summary: "Unlink a channel", Tags: tags,
		Description:   "Its messages are synced no more, and what was synced leaves every answer. Unlinking what is not linked changes nothing.",
		DefaultStatus: http.StatusNoContent, Errors: []int{http.StatusNotFound, http.StatusPreconditionFailed},
	}, rule{needs: actor.LinkChannels}, func(ctx context.Context, who actor.Actor, in *dissociationInput) (*nothingOutput, error) {
		s, err := a.scene(ctx, who.Org, &in.ChannelPath)
		if err != nil {
			return nil, err
		}
		if err := in.matches(s.was); err != nil {
			return nil, err
		}
		w, err := a.write(ctx, s.entry, s.was, nil, ingest.Dissociated(who.By(), FromAPI)...)
		if err != nil {
			return nil, err
		}
		if w.status == http.StatusOK {
			w.status = http.StatusNoContent
		}
		return &nothingOutput{w.status, w.etag}, nil
	})
}

func associationOf(l *schemas.ChannelAssociation) Association {
	return Association{l.TeamID, l.ChannelID, l.AccountID, l.DealID, l.By, l.Source, l.UpdatedAt}
}

// scene is what is known of a channel of the organization.
type scene struct {
	entry   entry
	install *schemas.Installation
	channel *schemas.SlackChannel
	link    *schemas.ChannelAssociation
	was     state
}

// scene fails with 404 where the organization has no such workspace.
func (a *API) scene(ctx context.Context, org schemas.OrgID, in *ChannelPath) (*scene, error) {
	s := &scene{entry: entry{
		schemas.ChannelAssociations.Spec, schemas.TeamChannelKey(in.Team, in.Channel), schemas.ViewTeamAssociations(in.Team), string(in.Channel),
	}}
	var install, channel, link *redis.StringCmd
	err := ingest.Lookup(ctx, a.opts.Redis, func(pipe redis.Pipeliner) {
		install = pipe.HGet(ctx, schemas.ViewTeamInstall(in.Team), schemas.FieldInstallation)
		channel = pipe.HGet(ctx, schemas.ViewTeamChannels(in.Team), string(in.Channel))
		link = pipe.HGet(ctx, s.entry.view, s.entry.field)
	})
	if err != nil {
		return nil, err
	}
	if s.install, err = ingest.Viewed[schemas.Installation](install.Val()); err != nil {
		return nil, err
	}
	if s.install == nil || s.install.OrgID != org {
		return nil, huma.Error404NotFound("Your organization has no such workspace.")
	}
	if s.channel, err = ingest.Viewed[schemas.SlackChannel](channel.Val()); err != nil {
		return nil, err
	}
	if s.link, err = ingest.Viewed[schemas.ChannelAssociation](link.Val()); err != nil {
		return nil, err
	}
	if s.channel != nil && s.channel.OrgID != org {
		s.channel = nil
	}
	if s.was, err = stateOf(link.Val()); err != nil {
		return nil, err
	}
	if s.link != nil && s.link.OrgID != org { // it counts for nothing, and may be replaced
		s.link, s.was.text = nil, ""
	}
	return s, nil
}

// mayNot says why a channel cannot be linked, in a sentence; empty: it can.
func (s *scene) mayNot() string {
	kind := "channel"
	if s.channel != nil && s.channel.IsPrivate {
		kind = "group"
	}
	switch {
	case !s.install.Active():
		return "The workspace is no longer connected. Connect Slack first."
	case s.channel == nil || !s.channel.IsMember:
		return "The app is not in this channel, or has not been heard of there yet. Add the app to the channel in Slack first."
	case s.channel.IsArchived:
		return "The channel is archived. Unarchive it in Slack first."
	case !s.install.MayKeep(kind):
		return "Channel sync was not authorized for channels like this one. An owner connects channel sync first."
	}
	return ""
}

func (a *API) associate(ctx context.Context, who actor.Actor, in *associationInput) (*associationOutput, error) {
	s, err := a.scene(ctx, who.Org, &in.ChannelPath)
	if err != nil {
		return nil, err
	}
	if err := in.matches(s.was); err != nil {
		return nil, err
	}
	if s.link != nil && s.link.AccountID == in.Body.AccountID && s.link.DealID == in.Body.DealID {
		return &associationOutput{http.StatusOK, s.was.etag(), associationOf(s.link)}, nil // whoever linked it first stays the one
	}
	if why := s.mayNot(); why != "" {
		return nil, huma.Error409Conflict(why)
	}
	if err := a.checkRecords(ctx, who.Org, in.Body.AccountID, in.Body.DealID); err != nil {
		return nil, err
	}
	link := schemas.ChannelAssociation{
		OrgID: who.Org, TeamID: in.Team, ChannelID: in.Channel, AccountID: in.Body.AccountID, DealID: in.Body.DealID, By: who.By(), Source: FromAPI, UpdatedAt: a.now(),
	}
	value, err := schemas.ChannelAssociations.Encode(link)
	if err != nil {
		return nil, err
	}
	w, err := a.write(ctx, s.entry, s.was, value)
	if err != nil {
		return nil, err
	}
	return &associationOutput{w.status, w.etag, associationOf(&link)}, nil
}

// checkRecords fails with 422 unless the account exists, and the deal, if any, is one of its.
func (a *API) checkRecords(ctx context.Context, org schemas.OrgID, account schemas.AccountID, deal schemas.DealID) error {
	var accountOf, dealOf *redis.StringCmd
	err := ingest.Lookup(ctx, a.opts.Redis, func(pipe redis.Pipeliner) {
		accountOf, dealOf = pipe.HGet(ctx, schemas.ViewOrgAccounts(org), string(account)), pipe.HGet(ctx, schemas.ViewOrgDeals(org), string(deal))
	})
	if err != nil {
		return err
	}
	acc, err := ingest.Viewed[schemas.Account](accountOf.Val())
	if err != nil {
		return err
	}
	d, err := ingest.Viewed[schemas.Deal](dealOf.Val())
	switch {
	case err != nil:
		return err
	case acc == nil:
		return huma.Error422UnprocessableEntity("Bigmind has no such account in your organization.", &huma.ErrorDetail{Message: "no such account", Location: "body.account_id", Value: string(account)})
	case deal != "" && d == nil:
		return huma.Error422UnprocessableEntity("Bigmind has no such deal in your organization.", &huma.ErrorDetail{Message: "no such deal", Location: "body.deal_id", Value: string(deal)})
	case deal != "" && d.AccountID != account:
		return huma.Error422UnprocessableEntity("The deal belongs to another account.", &huma.ErrorDetail{Message: "a deal of another account", Location: "body.deal_id", Value: string(deal)})
	}
	return nil
}
