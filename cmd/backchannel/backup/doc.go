// Package backup copies what is truth into a folder, and brings it back into an empty system.
//
// Truth is what nothing else could tell again: the compacted control topics, with the sealed tokens, checkpoints and held notifications; what is under way, on the topics that are
// not private, with how far each consumer group has got; and the rows of ClickHouse, of which Kafka has only the last three days. Not in a backup: slack.events and
// slack.history, which hold what nobody opted in to; Redis, which is a view; the keys that open tokens; and of a compacted topic what a later record or a tombstone has ended.
//
// Order makes it consistent. Groups are asked how far they are, then topics are read up to where they end, then tables are read. So whatever a group has finished is in the
// copy, and what it had not finished is done again, to the same effect, as after a kill. Of each key there is the last record before the end, in the order of the topic.
//
// A folder has its name when it is complete, manifest included. A restore that broke off is run again with Overwrite.
package backup
