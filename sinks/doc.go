// Package sinks is the last tier: records in, effects out, idempotently.
//
// Delivery contract. A batch is written, then its offsets are committed, never before: a crash in between writes the
// batch again, and every sink gives the same answer for it (ClickHouse by row identity and version, Redis by the
// record's offset, Slack and email by the ledger). A store that is away stalls the sink with backoff. A batch that a
// store refuses for good is bisected until the bad record stands alone in the dead-letter topic; the rest is written.
//
// What a sink puts off waits in lanes (Definition.Lane): a workspace, a mail domain. What waits in one delays no other, however much
// it is. It lies where it is durable, in Kafka, before the committed offset; in memory there is an index of some 80 bytes a
// record, a million at most, and the records themselves only at the head of each lane. (Producing it anew elsewhere would break the
// order of a recipient and the rule that sinks produce outcomes and dead letters only; pausing partitions would stop everybody
// who shares them; Redis may be lost.) The price is paid at a restart: everything behind the first record that waits is read
// again, found in the ledger, and its outcome told again.
//
// Package sinkstest is this contract as a test; each sink passes it.
//
// Sinks produce nothing but outcomes and dead letters, and read the Redis views that they need; only the views sink writes them.
package sinks
