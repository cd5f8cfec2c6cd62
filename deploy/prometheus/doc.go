// Package prometheus holds recording rules, alerts and their tests; everything in it is YAML but the tests that hold it together.
package prometheus

//go:generate go run ./generate
