// Package e2e runs the binary as a user does, from outside, over real protocols only: signed events by HTTP, control
// records and requests as plain JSON on topics, rows by SQL, DMs in the Slack simulator's own record.
//
// One scenario runs in two modes: against 'run all --embedded' (part of 'make test'), and, with the build tag real,
// against Apache Kafka, redis-server and ClickHouse's engine with the tiers as processes of their own ('make test-real').
package e2e
