package sinks

import (
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/bigmind/backchannel/schemas"
)

// Time to deliver runs from the request, or from when it had waited long enough by its recipient's own wish.
func TestOutcomesTellHowLongDeliveryTook(t *testing.T) {
	at := time.Date(2026, 11, 26, 9, 0, 0, 0, time.UTC)
	reg := prometheus.NewRegistry()
	m := NewMetrics(reg)
	for _, o := range []schemas.Outcome{
		{Channel: schemas.BySlack, Status: schemas.Delivered, RequestedAt: at, At: at.Add(time.Second)},
		{Channel: schemas.BySlack, Status: schemas.Delivered, RequestedAt: at.Add(-8 * time.Hour), ReleasedAt: at, At: at.Add(2 * time.Second), Ambiguous: true},
		{Channel: schemas.BySlack, Status: schemas.Delivered, RequestedAt: at.Add(-time.Hour), ReachableAt: at, At: at.Add(4 * time.Second)}, // its workspace was to be connected again
		{Channel: schemas.BySlack, Status: schemas.Delivered, RequestedAt: at, ReachableAt: at.Add(-time.Hour), At: at.Add(8 * time.Second)},
		{Channel: schemas.BySlack, Status: schemas.Delivered, RequestedAt: at, MergedInto: "another", At: at.Add(time.Hour)},
		{Channel: schemas.BySlack, Status: schemas.Delivered, At: at}, // a setup prompt: nobody requested it
		{Channel: schemas.ByEmail, Status: schemas.Failed, Reason: schemas.EmailRefused, RequestedAt: at, At: at.Add(time.Minute)},
	} {
		m.Concluded(&o)
	}
	want := `
# HELP backchannel_sinks_ambiguous_outcomes_total Outcomes of deliveries of which it is not known whether an earlier attempt had arrived: the person may have the message twice, or with ` + "`silence`" + ` not at all.
# TYPE backchannel_sinks_ambiguous_outcomes_total counter
backchannel_sinks_ambiguous_outcomes_total{channel="email"} 0
backchannel_sinks_ambiguous_outcomes_total{channel="slack"} 1
# HELP backchannel_sinks_outcomes_total Outcomes of deliveries by channel (` + "`slack`, `email`), status (`delivered`, `expired`, `failed`" + `) and reason.
# TYPE backchannel_sinks_outcomes_total counter
backchannel_sinks_outcomes_total{channel="email",reason="email_refused",status="failed"} 1
backchannel_sinks_outcomes_total{channel="slack",reason="",status="delivered"} 6
`
	if err := testutil.GatherAndCompare(reg, strings.NewReader(want), "backchannel_sinks_ambiguous_outcomes_total", "backchannel_sinks_outcomes_total"); err != nil {
		t.Error(err)
	}
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() != "backchannel_sinks_delivery_seconds" {
			continue
		}
		if len(f.GetMetric()) != 1 || f.GetMetric()[0].GetHistogram().GetSampleCount() != 4 || f.GetMetric()[0].GetHistogram().GetSampleSum() != 15 {
			t.Errorf("delivery took %v, want 4 deliveries by Slack of 15 s together", f)
		}
		return
	}
	t.Error("no time to deliver is exported")
}
