// Package address finds the people whom a notification request means, and makes a request of each.
//
//	notification.requests  ->  notification.addressed, notification.outcomes
//
// A request names people by directory user id, by email, or by role: somebody's manager, the owner of an account or a deal.
// This is a step of its own since a person's notifications must be decided in one place, however they were named, by
// whichever client and with whatever key: it counts what the person and the organization get in an hour. So
// notification.addressed is keyed by organization, and by us.
//
// Every person of a request who cannot be found has an outcome; the others have it all the same.
package address
