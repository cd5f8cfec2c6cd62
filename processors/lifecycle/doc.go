// Package lifecycle turns what Slack tells of a workspace into control records: that the app was uninstalled or its token revoked,
// that people joined and changed.
//
// Each record is a full statement, made from the event and from the installation as the Redis views show it, so that processing an
// event again states the same again. The views may lag behind what was emitted a moment ago; that is safe here, since ending an
// installation twice ends it once, and an event that is older than the token that stands (Slack sends some late) ends nothing.
package lifecycle
