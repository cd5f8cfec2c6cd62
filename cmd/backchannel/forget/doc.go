// Package forget takes a person, a channel, an account or an organization out of what Backchannel keeps.
//
// First the compacted topics: the keys in question get tombstones, which end the sync, and take the Redis views and the control tables along. Then
// ClickHouse: rows are deleted by mutations, which rewrite the parts; ClickHouse removes the old parts some minutes later (old_parts_lifetime). Of a person's messages a
// marker without content stays, with the highest version there is: Slack has the messages still, and a poll that brought them again would else bring them back.
//
// Nothing is remembered between runs: what was forgotten is not found again, so that a run that broke off is run again. Topics that are not compacted end
// by their retention; the receipt says when.
package forget
