// Package processors is the middle tier: records in, records out, in one Kafka transaction.
//
// Delivery contract. A batch is consumed (read committed), processed, its output produced and its offsets committed in
// one transaction: a crash at any instant aborts all of it, and the batch is processed again by whoever owns the
// partition next. Nothing is emitted twice and nothing is skipped. A record that can never succeed goes to the
// dead-letter topic of its source in the same transaction. A processor that cannot work now (Redis away, views not
// rebuilt) returns an error; the runner waits, says so, and tries the same batch again: it drops nothing.
//
// Steps are plain: they count no metric, loop no retry and commit nothing. The runner does (runner.go).
package processors
