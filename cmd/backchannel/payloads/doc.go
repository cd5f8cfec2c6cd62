// Package payloads posts what Slack sends, signed, to the events endpoint, and follows each through the processors: it ends as a row, as a
// control record, or ignored with a reason, and none in a dead-letter topic. The payloads are those of the simulator, those that others
// recorded (the folder that BACKCHANNEL_SLACK_PAYLOADS names), and unseen ones of the same kinds: each with every field in turn
// missing, null, empty or of another type.
package payloads
