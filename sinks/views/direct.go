package views

import (
	"context"

	"github.com/redis/go-redis/v9"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Apply puts records into the views without keeping account of positions, for tests of those who read them.
func Apply(ctx context.Context, rdb redis.UniversalClient, records []*kgo.Record) error {
	owner, err := loadOwners(ctx, rdb, records)
	if err != nil {
		return err
	}
	w := newWrites(owner)
	for _, rec := range records {
		if err := w.apply(rec); err != nil {
			return err
		}
	}
	return w.run(ctx, rdb)
}
