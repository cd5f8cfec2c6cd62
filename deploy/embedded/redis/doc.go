// Package redis runs a Redis server inside the process: miniredis on a real port, with a clock and a memory.
//
// # Clock
//
// miniredis leaves expiry to its user. Here it runs by the wall clock: a key never expires early, and late by at most the pace of the
// ticker (a tenth of a second, or fifty times what one tick took up to a second; TTL and PTTL answer as much too high). TIME, also
// in scripts, is the machine's. Expiry of single hash fields (HEXPIRE) can be early by as much.
//
// # Memory
//
// What can be rebuilt from Kafka is not kept. Keys that begin with one of Options.Persist are: before a command that wrote them is
// answered, the state that resulted is in the file coordination.aof, so it survives the death of the process (kill -9 included); the
// file is synced to disk once a second, so a power cut can lose the last second of it, as with Redis' appendfsync everysec.
//
// The file holds states, not commands: a conditional SET that did not take effect, an INCR, a script, a transaction each log what their
// keys hold afterwards, with absolute expiry. Replaying it therefore needs no clock and repeats no condition. It is in the form of
// Redis' own append-only file, one transaction for what one command or script wrote, and is rewritten at start without what was
// overwritten, deleted or has expired.
//
// Commands that the log understands are those on strings and hashes (see writers); any other that would write a kept key is refused,
// also from a script, as is any database but 0, like in a Redis Cluster. FLUSHALL and FLUSHDB empty the file.
//
// When the file cannot be written, the command is answered with MISCONF although it took effect in memory: like a broken connection, it
// leaves the client in doubt. Further writes to kept keys are refused before they take effect, until the file can be written again.
//
// # What it is not
//
// A Redis for production: one lock, no replication, INFO without most of its sections, no CONFIG or ACL, scripts about ten times slower
// than redis-server's (2,800 GCRA decisions a second against 29,000).
package redis
