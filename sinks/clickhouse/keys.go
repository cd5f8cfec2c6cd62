package clickhouse

import "github.com/bigmind/backchannel/schemas"

// The keys that control records must have, from their values.

func associationKey(v *schemas.ChannelAssociation) schemas.Key {
	return schemas.TeamChannelKey(v.TeamID, v.ChannelID)
}

func accountKey(v *schemas.Account) schemas.Key { return schemas.OrgKey(v.OrgID, v.AccountID) }

func dealKey(v *schemas.Deal) schemas.Key { return schemas.OrgKey(v.OrgID, v.DealID) }

func directoryUserKey(v *schemas.DirectoryUser) schemas.Key { return schemas.OrgKey(v.OrgID, v.UserID) }

func slackUserKey(v *schemas.SlackUser) schemas.Key { return schemas.TeamUserKey(v.TeamID, v.UserID) }

func channelKey(v *schemas.SlackChannel) schemas.Key {
	return schemas.TeamChannelKey(v.TeamID, v.ChannelID)
}
