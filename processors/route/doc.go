// Package route decides what becomes of a notification request: by which channels its person gets it, or why not.
//
//	notification.requests  ->  notification.deliveries.slack, notification.deliveries.email, notification.outcomes
//
// lookup.go asks Redis once a batch; decide.go holds the rules, in the order of the product page's troubleshooting list.
package route
