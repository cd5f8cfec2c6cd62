// Package demo runs the main job for a person to watch: a simulated customer workspace in which people talk, edit,
// delete and answer in threads, while an upstream system sends notifications. At the end it compares ClickHouse, row by
// row, with the simulator's own record of what was said, and the DMs with what was asked for.
//
// It is an outsider to the pipeline: it speaks to Slack's simulator, to Kafka as an upstream does, and to ClickHouse as
// an analyst does.
package demo
