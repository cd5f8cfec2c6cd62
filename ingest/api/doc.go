// Package api is the JSON API of an organization, under /api/v1: who manages associations, preferences and settings by machine, and asks what
// became of notifications. openapi.json describes it; it is generated from these handlers ('make generate'), and README.md says how to use it.
//
// Every operation is declared by route, with who may use it: a token's role decides, and the organization is always the token's own. Nothing of
// a request chooses another; what belongs to another organization is not found. Changes are control records. A write answers when the brokers
// have it and the views show it, or with 202 when the latter takes longer than a moment.
//
// Errors are problem+json (RFC 9457). What somebody has to mend is 4xx with a sentence; an engine that is away is 503 with Retry-After.
package api

//go:generate go run ./generate
