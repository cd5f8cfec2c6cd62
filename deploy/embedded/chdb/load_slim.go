//go:build slim

package chdb

import "errors"

// openLibrary refuses: a program that can load libraries is none that runs without a libc, which is what the tag slim is for (deploy/Dockerfile).
func openLibrary(string) (*library, error) {
	return nil, errors.New("this build has no embedded ClickHouse: set clickhouse-url to a server of your own, or use a build without the tag slim")
}
