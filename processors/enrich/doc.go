// Package enrich turns Slack's messages into context: it decides which of them are conversation of an associated and
// authorised channel, and adds author, account and deal from the Redis views.
//
//	slack.events, slack.history  ->  context.messages
//
// parse.go reads from an event what is needed and nothing else; decide.go holds the rules; lookup.go asks Redis once a batch.
package enrich
