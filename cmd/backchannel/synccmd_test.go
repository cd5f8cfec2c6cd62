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
		name string
		cp   schemas.SyncCheckpoint
		want []string
	}{
		{"half", half, []string{"[##########..........]  50%", "2026-10-11", "ends in about 3 hours"}},
		{"threads wait", threads, []string{" 25%"}},
		{"one thread waits", nearly, []string{" 99%"}},
		{"complete", schemas.SyncCheckpoint{Complete: true, Status: schemas.SyncComplete}, []string{"[####################] 100%", "complete"}},
		{"stopped", schemas.SyncCheckpoint{Status: schemas.SyncStopped, Reason: schemas.ChannelArchived}, []string{"[....................]   0%", "stopped: channel_archived"}},
		{"not begun", schemas.SyncCheckpoint{}, []string{"  0%", "backfilling"}},
	} {
		var out bytes.Buffer
		if err := printCoverage(&out, []schemas.SyncCheckpoint{tt.cp}, now, false); err != nil {
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
