package slacksim

var usersListArgs = argSpec{"cursor": argString, "limit": argNumber, "include_locale": argBool, "team_id": argString}

// usersList answers users.list: a page of members, Slackbot first, in the order in which they came.
func usersList(c *call) (response, error) {
	if err := c.wrongTeam(); err != nil {
		return nil, err
	}
	all := append([]UserID{slackbot}, c.team.userOrder...)
	if asked, _ := c.args.number("limit"); c.settings.LimitRequired && asked == 0 {
		return nil, fail("limit_required")
	}
	limit, err := c.limitOf(len(all), 1000)
	if err != nil {
		return nil, err
	}
	page, next, err := slicePage(c, "user", all, limit)
	if err != nil {
		return nil, err
	}
	members := make([]map[string]any, 0, len(page))
	for _, id := range page {
		members = append(members, c.userJSON(id))
	}
	return c.ended(response{"members": members, "cache_ts": c.now().Unix()}, "user", next), nil
}

func (c *call) userJSON(id UserID) map[string]any {
	var u map[string]any
	if id == slackbot {
		u = c.team.slackbotJSON()
	} else {
		u = c.team.userJSON(c.team.users[id], c.granted("users:read.email"))
	}
	if c.args.flag("include_locale") && u["deleted"] == false {
		u["locale"] = "en-US"
		if p := c.team.users[id]; p != nil && p.Locale != "" {
			u["locale"] = p.Locale
		}
	}
	return u
}

var usersInfoArgs = argSpec{"user": argString, "include_locale": argBool}

// usersInfo answers users.info.
func usersInfo(c *call) (response, error) {
	id := UserID(c.args.str("user"))
	if id != slackbot && c.team.users[id] == nil {
		return c.strangerInfo(id)
	}
	return response{"user": c.userJSON(id)}, nil
}

// strangerInfo tells of a person of another workspace who is met in a shared channel: with their own team, and without an email.
func (c *call) strangerInfo(id UserID) (response, error) {
	p, home, meets := c.state.stranger(c.team, id, c.in.BotUserID)
	if p == nil {
		return nil, fail("user_not_found")
	}
	u := home.userJSON(p, false)
	u["is_stranger"] = !meets
	return response{"user": u}, nil
}
