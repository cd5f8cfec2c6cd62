package audit

import (
	"testing"

	conn "github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/bigmind/backchannel/deploy/apply/applytest"
	"github.com/bigmind/backchannel/deploy/embedded/chdb/chdbtest"
)

func TestMain(m *testing.M) { chdbtest.Main(m, nil) }

// engine is a real ClickHouse with the tables of the product.
func engine(t *testing.T) conn.Conn {
	t.Helper()
	return applytest.Database(t, chdbtest.Engine(t, t.TempDir()), "backchannel")
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
