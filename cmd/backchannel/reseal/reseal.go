// Package reseal seals the tokens of slack.installations anew, with the key that seals now.
package reseal

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/cmd/backchannel/scan"
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
	client, err := scan.Client(kafka, kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		return r, err
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

// read reads slack.installations, which has one partition, from an offset to its end.
func read(ctx context.Context, client *kgo.Client, from int64) (all []*kgo.Record, end int64, err error) {
	topic := schemas.SlackInstallations.Name
	spans, err := scan.All(ctx, client, topic)
	if err != nil {
		return nil, 0, err
	}
	span := spans[topic][0]
	span.From = max(from, span.From)
	err = scan.Read(ctx, client, scan.Spans{topic: {0: span}}, func(rec *kgo.Record) error {
		all = append(all, rec)
		return nil
	})
	return all, span.To, err
}
