package history

import (
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

// The alert on a backfill that stalls looks for pages that were read. A process that never read one has to say so.
func TestThatNoPageWasReadIsExported(t *testing.T) {
	if n := testutil.CollectAndCount(newMetrics(prometheus.NewRegistry()).calls); n != 2 {
		t.Errorf("%d series of calls before the first, want those of 'ok' of both methods", n)
	}
}
