// Package route decides what becomes of a notification request for one person: by which channels they get it and when, or
// why not.
//
//	notification.addressed  ->  notification.deliveries.…, notification.held, notification.outcomes
//
// lookup.go asks Redis once a batch; repeat.go recognises what was decided before; decide.go holds the rules, in the order of the
// product page's troubleshooting list; wait.go says when, by quiet.go (whose clock), caps.go (how many) and the request's group.
//
// All of an organization is in one partition, since processors/address makes it so: its owner counts exactly what the
// organization and each of its people get.
package route
