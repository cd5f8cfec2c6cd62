// Package setup keeps setup prompts true: it notes where a prompt was posted (setup.prompts), has the message updated when the channel's
// association changes, whoever changed it, and has it posted in the channel when Slack would not take it for the person.
//
// An update names no content. The Slack sink writes what the views say when it makes the update, and waits until they show the record
// that the update follows: whatever the order in which updates are made, the last says what is so. All deliveries of a prompt have one key
// and so keep their order.
//
// A channel can be associated while its prompt is being posted: the record then finds no prompt. So each prompt that was posted is followed
// by an update that is made if the channel is associated by then. What remains is an association that the views show later than the prompt
// that came after it, which takes two replicas of the views sink; the next change of the association mends the message.
//
// lifecycle emits the prompts; see processors/lifecycle/prompt.go for when and to whom.
package setup
