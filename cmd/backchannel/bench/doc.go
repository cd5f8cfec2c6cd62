// Package bench measures the two hot steps against what they cannot do without, in one interleaved run against real
// engines: enrich against a bare transactional copy of the same records, and the ClickHouse sink against bare columnar
// inserts of the same rows. Run by 'make bench'; the code is in test files, since it may import every room.
//
// Each contender is a process of its own, so that its CPU time and peak memory are its own. What counts is CPU: rates
// wander on shared machines.
package bench
