package backup

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/schemas"
)

// Choices are what a restore is told.
type Choices struct {
	Overwrite      bool // topics and tables that hold something already get the backup's records and rows on top
	KeepClickHouse bool // ClickHouse has its rows still: leave it alone
}

// Plan is what a restore would do.
type Plan struct {
	Manifest Manifest
	Choices
	// Tables says that the backup's rows go into ClickHouse.
	Tables bool
	// ReadAgain says that checkpoints are left out, so that history is read from Slack again: with them it would be held for
	// read, and ClickHouse has nothing of it.
	ReadAgain bool
	// Problems are why it would be refused; each says what to do.
	Problems []error
}

// Prepare checks a backup and the system that it is to go into. It changes nothing.
func Prepare(ctx context.Context, o Options, dir string, choices Choices) (p Plan, err error) {
	p.Choices = choices
	if p.Manifest, err = Read(dir); err != nil {
		return p, err
	}
	p.Tables = len(p.Manifest.Tables) > 0 && !choices.KeepClickHouse
	p.ReadAgain = len(p.Manifest.Tables) == 0 && !choices.KeepClickHouse
	client, err := kgo.NewClient(o.Kafka...)
	if err != nil {
		return p, fmt.Errorf("make the Kafka client: %w", err)
	}
	defer client.Close()
	admin := kadm.NewClient(client)
	for _, check := range []func(context.Context, *kadm.Client) ([]error, error){p.fits, p.empty, o.resting} {
		problems, err := check(ctx, admin)
		if err != nil {
			return p, err
		}
		p.Problems = append(p.Problems, problems...)
	}
	if choices.KeepClickHouse {
		return p, nil
	}
	problems, err := foreign(p.Manifest.Tables)
	if err != nil {
		return p, err
	}
	p.Problems = append(p.Problems, problems...)
	full, err := filled(ctx, o.ClickHouse)
	if len(full) > 0 && !choices.Overwrite {
		p.Problems = append(p.Problems, fmt.Errorf("ClickHouse is not empty: %s. Keep what it has (--keep-clickhouse), or add the backup's rows to it (--overwrite)", strings.Join(full, ", ")))
	}
	return p, err
}

// fits says whether the topics are there, with the partitions that the backup has.
func (p *Plan) fits(ctx context.Context, admin *kadm.Client) (problems []error, err error) {
	existing, err := admin.ListTopics(ctx)
	if err != nil {
		return nil, fmt.Errorf("list topics: %w", err)
	}
	for _, t := range p.Manifest.Topics {
		_, known := schemas.TopicByName(t.Topic)
		switch has := len(existing[t.Topic].Partitions); {
		case !known:
			problems = append(problems, fmt.Errorf("the backup has a topic %s, which this version does not: restore it with the version that made it, or a later one", t.Topic))
		case has == 0:
			problems = append(problems, fmt.Errorf("topic %s is missing: run 'backchannel apply' first", t.Topic))
		case has < len(t.Ends):
			problems = append(problems, fmt.Errorf("topic %s has %d partitions, and the backup is of %d: give it as many first", t.Topic, has, len(t.Ends)))
		}
	}
	return problems, nil
}

// empty says which topics hold something.
func (p *Plan) empty(ctx context.Context, admin *kadm.Client) ([]error, error) {
	if p.Overwrite {
		return nil, nil
	}
	var names []string
	for _, s := range topics() {
		names = append(names, s.Name)
	}
	begin, err1 := admin.ListStartOffsets(ctx, names...)
	end, err2 := admin.ListEndOffsets(ctx, names...)
	if err := errors.Join(err1, err2); err != nil {
		return nil, fmt.Errorf("ask what the topics hold: %w", err)
	}
	full := map[string]bool{}
	end.Each(func(o kadm.ListedOffset) {
		if first, _ := begin.Lookup(o.Topic, o.Partition); o.Err == nil && o.Offset > first.Offset {
			full[o.Topic] = true
		}
	})
	if len(full) == 0 {
		return nil, nil
	}
	return []error{fmt.Errorf("Kafka is not empty: %s. To write the backup's records after those that are there, so that they are the truth of their keys: --overwrite", //nolint:staticcheck // a name
		strings.Join(slices.Sorted(maps.Keys(full)), ", "))}, nil
}

// resting says which components run: nobody may act on half of what is restored.
func (o Options) resting(ctx context.Context, admin *kadm.Client) (problems []error, err error) {
	groups, err := admin.DescribeGroups(ctx, o.Groups...)
	if err != nil {
		return nil, fmt.Errorf("ask which components run: %w", err)
	}
	for _, g := range groups.Sorted() {
		if len(g.Members) > 0 {
			problems = append(problems, fmt.Errorf("%s runs in %d processes: end them first", strings.TrimPrefix(g.Group, "backchannel-"), len(g.Members)))
		}
	}
	return problems, nil
}

// Run does what a plan without problems says.
func (p *Plan) Run(ctx context.Context, o Options, dir string) error {
	if len(p.Problems) > 0 {
		return errors.Join(p.Problems...)
	}
	if p.Tables { // first: a row is younger than what a group has finished, never older
		for _, t := range p.Manifest.Tables {
			if err := fillTable(ctx, o.ClickHouse, t, dir); err != nil {
				return err
			}
			o.tell("table %s: %d rows", t.Table, t.Lines)
		}
	}
	client, err := kgo.NewClient(append(slices.Clone(o.Kafka), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerBatchCompression(kgo.NoCompression()))...)
	if err != nil {
		return fmt.Errorf("make the Kafka client: %w", err)
	}
	defer client.Close()
	moved := newMoves(p.Manifest.Groups)
	for _, t := range p.Manifest.Topics {
		n, err := p.fillTopic(ctx, client, t, dir, moved)
		if err != nil {
			return err
		}
		o.tell("topic %s: %d records", t.Topic, n)
	}
	return p.resume(ctx, kadm.NewClient(client), moved)
}

// Tokens are the sealed tokens of a backup, by team.
func Tokens(dir string, m Manifest) (map[schemas.TeamID]string, error) {
	sealed := map[schemas.TeamID]string{}
	for _, t := range m.Topics {
		if t.Topic != schemas.SlackInstallations.Name {
			continue
		}
		err := each(dir, t.File, func(r record) error {
			if in, err := schemas.SlackInstallations.Decode(r.Value); err == nil && in.SealedToken != "" { // what is malformed is a dead letter's
				sealed[in.TeamID] = in.SealedToken
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return sealed, nil
}
