// Package history reads the history of associated channels, again and again: it brings what was said before, finds what no event delivered, and can
// say from when to when a channel is complete.
//
//	channel.associations, slack.channels, sync.requests (as views)  ->  slack.history, sync.checkpoints
//
// # A worker
//
// One goroutine a workspace, of the replica to which the workspace falls by its hash (replicas.go). A replica says every 5 s that it lives; what it had is
// others' 20 s after it has died, or at once when it gives it back. Who takes a workspace over keeps to its channels' schedule;
// only after a time in which nobody polled is everything read at once. A worker asks for pages one by one, each within the budget that all replicas share
// (budget.go), and up to four at a time. What to ask for next is the most urgent of what its channels want (channel.go), and among equals what was
// served longest ago: a channel of a hundred thousand messages has no more turns than one of ten.
//
// # What is written, and when
//
// After each page: its messages to slack.history; then, with acks=all behind us, what the page says of threads (Redis), and then the channel's
// checkpoint. Whoever dies in between costs one page that is asked for again. A checkpoint says which stretches are known completely. A stretch is claimed
// only down to the last message that was seen, or to the window's start when Slack says that there is no more; and only up to guard before the request,
// since Slack's readers may be behind its writers. Paging goes on by ts: the upper bound of the next request is the last ts that was seen. Slack's cursors,
// which expire and repeat, serve for nothing but pages that are empty and not the last.
//
// # What is read again
//
// Each visit to a channel begins at the newest message. The n-th visit reads as many pages as the largest power of two that divides n: so a message is read
// again at intervals that grow with its age, a small channel is read whole every time, and all of a large one costs log n pages a visit. Where the budget allows it, everything is read at least once a day. How soon the next
// visit is depends on how long nobody has talked. An hour that reads as it did when it was published is not published again (prints.go).
//
// A reply shows in no page of history; that its root's latest_reply or reply_count has moved does. The table of threads (threads.go) has every root, whatever
// its age, with what it was when its thread was last read. Those that moved are read, newest root first; those that stand still are read again after a
// quarter of the time that they have stood, but at least once a day, or as often as half of the budget allows, since an edit of a reply moves nothing. The table is coordination: a channel whose table is lost
// is read whole again.
//
// # Deletions that nobody told of
//
// With its messages each page writes a window: all ts that Slack has in the stretch. Who holds rows (sinks/clickhouse) deletes those of the stretch that the
// window does not list; and, of a window that says what has replies, those to what has none: a root whose last reply was deleted looks as if it never had
// one. Windows say so when all of a channel is read. Only there it is known what we have, also of what came by events; and the record makes the same of
// the same rows, however often and in what order it is applied. A window's version, and that of every polled message, is the time as of which Slack's answer held (as_of): events from before
// are in the answer, events from after have higher versions. So a message that was posted while the page was read is not deleted by it; a deletion that
// was inferred wrongly gives way to the next sighting, which is as of later; and a bot's edit that bears no mark of one still wins over what it
// replaces. A live event of a message that Slack no longer has, which came so late that the window was applied before, is found by the next window:
// windows of the newest page are written once an hour although nothing has changed, and those of older pages each time.
//
// # Ends
//
// What the views forbid (not associated, not authorised, archived, the app not in the channel) stops a channel at once, and starts it where it was. What
// Slack refuses stops it with the same reasons until the views change, or for an hour. A token that is refused stops the workspace. Each is in the
// checkpoint. After a time in which enrich kept nothing, everything is read and published again: of what was published just before, nobody knows what became.
package history
