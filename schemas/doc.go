// Package schemas holds the contracts of Backchannel: every name and every byte that crosses Kafka, Redis or ClickHouse.
//
// Which file to read for which change:
//
//   - a topic, its key, partitions or retention: topics.go
//   - what a record says: installation.go, directory.go, association.go, notification.go, slackevent.go, contextmessage.go
//   - why something was dropped, rejected, suppressed or failed: reasons.go
//   - which notifications exist: catalogue.go
//   - what Redis holds: views.go
//   - what ClickHouse holds: clickhouse/*.sql; tables.go reads them
//
// The package holds no client, clock, logger or retry. Records are JSON so that kcat shows them and any upstream can
// write them; jsonschema/ and asyncapi.json are generated from the Go types (go generate ./schemas).
package schemas

//go:generate go run ./generate
