// Package replay makes the messages of ClickHouse again from what Kafka still has, beside those that are there, so that the two can be compared and then changed places.
//
// The shadow is a database of its own with all tables and views. What was received before a time is copied from the live one; what is on the topics since that time goes
// the way of the live records: slack.events and slack.history through enrich, with the views as they are now, and then all of it through the ClickHouse sink. Nothing is
// produced, no consumer group is joined, and no live table is written to before Switch.
//
// How far it is stands as the committed offsets of a group of its own, which has no members: a run that broke off goes on there, and one that is finished goes on with what
// came since. A batch that was written and not noted is written again, to the same rows.
package replay
