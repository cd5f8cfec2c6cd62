// Package slack posts deliveries as direct messages, once each.
//
// deliver.go is the way of one delivery: ledger, budget, open the DM, post, ledger, outcome. lookup.go asks Redis once a
// batch for everything that the batch needs; package ledger holds the entry that brackets a post; limit.go the budgets shared by
// all replicas; errors.go what Slack's answers mean; render.go what the person sees.
//
// A delivery that may not be posted now (the recipient's second is not over, Slack told this workspace to wait) is
// deferred; deliveries to others go on.
package slack
