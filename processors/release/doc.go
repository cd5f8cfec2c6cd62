// Package release sends on what has waited long enough: quiet hours that have ended, a group's window, an hour's cap.
//
//	notification.held  ->  notification.deliveries.…, notification.outcomes; and tombstones on notification.held
//
// due.go asks the Redis view of its partitions what is due; merge.go makes one message of what waited as a group. A delivery
// and the tombstone of what it was made of are emitted in one transaction; processors/tick.go says why no two owners do it.
package release
