// Package chdb is the embedded ClickHouse: the real engine as a library (chDB's libchdb, loaded without cgo) behind
// ClickHouse's HTTP interface, so that clickhouse-go, curl and every other HTTP client reach it as they reach a server.
//
// [Ensure] brings the library. [Start] runs the engine in a child process and keeps it running; the child calls
// [RunChild]. [Serve] runs it in the calling process.
//
// What an answer promises: an INSERT that was answered with 200 is on disk, fsynced, and survives a kill -9 of the engine.
// One that was not answered may or may not be there, as a whole block or not at all.
//
// What it is not: see README.md in this folder.
package chdb
