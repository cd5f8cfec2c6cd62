// Package lifecycle turns what Slack tells of a workspace into control records: that the app was uninstalled or its token revoked,
// that people joined and changed, and what becomes of the channels that it is in.
//
// Each record is a full statement, made from the event and from the installation as the Redis views show it, so that processing an
// event again states the same again. The views may lag behind what was emitted a moment ago; that is safe here, since ending an
// installation twice ends it once, and an event that is older than the token that stands (Slack sends some late) ends nothing.
// A channel's record keeps what the event does not say as the views have it: of two events within the views' lag the first one's part may
// be missing from the second's record, until Slack's lists are read again (ingest/directory).
package lifecycle
