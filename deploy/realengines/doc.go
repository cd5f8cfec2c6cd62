// Package realengines starts real engines for tests and benchmarks: Apache Kafka from Maven, redis-server, Prometheus, and
// ClickHouse as chDB in a child process. Each listens on a free loopback port, keeps its data in the test's temporary
// folder, and ends with the test, or with the test's process if that is killed.
//
// A missing java, mvn, redis-server or prometheus fails the test with the name of what to install: a suite that skips
// what it cannot find proves nothing.
package realengines
