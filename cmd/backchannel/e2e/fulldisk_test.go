//go:build real

package e2e

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/cmd/backchannel/scan"
)

// TestFullDisk fills the disk of the embedded engines to the last byte, twice: the first time there is room again while it runs, the second time it dies and is
// started when there is room. Events are refused meanwhile, for Slack to send them again; of those that were taken none is missing, and none there twice.
func TestFullDisk(t *testing.T) {
	p := newEmbedded(t)
	d := &disk{t: t, dir: smallDisk(t, "200m")}
	p.env = append(p.env, "BACKCHANNEL_DATA="+d.dir)
	process := p.startAll()
	w, n, taken := &world{team: "T1", channel: "C1"}, 0, []string(nil)
	say := func() error {
		n++
		id := fmt.Sprintf("Ev%06d", n)
		ts := fmt.Sprintf("%d.%06d", time.Now().Unix(), n)
		switch status := p.post(w.said(id, ts, "C1", strings.Repeat("said ", 200))); status {
		case http.StatusOK:
			taken = append(taken, id)
			return nil
		default:
			return fmt.Errorf("an event is answered %d", status)
		}
	}
	full := func() {
		t.Helper()
		eventually(t, within, func() error {
			d.fill()
			if say() == nil {
				return errors.New("an event is taken by a disk that is full")
			}
			return nil
		})
	}
	for range 100 {
		p.must(say())
	}
	full()
	d.empty()
	eventually(t, within, say)
	for range 100 {
		p.must(say())
	}
	full()
	process.Kill()
	d.empty()
	p.startAll()
	eventually(t, within, say)
	if stored := p.eventIDs(); !slices.Equal(stored, taken) {
		t.Errorf("%d events were taken, and %d are there; or others", len(taken), len(stored))
	}
}

// eventIDs are those of slack.events, in order of time: all are of one channel.
func (p *pipeline) eventIDs() (ids []string) {
	p.t.Helper()
	client, err := scan.Client([]kgo.Opt{kgo.SeedBrokers(p.setting("KAFKA_BROKERS"))})
	p.must(err)
	defer client.Close()
	spans, err := scan.All(p.t.Context(), client, "slack.events")
	p.must(err)
	p.must(scan.Read(p.t.Context(), client, spans, func(rec *kgo.Record) error {
		_, rest, _ := strings.Cut(string(rec.Value), `"event_id":"`)
		id, _, _ := strings.Cut(rest, `"`)
		ids = append(ids, id)
		return nil
	}))
	return ids
}

// disk is one that can be filled.
type disk struct {
	t       *testing.T
	dir     string
	ballast []string
}

// smallDisk makes one. It takes root.
func smallDisk(t *testing.T, size string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size="+size); err != nil {
		t.Fatalf("make a disk that can be filled, which takes root: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// room is what is left of a disk, and what there is in all.
func room(t *testing.T, dir string) (left, all int64) {
	t.Helper()
	var fs syscall.Statfs_t
	if err := syscall.Statfs(dir, &fs); err != nil {
		t.Fatal(err)
	}
	return int64(fs.Bavail) * fs.Bsize, int64(fs.Blocks) * fs.Bsize
}

// fill leaves nothing of it.
func (d *disk) fill() {
	d.t.Helper()
	left, _ := room(d.t, d.dir)
	path := filepath.Join(d.dir, fmt.Sprintf("ballast%d", len(d.ballast)))
	d.ballast = append(d.ballast, path)
	if err := os.WriteFile(path, make([]byte, left), 0o600); err != nil && !errors.Is(err, syscall.ENOSPC) {
		d.t.Fatal(err)
	}
}

func (d *disk) empty() {
	d.t.Helper()
	for _, path := range d.ballast {
		if err := os.Remove(path); err != nil {
			d.t.Fatal(err)
		}
	}
	d.ballast = nil
}
