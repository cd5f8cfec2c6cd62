// Package lifecycle turns what Slack tells of a workspace into control records: that the app was uninstalled or its token revoked,
// that people joined and changed, and what becomes of the channels that it is in; and asks for the account of a channel that it was added to.
//
// Each record is a full statement, made from the event and from the installation as the Redis views show it, so that processing an
// event again states the same again. The views may lag behind what was emitted a moment ago. Ending an installation twice ends it once, and an
// event that is older than the token that stands (Slack sends some late) ends nothing. A channel's record keeps what the event does not say: as the
// views have it or, if that is newer, as it was stated a moment ago by the same process (recent.go). What falls between two owners of a partition
// within the views' lag is mended when Slack's lists are read again (ingest/directory).
//
// # The setup prompt
//
// An addition is a member_joined_channel of our bot in a workspace that authorised channel sync. It has one prompt (prompt.go), emitted with the
// channel's record and named for the event: whatever comes again is the same delivery, which the Slack sink's ledger makes once. Another
// addition has another event_ts and so another prompt. A channel that is associated has none; it may have been from the console, or from before.
//
// A channel that only Slack's lists show has none either. They do not tell an addition whose event was lost from a channel that the
// app has been in since before channel sync was authorised, nor who added it, nor when: a prompt could only go into the channel, where customers may
// read it, up to a day late, and in all channels at once when sync is authorised. Such a channel is associated from the Channels tab, or asks when
// the app is removed and added again.
package lifecycle
