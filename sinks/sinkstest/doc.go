// Package sinkstest is the contract of the sinks tier as a test: what every Sink must do with records it takes, records
// that can never succeed, a store that is away, and a batch that comes again. It also holds what such tests need: a broker
// that speaks the real protocol, and a runner that is stopped with the test.
package sinkstest
