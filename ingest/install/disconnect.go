package install

import (
	"context"
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"
	"github.com/slack-go/slack"

	"github.com/bigmind/backchannel/ingest"
	"github.com/bigmind/backchannel/schemas"
)

// Disconnect uninstalls the app from a workspace of an organization (Slack's apps.uninstall), and records that it has ended. A workspace in
// which Slack does not know the token any more has ended already; where Slack does not answer nothing is changed.
func (h *Handler) Disconnect(ctx context.Context, opener Opener, org schemas.OrgID, team schemas.TeamID, by schemas.UserID) error {
	var standing *redis.StringCmd
	err := ingest.Lookup(ctx, h.opts.Redis, func(pipe redis.Pipeliner) {
		standing = pipe.HGet(ctx, schemas.ViewTeamInstall(team), schemas.FieldInstallation)
	})
	if err != nil {
		return err
	}
	in, err := ingest.Viewed[schemas.Installation](standing.Val())
	if err != nil {
		return err
	}
	if in == nil || in.OrgID != org {
		return fmt.Errorf("workspace %s is not the organization's", team)
	}
	if err := h.uninstall(ctx, opener, in); err != nil {
		return err
	}
	in.Status, in.Reason, in.SealedToken, in.SealedRefreshToken, in.UpdatedAt = schemas.InstallUninstalled, "disconnected", "", "", h.opts.Now().UTC()
	if err := h.publish(ctx, in); err != nil {
		return err
	}
	h.opts.Log.Info("a workspace was disconnected", "org", org, "team", team, "by", by)
	return nil
}

func (h *Handler) uninstall(ctx context.Context, opener Opener, in *schemas.Installation) error {
	if !in.Callable() {
		return nil
	}
	token, err := opener.Open(in.TeamID, in.SealedToken)
	if err != nil {
		return err
	}
	api := slack.New(token, slack.OptionAPIURL(h.opts.APIURL), slack.OptionHTTPClient(h.opts.HTTP))
	err = api.UninstallAppContext(ctx, h.opts.ClientID, h.opts.ClientSecret)
	if refused, ok := errors.AsType[slack.SlackErrorResponse](err); ok && ends[refused.Err] {
		return nil
	}
	if err != nil {
		return fmt.Errorf("uninstall the app from workspace %s: %w", in.TeamID, ingest.WithoutURL(err))
	}
	return nil
}
