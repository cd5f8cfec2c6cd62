// Package reseal seals the tokens of slack.installations anew, with the key that seals now.
package reseal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/schemas"
)

// Sealer is *seal.Sealer.
type Sealer interface {
	Current(sealed string) bool
	Again(team schemas.TeamID, sealed string) (string, error)
}

// Report says what was, or would be, done.
type Report struct {
	Current int // installations whose tokens the present key has sealed
	Sealed  int // those that were sealed anew
	// Unreadable are teams whose tokens no key opens: they have to be connected again.
	Unreadable []schemas.TeamID
}

// Run seals anew what is not sealed with the present key; with dry it only counts.
//
// Somebody may write an installation while we do: a token is renewed, a workspace connected again. Then ours, written after it, would bring the former token back. So what came
// between our reading and our writing is read too, and of a team that is in it that record is sealed and written once more, until none came in between.
func Run(ctx context.Context, kafka []kgo.Opt, keys Sealer, dry bool) (r Report, err error) {
	client, err := kgo.NewClient(append(slices.Clone(kafka), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.KeepControlRecords())...)
	if err != nil {
		return r, fmt.Errorf("make the Kafka client: %w", err)
	}
	defer client.Close()
	all, end, err := read(ctx, client, 0)
	if err != nil {
		return r, err
	}
	var pending []*kgo.Record
	for _, rec := range latest(all, func(*kgo.Record) bool { return true }) {
		made, changed, err := again(rec, keys)
		switch {
		case err != nil:
			r.Unreadable = append(r.Unreadable, schemas.TeamID(rec.Key))
		case changed:
			r.Sealed++
			pending = append(pending, made)
		default:
			r.Current++
		}
	}
	if dry {
		return r, nil
	}
	for len(pending) > 0 {
		if err := client.ProduceSync(ctx, pending...).FirstErr(); err != nil {
			return r, fmt.Errorf("write the installations: %w", err)
		}
		at := map[string]int64{}
		for _, rec := range pending {
			at[string(rec.Key)] = rec.Offset
		}
		var since []*kgo.Record
		if since, end, err = read(ctx, client, end); err != nil {
			return r, err
		}
		pending = nil
		for _, rec := range latest(since, func(rec *kgo.Record) bool { return rec.Offset < at[string(rec.Key)] }) {
			made, _, err := again(rec, keys)
			if err != nil { // as it is: it is the truth all the same
				made = &kgo.Record{Topic: rec.Topic, Partition: rec.Partition, Key: rec.Key, Value: rec.Value}
			}
			pending = append(pending, made)
		}
	}
	return r, nil
}

// latest keeps the last record of each key, in order, of those that are asked for.
func latest(all []*kgo.Record, asked func(*kgo.Record) bool) (last []*kgo.Record) {
	at := map[string]int64{}
	for _, rec := range all {
		if asked(rec) {
			at[string(rec.Key)] = rec.Offset
		}
	}
	for _, rec := range all {
		if offset, wanted := at[string(rec.Key)]; wanted && offset == rec.Offset {
			last = append(last, rec)
		}
	}
	return last
}

// again is an installation with its tokens sealed anew; changed says whether any had to be. Fields that this version does not know stay.
func again(rec *kgo.Record, keys Sealer) (made *kgo.Record, changed bool, err error) {
	made = &kgo.Record{Topic: rec.Topic, Partition: rec.Partition, Key: rec.Key, Value: rec.Value}
	in, err := schemas.SlackInstallations.Decode(rec.Value)
	if rec.Value == nil || err != nil {
		return made, false, nil //nolint:nilerr // a tombstone, or what its readers refuse: it has no token
	}
	fields := map[string]json.RawMessage{}
	if err := json.Unmarshal(rec.Value, &fields); err != nil {
		return nil, false, fmt.Errorf("read an installation: %w", err)
	}
	for name, sealed := range map[string]string{"sealed_token": in.SealedToken, "sealed_refresh_token": in.SealedRefreshToken} {
		if sealed == "" || keys.Current(sealed) {
			continue
		}
		anew, err := keys.Again(in.TeamID, sealed)
		if err != nil {
			return nil, false, err
		}
		if fields[name], err = json.Marshal(anew); err != nil {
			return nil, false, fmt.Errorf("write an installation: %w", err)
		}
		changed = true
	}
	if changed {
		if made.Value, err = json.Marshal(fields); err != nil {
			return nil, false, fmt.Errorf("write an installation: %w", err)
		}
	}
	return made, changed, nil
}

// quiet is how long the brokers may be silent.
const quiet = 10 * time.Second

// read reads slack.installations, which has one partition, from an offset to its end.
func read(ctx context.Context, client *kgo.Client, from int64) (all []*kgo.Record, end int64, err error) {
	topic := schemas.SlackInstallations.Name
	admin := kadm.NewClient(client)
	begins, err1 := admin.ListStartOffsets(ctx, topic)
	ends, err2 := admin.ListCommittedOffsets(ctx, topic)
	if err := errors.Join(err1, err2, begins.Error(), ends.Error()); err != nil {
		return nil, 0, fmt.Errorf("find where %s ends: %w", topic, err)
	}
	first, _ := begins.Lookup(topic, 0)
	last, _ := ends.Lookup(topic, 0)
	next := max(from, first.Offset)
	if next >= last.Offset {
		return nil, last.Offset, nil
	}
	client.AddConsumePartitions(map[string]map[int32]kgo.Offset{topic: {0: kgo.NewOffset().At(next)}})
	defer client.RemoveConsumePartitions(map[string][]int32{topic: {0}})
	for next < last.Offset {
		bounded, cancel := context.WithTimeout(ctx, quiet)
		fetches := client.PollFetches(bounded)
		cancel()
		if err := errors.Join(ctx.Err(), fetches.Err()); err != nil {
			return nil, 0, fmt.Errorf("read %s: %w", topic, err)
		}
		for _, rec := range fetches.Records() {
			if rec.Offset < next {
				continue
			}
			next = rec.Offset + 1
			if rec.Offset < last.Offset && !rec.Attrs.IsControl() {
				all = append(all, rec)
			}
		}
	}
	return all, last.Offset, nil
}
