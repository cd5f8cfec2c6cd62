// Package search finds accounts and deals by what a person types, in the index that the views sink keeps (schemas/search.go).
//
// A query is split at spaces. Each of its terms must begin a word of the name, or a part of a domain; accents and case do not
// matter. The best come first: the name itself, the domain itself, a name that begins so, a name with a later word that begins so, then
// what matches by words apart or by a domain; among equals in the order of the alphabet. A query is one round trip.
//
// Of two or more terms the rarest is walked through and compared with the others, up to a bound: terms that are all common in an
// organization of many thousands, and rarely together, may hide some until more is typed.
package search
