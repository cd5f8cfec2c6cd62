// Package forget takes a person, a channel, an account or an organization out of what Backchannel keeps.
//
// First the compacted topics: the keys in question get tombstones, which end the sync, and take the Redis views and the control tables along; what the views cannot know
// of whom a tombstone takes away, indexes by email, is deleted from Redis by name. Then
// ClickHouse: rows are deleted by mutations, which rewrite the parts; ClickHouse removes the old parts some minutes later (old_parts_lifetime). Of a person's messages a
// marker without content stays, with the highest version there is: Slack has the messages still, and a poll that brought them again would else bring them back.
//
// Nothing is remembered between runs: a run that broke off is run again. What leads to the rest, the records of a person and the rows of an account's associations, goes
// last, so that it is found again. Topics that are not compacted end
// by their retention; the receipt says when.
package forget
