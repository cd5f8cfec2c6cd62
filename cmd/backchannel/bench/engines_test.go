//go:build bench

package bench

import (
	"testing"

	"github.com/bigmind/backchannel/deploy/realengines"
)

// engines starts Apache Kafka, redis-server and ClickHouse's engine, and returns their addresses.
func engines(t *testing.T) (kafka, redis, clickhouse string) {
	t.Helper()
	return realengines.StartKafka(t).Addr(), realengines.StartRedis(t).Addr(), "http://" + realengines.StartClickHouse(t).Addr() + "/backchannel"
}
