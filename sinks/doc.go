// Package sinks is the last tier: records in, effects out, idempotently.
//
// Delivery contract. A batch is written, then its offsets are committed, never before: a crash in between writes the
// batch again, and every sink gives the same answer for it (ClickHouse by row identity and version, Redis by the
// record's offset, Slack and email by the ledger). A store that is away stalls the sink with backoff. A batch that a
// store refuses for good is bisected until the bad record stands alone in the dead-letter topic; the rest is written.
//
// Package sinkstest is this contract as a test; each sink passes it.
//
// Sinks produce nothing but outcomes and dead letters, and read the Redis views that they need; only the views sink writes them.
package sinks
