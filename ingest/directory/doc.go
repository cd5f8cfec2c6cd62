// Package directory keeps slack.users and slack.channels true by asking Slack: all pages of users.list, and of conversations.list
// where channel sync is authorised, when a workspace is installed and on a schedule. What changes in between is told by events.
//
// It follows slack.installations. Each workspace is one replica's at a time (a lease in Redis), within one budget (Redis, GCRA). After
// each page, which is in Kafka by then, it notes the cursor: a process that is killed costs one page. Cursors expire, come again,
// and end in several ways (docs.slack.dev/apis/web-api/pagination); the worst that follows is another pass from the start.
package directory
