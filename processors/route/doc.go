// Package route decides what becomes of a notification request: who gets it, by which channels and when, or why not.
//
//	notification.requests   ->  notification.deliveries.…, notification.held, notification.outcomes
//	                            notification.addressed  ->  the same
//
// A request names people by directory user id, by email, or by role: somebody's manager, the owner of an account or a deal. find.go
// and lookup.go find them, the latter with all else that matters, which it asks Redis once a batch; repeat.go recognises what was
// decided before; decide.go holds the rules, in the order of the product page's troubleshooting list; wait.go says when, by
// quiet.go (whose clock), caps.go (how many) and the request's group; emit.go makes the records. Every person of a request who
// cannot be found has an outcome; the others get it all the same.
//
// All of an organization is decided by one owner, who counts exactly what the organization and each of its people get, whichever
// clients ask and with whatever keys. A request that is in its organization's partition is decided at once. Of one that is not, a
// request for each of its people goes to the organization's partition of notification.addressed, which the same owner reads
// (processors.Repartition).
package route
