package install

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/slack-go/slack"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/ingest"
	"github.com/bigmind/backchannel/schemas"
)

// tokens are as Slack gave them. They are sealed before they go anywhere.
type tokens struct{ access, refresh string }

// exchange turns a code into an installation without its organization, or into the page that says why not. The token is
// tried at once (auth.test), which also tells the bot's id and what was really granted (x-oauth-scopes).
func (h *Handler) exchange(ctx context.Context, code string) (*schemas.Installation, tokens, *page) {
	answer, err := slack.GetOAuthV2ResponseContext(ctx, h.opts.HTTP, h.opts.ClientID, h.opts.ClientSecret, code, h.redirectURL(), slack.OAuthOptionAPIURL(h.opts.APIURL))
	if err != nil {
		return nil, tokens{}, h.refused(err)
	}
	if answer.IsEnterpriseInstall || answer.Team.ID == "" {
		return nil, tokens{}, &page{
			result: "org_wide", status: http.StatusConflict, Title: "Choose one workspace",
			Text: "The app was allowed for a whole Enterprise Grid organization. It is installed in one workspace at a time: begin again and choose one. Nothing was recorded.",
		}
	}
	if answer.TokenType != "bot" || answer.AccessToken == "" {
		return nil, tokens{}, &page{result: "no_bot", status: http.StatusBadGateway, Title: "Slack granted no bot", Text: "Slack answered without a bot token. Nothing was changed."}
	}
	now := h.opts.Now().UTC()
	in := &schemas.Installation{
		TeamID: schemas.TeamID(answer.Team.ID), TeamName: answer.Team.Name, EnterpriseID: schemas.EnterpriseID(answer.Enterprise.ID),
		AppID: answer.AppID, BotUserID: schemas.SlackUserID(answer.BotUserID), Scopes: scopes(answer.Scope), Status: schemas.InstallActive,
		InstalledBy: schemas.SlackUserID(answer.AuthedUser.ID), InstalledAt: now, UpdatedAt: now,
	}
	if answer.ExpiresIn > 0 {
		in.TokenExpiresAt = now.Add(time.Duration(answer.ExpiresIn) * time.Second)
	}
	test, err := slack.New(answer.AccessToken, slack.OptionAPIURL(h.opts.APIURL), slack.OptionHTTPClient(h.opts.HTTP)).AuthTestContext(ctx)
	if err != nil {
		return nil, tokens{}, h.refused(err)
	}
	if schemas.TeamID(test.TeamID) != in.TeamID {
		return nil, tokens{}, h.refused(errors.New("the token is another workspace's than the answer says"))
	}
	in.BotID = test.BotID
	if header := test.Header.Get("X-Oauth-Scopes"); header != "" {
		in.Scopes = scopes(header)
	}
	return in, tokens{answer.AccessToken, answer.RefreshToken}, nil
}

func scopes(list string) []string {
	var out []string
	for s := range strings.SplitSeq(list, ",") {
		if s = strings.TrimSpace(s); s != "" {
			out = append(out, s)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// refused is what an error of the exchange means for whoever waits for the page.
func (h *Handler) refused(err error) *page {
	answer, ok := errors.AsType[slack.SlackErrorResponse](err)
	if !ok {
		p := h.unavailable("exchange", ingest.WithoutURL(err))
		p.Title, p.Text = "Slack does not answer", "Nothing was changed. Begin again in a minute."
		return &p
	}
	switch answer.Err {
	case "code_already_used":
		p := again("reused", "This page was opened already", "What it did then still holds.", "")
		return &p
	case "invalid_code", "code_expired":
		p := again("expired", "That took too long", "Slack's code was no longer good. Nothing was changed.", "")
		return &p
	}
	h.opts.Log.Warn("Slack refused an OAuth exchange", "error", answer.Err)
	return &page{result: "slack_refused", status: http.StatusBadGateway, Title: "Slack refused", Text: "Slack answered " + plain(answer.Err) + ". Nothing was changed."}
}

// claimTTL is as long as the views may lag behind an installation that was just recorded.
const claimTTL = 10 * time.Minute

// claim makes a workspace an organization's, unless it is another's already, and returns whose it is. A team belongs to one. What somebody has
// said of how Slack limits the workspace goes on.
func (h *Handler) claim(ctx context.Context, fresh *schemas.Installation, org schemas.OrgID) (schemas.OrgID, error) {
	team := fresh.TeamID
	var standing *redis.StringCmd
	err := ingest.Lookup(ctx, h.opts.Redis, func(pipe redis.Pipeliner) {
		standing = pipe.HGet(ctx, schemas.ViewTeamInstall(team), schemas.FieldInstallation)
	})
	if err != nil {
		return "", err
	}
	in, err := ingest.Viewed[schemas.Installation](standing.Val())
	if err != nil {
		return "", err
	}
	// Whoever uninstalled it may leave it to another organization.
	if in != nil && in.Status != schemas.InstallUninstalled && in.OrgID != org {
		return in.OrgID, nil
	}
	if in != nil && in.OrgID == org {
		fresh.AppClass = in.AppClass
	}
	key := schemas.TeamClaimKey(team)
	ours, err := h.opts.Redis.SetNX(ctx, key, string(org), claimTTL).Result()
	if err == nil && !ours {
		var owner string
		if owner, err = h.opts.Redis.Get(ctx, key).Result(); err == nil {
			return schemas.OrgID(owner), nil
		}
	}
	if err != nil {
		return "", fmt.Errorf("claim workspace %s: %w", team, err)
	}
	return org, nil
}

// publish records the installation.
func (h *Handler) publish(ctx context.Context, in *schemas.Installation) error {
	value, err := schemas.SlackInstallations.Encode(*in)
	if err != nil {
		return err
	}
	return h.opts.Publisher.Publish(ctx, &kgo.Record{Topic: schemas.SlackInstallations.Name, Key: []byte(schemas.TeamKey(in.TeamID)), Value: value})
}
