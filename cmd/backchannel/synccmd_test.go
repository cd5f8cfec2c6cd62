package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/bigmind/backchannel/schemas"
)

func TestCoverageForPeople(t *testing.T) {
	now := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	ts := func(ago time.Duration) schemas.TS { return schemas.TSOf(uint64(now.Add(-ago).UnixMicro())) }
	const day = 24 * time.Hour
	half := schemas.SyncCheckpoint{
		TeamID: "T1", ChannelID: "C1", WindowStart: ts(90 * day), Oldest: ts(45 * day), Newest: ts(0), Status: schemas.SyncBackfilling,
		Intervals: []schemas.SyncInterval{{From: ts(45 * day), To: ts(0)}}, EndsAt: now.Add(3 * time.Hour),
	}
	threads := half
	threads.Threads, threads.ThreadsPending = 10, 10
	nearly := half
	nearly.Intervals, nearly.Threads, nearly.ThreadsPending = []schemas.SyncInterval{{From: ts(90 * day), To: ts(0)}}, 1000, 1
	for _, tt := range []struct {
		name  string
		cp    schemas.SyncCheckpoint
		found deliveries
		want  []string
	}{
		{"half", half, nil, []string{"  -  ", "[##########..........]  50%", "2026-10-11", "ends in about 3 hours"}},
		{"nothing was lost", half, deliveries{"T1/C2": {5, 5}}, []string{"  0  "}},
		{"one gap", half, deliveries{"T1/C1": {3, 1}}, []string{"3 in 1 gap "}},
		{"gaps", half, deliveries{"T1/C1": {3, 2}}, []string{"3 in 2 gaps"}},
		{"threads wait", threads, nil, []string{" 25%"}},
		{"one thread waits", nearly, nil, []string{" 99%"}},
		{"complete", schemas.SyncCheckpoint{Complete: true, Status: schemas.SyncComplete}, nil, []string{"[####################] 100%", "complete"}},
		{"complete, a thread has moved", schemas.SyncCheckpoint{WindowStart: ts(day), Status: schemas.SyncComplete, Threads: 2, ThreadsPending: 1}, nil, []string{"] 100%"}},
		{"stopped", schemas.SyncCheckpoint{Status: schemas.SyncStopped, Reason: schemas.ChannelArchived}, nil, []string{"[....................]   0%", "stopped: channel_archived"}},
		{"not begun", schemas.SyncCheckpoint{}, nil, []string{"  0%", "backfilling"}},
	} {
		var out bytes.Buffer
		if err := printCoverage(&out, []schemas.SyncCheckpoint{tt.cp}, tt.found, now); err != nil {
			t.Fatal(err)
		}
		for _, want := range tt.want {
			if !strings.Contains(out.String(), want) {
				t.Errorf("%s: %q is not in\n%s", tt.name, want, out.String())
			}
		}
	}
}

func TestDates(t *testing.T) {
	for text, ok := range map[string]bool{"2026-09-01": true, "2026-09-01T08:00:00Z": true, "": false, "yesterday": false, "0001-01-01": false, "2026-13-01": false} {
		if _, err := parseDate(text); (err == nil) != ok {
			t.Errorf("%q: %v", text, err)
		}
	}
}
