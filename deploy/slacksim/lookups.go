package slacksim

import "strings"

var (
	lookupByEmailArgs = argSpec{"email": argString}
	teamInfoArgs      = argSpec{"team": argString, "domain": argString}
	botsInfoArgs      = argSpec{"bot": argString, "team_id": argString}
)

// usersLookupByEmail answers users.lookupByEmail. Who is deactivated is not found.
func usersLookupByEmail(c *call) (response, error) {
	email := strings.TrimSpace(c.args.str("email"))
	for _, id := range c.team.userOrder {
		if p := c.team.users[id]; email != "" && strings.EqualFold(p.Email, email) && !p.Deleted {
			return response{"user": c.userJSON(id)}, nil
		}
	}
	return nil, fail("users_not_found")
}

// teamInfo answers team.info.
func teamInfo(c *call) (response, error) {
	if id := TeamID(c.args.str("team")); id != "" && id != c.team.ID {
		return nil, fail("team_not_found")
	}
	icon := map[string]any{"image_default": true}
	for _, size := range []string{"34", "44", "68", "88", "102", "132", "230"} {
		icon["image_"+size] = noImage
	}
	out := map[string]any{
		"id": c.team.ID, "name": c.team.Name, "url": "https://" + c.team.Domain + ".slack.com/", "domain": c.team.Domain, "email_domain": "",
		"icon": icon, "avatar_base_url": "https://ca.slack-edge.invalid/", "is_verified": false,
	}
	if e := c.team.Enterprise; e != nil {
		out["enterprise_id"], out["enterprise_name"] = e.ID, e.Name
	}
	return response{"team": out}, nil
}

// botsInfo answers bots.info.
func botsInfo(c *call) (response, error) {
	for _, in := range c.team.installs {
		if string(in.BotID) != c.args.str("bot") || in.BotID == "" {
			continue
		}
		return response{"bot": map[string]any{
			"id": in.BotID, "deleted": in.Removed, "name": c.state.apps[in.App].Name, "updated": in.Installed, "app_id": in.App, "user_id": in.BotUserID,
			"icons": map[string]any{"image_36": noImage, "image_48": noImage, "image_72": noImage},
		}}, nil
	}
	return nil, fail("bot_not_found")
}
