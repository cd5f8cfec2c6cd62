// Package interactions answers what people do with what the app shows them in Slack: the button of the setup prompt, the modal that it
// opens, the searches of its selects, and its submission, which says of whose account a channel is the context
// (docs.slack.dev/interactivity/handling-user-interaction).
//
// Contract. Handle takes a payload as Slack sends it, by HTTP or in a Socket Mode envelope, and returns what to answer, within Slack's
// three seconds. A submission closes its modal only after the brokers have the association (acks=all); when they or the views are away
// the modal stays open and says so beside the field. Everything else that cannot be done is said to the person: in the modal, in one that
// explains, or by the payload's response_url, to that person alone. What is none of ours is acknowledged and counted, never an error.
//
// A payload's signature says that it is Slack's, and Slack says who acted and in whose installation. Nothing else of it is trusted: that
// the channel is one of the workspace that the app is in, that the person is matched to one of the organization who may associate, that
// account and deal exist and belong together is looked up each time.
package interactions
