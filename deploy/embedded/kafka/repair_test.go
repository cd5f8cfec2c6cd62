package kafka

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// filled returns the directory of a stopped broker with 25 records in "state", and the partition's directory.
func filled(t *testing.T) (dir, partition string) {
	t.Helper()
	dir = t.TempDir()
	b := start(t, options(dir))
	createTopic(t, b.Addr(), "state", 1, compacted)
	fill(t, b.Addr(), "state", 25)
	closeNow(t, b)
	return dir, filepath.Join(dir, "partitions", "state-0")
}

// Death while kfake compacts: the files are gone, or written in part. Nothing of it may show.
func TestInterruptedCompaction(t *testing.T) {
	for name, harm := range map[string]func(t *testing.T, partition string){
		"before it began":    func(*testing.T, string) {},
		"files deleted":      remove("0.dat", "0.idx"),
		"index left":         remove("0.dat"),
		"directory gone":     func(t *testing.T, p string) { must(t, os.RemoveAll(p)) },
		"written in part":    rewrite(300),
		"nothing written":    rewrite(0),
		"last batch missing": rewrite(-1),
	} {
		t.Run(name, func(t *testing.T) {
			dir, partition := filled(t)
			want := readAfterStart(t, dir)
			must(t, linkSegments(partition, filepath.Join(dir, shadowName, "partitions", "state-0")))
			harm(t, partition)
			if diff := cmp.Diff(want, readAfterStart(t, dir)); diff != "" {
				t.Error(diff)
			}
			if _, err := os.Stat(filepath.Join(dir, shadowName)); !os.IsNotExist(err) {
				t.Errorf("%s is left behind: %v", shadowName, err)
			}
		})
	}
}

// A compaction that was over, whose links were not yet removed, is not undone.
func TestFinishedCompactionStays(t *testing.T) {
	dir, partition := filled(t)
	shadow := filepath.Join(dir, shadowName, "partitions", "state-0")
	must(t, linkSegments(partition, shadow))
	o := options(dir)
	o.CompactAfter = 1
	must(t, os.Rename(filepath.Join(dir, shadowName), filepath.Join(dir, "aside")))
	b := start(t, o)
	tidyNow(t, b)
	want := readAll(t, b.Addr(), "state")
	closeNow(t, b)
	must(t, os.Rename(filepath.Join(dir, "aside"), filepath.Join(dir, shadowName)))
	if len(want) == 25 {
		t.Fatal("nothing was compacted")
	}
	if diff := cmp.Diff(want, readAfterStart(t, dir)); diff != "" {
		t.Error(diff)
	}
}

// Death between a batch and its index entry: the batch was not acknowledged and goes; everything before it stays.
func TestBatchWithoutIndexEntryIsCut(t *testing.T) {
	dir, partition := filled(t)
	want := readAfterStart(t, dir)
	index := filepath.Join(partition, "0.idx")
	info, err := os.Stat(index)
	must(t, err)
	must(t, os.Truncate(index, info.Size()-indexEntry))
	if diff := cmp.Diff(want[:24], readAfterStart(t, dir)); diff != "" {
		t.Error(diff)
	}
	b := start(t, options(dir))
	produce(t, b.Addr(), "state", record("more", "1"))
	if diff := cmp.Diff(append(want[:24:24], "more=1@24"), readAll(t, b.Addr(), "state")); diff != "" {
		t.Error(diff)
	}
}

// secondCommitSurvivesAKill commits, and finds it after the broker was killed.
func secondCommitSurvivesAKill(t *testing.T, dir string, b *Broker) {
	t.Helper()
	commitGroup(t, b.Addr(), "g", "t", 2)
	kept, err := os.ReadFile(filepath.Join(dir, groupsLog)) // as a kill leaves it: Close rewrites it
	must(t, err)
	closeNow(t, b)
	must(t, os.WriteFile(filepath.Join(dir, groupsLog), kept, 0o600))
	if got := committed(t, start(t, options(dir)).Addr(), "g", "t"); got != 2 {
		t.Errorf("committed %d, want 2", got)
	}
}

// Death while an entry of a log is written: kfake would go on behind it and lose what follows.
func TestTornLogIsCut(t *testing.T) {
	dir := t.TempDir()
	b := start(t, options(dir))
	createTopic(t, b.Addr(), "t", 1, nil)
	commitGroup(t, b.Addr(), "g", "t", 1)
	closeNow(t, b)
	must(t, appendTo(filepath.Join(dir, groupsLog), frame([]byte("{}"))[:7]))

	b = start(t, options(dir))
	secondCommitSurvivesAKill(t, dir, b)
}

// A disk that was full leaves an entry torn in between: what was written when there was room again counts.
func TestLogTornByAFullDiskIsMended(t *testing.T) {
	dir := t.TempDir()
	b := start(t, options(dir))
	createTopic(t, b.Addr(), "t", 1, nil)
	commitGroup(t, b.Addr(), "g", "t", 1)
	must(t, appendTo(filepath.Join(dir, groupsLog), frame([]byte(`{"not":"to its end"}`))[:17]))
	secondCommitSurvivesAKill(t, dir, b)
}

func FuzzWalk(f *testing.F) {
	last := batch{end: 7, producer: 1}
	f.Add(markerBatch(last, abortMarker, fixedTime))
	f.Add(append(markerBatch(last, commitMarker, fixedTime), markerBatch(last, abortMarker, fixedTime)[:70]...))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		path := filepath.Join(t.TempDir(), "0.dat")
		must(t, os.WriteFile(path, b, 0o600))
		var at int64
		must(t, walk(path, func(f *os.File, x batch) error {
			if x.at != at || x.size < batchHeader || x.at+x.size > int64(len(b)) {
				t.Errorf("%+v at %d of %d bytes", x, at, len(b))
			}
			at += x.size
			_, err := isAbort(f, x)
			return err
		}))
	})
}

func FuzzWholeFrames(f *testing.F) {
	f.Add(frame([]byte("{}")))
	f.Add(append(frame([]byte("{}")), 1, 2, 3))
	f.Add(append(frame([]byte("{}"))[:11], frame([]byte("{}"))...))
	f.Fuzz(func(t *testing.T, b []byte) {
		whole := wholeFrames(b)
		if len(whole) > len(b) {
			t.Fatalf("%d of %d bytes", len(whole), len(b))
		}
		if again := wholeFrames(whole); !bytes.Equal(again, whole) {
			t.Error("what is whole is mended again")
		}
		more := frame([]byte("more"))
		if all := wholeFrames(append(whole[:len(whole):len(whole)], more...)); !bytes.HasSuffix(all, more) || len(all) != len(whole)+len(more) {
			t.Errorf("an entry written behind %d bytes is not found", len(whole))
		}
	})
}

func readAfterStart(t *testing.T, dir string) []string {
	t.Helper()
	b := start(t, options(dir))
	defer closeNow(t, b)
	return readAll(t, b.Addr(), "state")
}

func remove(names ...string) func(*testing.T, string) {
	return func(t *testing.T, partition string) {
		for _, n := range names {
			must(t, os.Remove(filepath.Join(partition, n)))
		}
	}
}

// rewrite replaces the segment, as kfake does, by a new file with the first n bytes of it (or all but -n), and as many index entries.
func rewrite(n int) func(*testing.T, string) {
	return func(t *testing.T, partition string) {
		path := filepath.Join(partition, "0.dat")
		b, err := os.ReadFile(path)
		must(t, err)
		if n < 0 {
			n += len(b)
		}
		index, err := os.ReadFile(filepath.Join(partition, "0.idx"))
		must(t, err)
		remove("0.dat", "0.idx")(t, partition)
		must(t, os.WriteFile(path, b[:n], 0o600))
		batches := 0
		must(t, walk(path, func(*os.File, batch) error { batches++; return nil }))
		must(t, os.WriteFile(filepath.Join(partition, "0.idx"), index[:batches*indexEntry], 0o600))
	}
}

var fixedTime = time.UnixMilli(1_700_000_000_000)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
