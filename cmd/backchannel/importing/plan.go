package importing

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/cmd/backchannel/scan"
	"github.com/bigmind/backchannel/schemas"
)

// Plan is what an import does to a topic.
type Plan struct {
	New, Changed, Unchanged int
	// Delete are the ids that are on the topic and not in the file, sorted.
	Delete  []string
	records []*kgo.Record
}

// MakePlan compares a file with what the topic has of the organization. What is there already is not sent again.
func MakePlan(k Kind, org schemas.OrgID, f *File, now map[string][]byte, replace bool) *Plan {
	p := &Plan{}
	in := make(map[string]bool, len(f.Rows))
	for _, r := range f.Rows {
		in[r.ID] = true
		was, there := now[r.ID]
		switch {
		case !there:
			p.New++
		case bytes.Equal(was, r.Value):
			p.Unchanged++
			continue
		default:
			p.Changed++
		}
		p.records = append(p.records, &kgo.Record{Topic: k.Topic.Name, Key: []byte(schemas.OrgKey(org, r.ID)), Value: r.Value})
	}
	if !replace {
		return p
	}
	for id := range now {
		if !in[id] {
			p.Delete = append(p.Delete, id)
		}
	}
	slices.Sort(p.Delete)
	for _, id := range p.Delete {
		p.records = append(p.records, &kgo.Record{Topic: k.Topic.Name, Key: []byte(schemas.OrgKey(org, id))})
	}
	return p
}

// Len is how many records are to be sent.
func (p *Plan) Len() int { return len(p.records) }

// Send sends the plan's records, and tells how many the brokers have. It goes on after a record that fails, and returns the first error.
// After one, running the import again sends what is missing.
func (p *Plan) Send(ctx context.Context, client *kgo.Client, progress func(done int)) error {
	done := make(chan error, len(p.records))
	go func() {
		for _, r := range p.records {
			client.Produce(ctx, r, func(_ *kgo.Record, err error) { done <- err })
		}
	}()
	var failed error
	sent := 0
	for range p.records {
		if err := <-done; err != nil {
			failed = cmp.Or(failed, err)
			continue
		}
		sent++
		progress(sent)
	}
	if failed != nil {
		return fmt.Errorf("%d of %d records were sent: %w; run the import again", sent, len(p.records), failed)
	}
	return nil
}

// State is what the topic has of an organization, by id.
func State(ctx context.Context, client *kgo.Client, topic string, org schemas.OrgID) (map[string][]byte, error) {
	spans, err := scan.All(ctx, client, topic)
	if err != nil {
		return nil, err
	}
	state, prefix := map[string][]byte{}, strings.TrimSuffix(string(schemas.OrgKey(org, "x")), "x")
	return state, scan.Read(ctx, client, spans, func(rec *kgo.Record) error {
		id, ours := strings.CutPrefix(string(rec.Key), prefix)
		switch {
		case !ours:
		case rec.Value == nil:
			delete(state, id)
		default:
			state[id] = rec.Value
		}
		return nil
	})
}
