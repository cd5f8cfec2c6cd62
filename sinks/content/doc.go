// Package content reads what a notification says, which is somebody else's text, so that it can be shown: cleaned of what the
// eye does not see (clean.go), as a tree instead of markup (markdown.go), with links that lead where they say (link.go),
// and cut between characters (cut.go).
//
// Sinks write the tree in their own markup and escape as it wants: Slack's mrkdwn (sinks/slack), HTML and plain text (here).
package content
