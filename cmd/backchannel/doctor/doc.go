// Package doctor goes through everything that has to hold for Backchannel to work, and says of each thing whether it does, the fact, and what
// to do: configuration, Kafka, Redis, ClickHouse, Slack, mail, clocks; or for a person or a channel the product page's lists, which are
// ingest/diagnose's. It changes nothing. What cannot be told because something else is away is unknown, so that one cause is one ✗.
package doctor
