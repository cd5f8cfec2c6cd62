// Package retention deletes from ClickHouse what an organization does not keep any longer, and what was deleted in Slack.
//
// The views hide it already: they compare with retention_policies, with the associations and with tombstones whenever somebody asks. So a run may come late, break off, run
// twice at once or follow a replay of topics that inserted rows again: answers are the same before and after, and what a replay brought goes with the next run.
// A run counts before it deletes, so that a mutation, which rewrites parts, happens only where there is something to delete.
//
// Deletions are mutations, and superseded versions of messages go by merges: both leave the former parts on disk until ClickHouse removes them (old_parts_lifetime,
// eight minutes).
package retention
