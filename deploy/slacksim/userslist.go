package slacksim

import (
	"encoding/base64"
	"strings"
)

var usersListArgs = argSpec{"cursor": argString, "limit": argNumber, "include_locale": argBool, "team_id": argString}

// maxUsersPage is the most that users.list gives at once ("under 1000").
const maxUsersPage = 999

// usersList answers users.list: a page of members, Slackbot first, in the order in which they came.
func usersList(c *call) (response, error) {
	limit, err := c.args.number("limit")
	if err != nil {
		return nil, err
	}
	if limit > 1000 {
		return nil, fail("invalid_limit")
	}
	if team := TeamID(c.args.str("team_id")); team != "" && team != c.team.ID {
		return nil, fail("team_access_not_granted")
	}
	all := append([]UserID{slackbot}, c.team.userOrder...)
	start, ok := userCursor(all, c.args.str("cursor"))
	if !ok {
		return nil, fail("invalid_cursor")
	}
	end := len(all)
	if limit > 0 {
		end = min(start+min(limit, maxUsersPage), end)
	}
	members := make([]map[string]any, 0, end-start)
	for _, id := range all[start:end] {
		members = append(members, c.userJSON(id))
	}
	next := ""
	if end < len(all) {
		next = base64.StdEncoding.EncodeToString([]byte("user:" + string(all[end])))
	}
	return response{
		"members": members, "cache_ts": c.now().Unix(), "response_metadata": map[string]any{"next_cursor": next},
	}, nil
}

// userCursor finds where a page begins: Slack's cursors are base64 of user:<id>.
func userCursor(all []UserID, cursor string) (int, bool) {
	if cursor == "" {
		return 0, true
	}
	raw, err := base64.StdEncoding.DecodeString(cursor)
	if err != nil {
		return 0, false
	}
	id, ok := strings.CutPrefix(string(raw), "user:")
	if !ok {
		return 0, false
	}
	for i, u := range all {
		if string(u) == id {
			return i, true
		}
	}
	return 0, false
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
		return nil, fail("user_not_found")
	}
	return response{"user": c.userJSON(id)}, nil
}
