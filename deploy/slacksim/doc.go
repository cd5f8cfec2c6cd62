// Package slacksim is a Slack to test against: workspaces, people, channels and apps, the Web API and the Events API in
// Slack's own shapes, a control API that drives it, and a page that shows it.
//
// Nobody may load-test slack.com, so what Backchannel promises rests on this package. It therefore errs on the hard side:
// it limits, refuses, repeats and gives up as Slack does, and where Slack only says "may", it does. It keeps its own
// record of what was said and posted, which tests and the demo compare the pipeline with.
//
// How it holds together: a command (of the control API or of a Web API method) checks its input under one lock, then
// commits a change. A change is written to the journal as one line, applied to the state, and turned into deliveries,
// in that order; replaying the journal gives the same state and the deliveries that were still under way. So what was
// answered survives kill -9 (of the process; the journal is not synced against a power cut), and an event that was
// accepted but not yet noted is delivered again, as Slack does when it loses an answer.
//
// To change a Web API method, read webapi.go; the shapes of messages are in wire.go, the events a change causes in
// events.go, their delivery in deliver.go, the rules of Block Kit in blockschema.go, what a change does to the state in apply.go, and the control API in control.go.
package slacksim
