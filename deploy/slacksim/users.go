package slacksim

import (
	"encoding/json"
	"strings"
)

// userJSON is a person as users.info, users.list and events show them. What a deactivated account lacks is as recorded
// from Slack: colour, real name, time zone and roles.
func (t *team) userJSON(p *Person, email bool) map[string]any {
	u := map[string]any{
		"id": p.ID, "team_id": t.ID, "name": p.Name, "deleted": p.Deleted, "profile": t.profileJSON(p, email),
		"is_bot": p.IsBot, "is_app_user": false, "updated": p.Updated,
	}
	if p.Deleted {
		return u
	}
	more := map[string]any{
		"color": "9f69e7", "real_name": p.RealName, "tz": p.TZ, "tz_label": "Coordinated Universal Time", "tz_offset": 0,
		"is_admin": p.IsAdmin, "is_owner": p.IsOwner, "is_primary_owner": false, "is_restricted": p.IsRestricted,
		"is_ultra_restricted": p.IsUltraRestricted, "is_email_confirmed": p.Email != "", "who_can_share_contact_card": "EVERYONE",
	}
	for k, v := range more {
		u[k] = v
	}
	if !p.IsBot {
		u["has_2fa"] = false
	}
	if t.Enterprise != nil {
		u["enterprise_user"] = map[string]any{
			"id": p.ID, "enterprise_id": t.Enterprise.ID, "enterprise_name": t.Enterprise.Name, "is_admin": p.IsAdmin,
			"is_owner": p.IsOwner, "is_primary_owner": false, "teams": []TeamID{t.ID},
		}
	}
	return u
}

func (t *team) profileJSON(p *Person, email bool) map[string]any {
	first, last, _ := strings.Cut(p.RealName, " ")
	profile := map[string]any{
		"title": p.Title, "phone": "", "skype": "", "real_name": p.RealName, "real_name_normalized": p.RealName,
		"first_name": first, "last_name": last, "display_name": p.DisplayName, "display_name_normalized": p.DisplayName, "fields": nil, "status_text": "",
		"status_emoji": "", "status_emoji_display_info": []any{}, "status_expiration": 0, "avatar_hash": "g" + string(p.ID),
		"status_text_canonical": "", "team": t.ID,
	}
	for _, size := range []string{"24", "32", "48", "72", "192", "512"} {
		profile["image_"+size] = noImage
	}
	if email && p.Email != "" && !p.IsBot {
		profile["email"] = p.Email
	}
	if p.IsBot {
		profile["bot_id"], profile["api_app_id"], profile["always_active"] = p.BotID, p.AppID, true
	}
	return profile
}

// slackbotJSON is the member that no one made, which users.list shows as no bot.
func (t *team) slackbotJSON() map[string]any {
	u := t.userJSON(&Person{ID: slackbot, Name: "slackbot", RealName: "Slackbot", DisplayName: "Slackbot", TZ: "Etc/UTC"}, false)
	delete(u, "has_2fa")
	return u
}

// mustJSON encodes what is known to encode.
func mustJSON(v any) json.RawMessage {
	raw, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return raw
}
