package slacksim

// authTest answers auth.test: who the token is.
func authTest(c *call) (response, error) {
	out := response{
		"url": "https://" + c.team.Domain + ".slack.com/", "team": c.team.Name, "user": c.team.users[c.in.BotUserID].Name,
		"team_id": c.team.ID, "user_id": c.in.BotUserID, "bot_id": c.in.BotID, "is_enterprise_install": c.in.Org != "",
	}
	if e := c.team.Enterprise; e != nil {
		out["enterprise_id"] = e.ID
	}
	return out, nil
}
