// Package processorstest is the contract of the processors tier as a test: what every Processor must do with a batch,
// with a batch that comes again, with a Redis that is away and with views that are not rebuilt. It also holds the Redis
// that such tests need.
package processorstest
