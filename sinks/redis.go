package sinks

import (
	"errors"

	"github.com/redis/go-redis/v9"
)

// Failed returns the first error of a pipeline that is one. Exec reports the first error only, which a key that is absent is
// too: a node of a cluster that did not answer for a later command would otherwise look like one that holds nothing.
func Failed(cmds []redis.Cmder, err error) error {
	if !errors.Is(err, redis.Nil) {
		return err
	}
	for _, cmd := range cmds {
		if err := cmd.Err(); err != nil && !errors.Is(err, redis.Nil) {
			return err
		}
	}
	return nil
}
