// Package ingest is the first tier: what the outside says becomes a Kafka record.
//
// Delivery contract. Slack is told 200 only after the brokers have the event (acks=all, idempotent producer). When they
// do not answer in time Slack is told 503 and sends again; the same event may then be on the topic twice, and is one row
// in the end, because a row is what a message is and not what was delivered. Ingest interprets nothing: every signed
// event is kept as it came, known or not.
//
// events/ receives the Events API over HTTP, socketmode/ over WebSockets. Each further way in is a package beside them that publishes
// through Publisher.
package ingest
