// Package realengines starts the engines that production uses, for tests and benchmarks: Apache Kafka (one broker or a
// cluster), redis-server, Prometheus, and ClickHouse's engine. Each listens on free loopback ports, keeps its data in a
// folder of the test, and is gone when the test is, also when the test binary is killed.
//
// Kafka comes from Maven at first use and is kept in the user's cache; the others have to be installed. What is missing
// fails the test with a sentence that says what to install: a test of real engines that skips itself proves nothing.
package realengines
