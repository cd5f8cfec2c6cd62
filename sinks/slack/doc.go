// Package slack posts deliveries as direct messages, once each; and setup prompts, to a person or into a channel, which it updates.
//
// deliver.go is the way of one delivery: ledger, budget, open the DM, post, ledger, outcome. lookup.go asks Redis once a
// batch for everything that the batch needs; package ledger holds the entry that brackets a post; limit.go the budgets shared by
// all replicas; errors.go what Slack's answers mean; render.go what the person sees.
//
// A setup prompt goes the same way (prompt.go, promptlookup.go, promptrender.go). Its update is a delivery of its own, which names the message that
// the views say is the channel's prompt, and says what they say of its association once they show the record that the update follows: so updates
// may be made late, twice or out of order. A prompt is not posted when the channel is associated by then. Should a crash leave it unknown whether
// Slack took a prompt, it is posted again with the same client_msg_id: no prompt at all would be the worse end.
//
// suspend.go leaves workspaces alone whose installation Slack refuses, until its record is another. thread.go finds the earlier
// message of a thread.
//
// A delivery that may not be posted now (the recipient's second is not over, Slack told this workspace to wait) is
// deferred; deliveries to others go on.
package slack
