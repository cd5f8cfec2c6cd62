// Package clickhouse writes context, control tables and outcomes to ClickHouse, in columns.
//
// Every table is keyed by what a row is and versioned, so that writing a record again changes no answer
// (schemas/clickhouse). A record that does not parse is rejected alone; a batch that ClickHouse refuses is bisected by the
// runner; ClickHouse away, or its tables not migrated yet, means wait.
package clickhouse
