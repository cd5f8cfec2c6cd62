// Package kafka runs a Kafka broker inside the process: franz-go's kfake with a data directory, on a real port.
//
// # What it promises
//
// Idempotent and transactional produce, consumer groups of both protocols, compaction, retention and DescribeConfigs work as on
// Apache Kafka, so kcat, franz-go and librdkafka need no special case. What was acknowledged survives the death of the process
// (kill -9 included): records, committed offsets, topics, and committed transactions. A transaction that was open is aborted at
// the next start.
//
// Acknowledged writes are in the operating system's page cache, as with Apache Kafka's own default (log.flush.interval.messages
// is unset there): a power cut can lose the last of them. kfake can fsync every batch instead (SyncWrites). On a 2-core machine with
// an NVMe-class disk that made one producer, one record at a time, slower from 27,000 to 2,600 records/s (median 0.03 ms to
// 0.36 ms), and sixteen of them from 39,000 to 3,800, since kfake is one loop that waits for the disk. There is no second machine
// that would go on with what this one synced, so it is off.
//
// # What it is not
//
// One process, one broker, no replication: a default for one machine and for tests, not a broker for production. Where it is less than
// Apache Kafka:
//
//   - message.timestamp.type=LogAppendTime is accepted and described, but a record keeps the timestamp of its producer.
//   - A disk that is full answers UNKNOWN_SERVER_ERROR.
//   - Death between the markers of one transaction, a matter of microseconds, can leave it committed in one partition and
//     aborted in another; its offsets are then not committed, so its input is processed again: twice, never lost.
//   - The window of sequence numbers of an idempotent producer is kept by an orderly Close only: a producer of another process that
//     retries a batch across a kill -9 can write it twice.
//
// # What is mended here
//
// kfake's own housekeeping is written for tests. This package runs it itself, see tidy.go, and mends at start what a sudden
// death can leave behind, see repair.go.
package kafka
