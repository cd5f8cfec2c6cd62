// Package views keeps the Redis views of the control topics, and rebuilds them when Redis was lost.
//
// How far each partition has been applied is written in Redis itself, after the data (state.go): Redis loses both or
// neither. A write that finds the state elsewhere than where it left it starts over from what the state says; a state
// that is gone means from the beginning. While any partition has not caught up, the key schemas.ViewsCompleteKey is
// absent, and processors wait rather than look things up in half a view.
//
// Three guards, each for one failure:
//   - compare-and-set of the state: a Redis that was flushed, restored or failed over between two batches;
//   - the offset in every value: a paused replica that wakes up with an old batch after another has taken over;
//   - the topic's id in the state: a topic that was deleted and made again, whose offsets start anew.
package views
