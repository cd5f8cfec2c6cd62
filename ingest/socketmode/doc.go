// Package socketmode receives what Slack sends over WebSockets that we open (docs.slack.dev/apis/events-api/using-socket-mode), for
// those who have no public URL. What it takes is, record for record, what package events takes over HTTP.
//
// The promise is the same: an envelope is acknowledged only after Kafka has the event. Slack sends an unacknowledged event again, over
// any connection. An interaction it does not: its acknowledgement carries the answer, or is not sent, and the person sees that it failed.
//
// Several connections are kept, so that one may end. Slack ends each every few hours: with a warning some seconds before, or with none.
// Upon either, another is opened at once, and the old one goes on taking and acknowledging until Slack closes it. A connection on which
// nothing comes, not even an answer to our own ping, is given up: half-open sockets say nothing. At the end of the process no more is
// taken, what was taken is acknowledged, and the connections are closed with the farewell without which Slack counts a ghost.
//
// The client is ours, on gorilla/websocket; slack-go opens the connections (apps.connections.open). Its socketmode package was not taken,
// for what it does at v0.35: it treats every 'disconnect' alike, a warning too, and closes the connection before it opens the next, with
// what is in flight unacknowledged; why Slack disconnects is not told, so link_disabled and too_many_websockets lead to connecting
// again at once; it parses payloads into types, and one that does not parse is never seen as an event (ours keeps every byte); and it has no
// way to stop taking and acknowledge the rest. slack.md has its earlier faults (#1093, #1125).
package socketmode
