package directory

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/go-redis/redis_rate/v10"
	"github.com/slack-go/slack"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/ingest"
	"github.com/bigmind/backchannel/schemas"
)

// list is one of Slack's lists. fetch returns a page as records, and the cursor of the next. swept, when every page was read in one
// go, returns records for what the list no longer has.
type list struct {
	name   string // users or channels, as metrics and checkpoints have it
	method string
	fetch  func(ctx context.Context, cursor string) (records []*kgo.Record, next string, err error)
	swept  func(ctx context.Context, seen map[string]bool) ([]*kgo.Record, error)
}

// errRefused: Slack will not take this token any more, or not for this.
var errRefused = errors.New("refused")

// The fields of a checkpoint: for which installation it is, the next page, and when the last pass was complete.
const (
	fieldFor      = ":for"
	fieldCursor   = ":cursor"
	fieldComplete = ":complete"
	fieldRead     = ":read" // records of the pass so far, or of the last one
)

func (w *workspace) checkpoint() string { return schemas.DirectoryKey(w.in.TeamID) }

// generation tells installations apart: with new scopes or a new token everything is asked for again.
func (w *workspace) generation() string { return w.in.InstalledAt.UTC().Format(time.RFC3339Nano) }

// due is how long until the list has to be read. A checkpoint of an earlier installation does not count.
func (w *workspace) due(ctx context.Context, l list) (time.Duration, error) {
	state, err := w.opts.Redis.HMGet(ctx, w.checkpoint(), l.name+fieldFor, l.name+fieldComplete).Result()
	if err != nil {
		return 0, fmt.Errorf("read the checkpoint: %w", err)
	}
	generation, _ := state[0].(string)
	text, _ := state[1].(string)
	if generation != w.generation() || text == "" {
		return 0, nil
	}
	complete, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("read the checkpoint: %w", err)
	}
	return time.Until(time.Unix(complete, 0).Add(w.opts.Every)), nil
}

// repeats is how often a cursor may come again before the pass is given up.
const repeats = 3

// pass reads a list, from where an earlier pass for the same installation was cut off, to its end.
func (w *workspace) pass(ctx context.Context, l list) error {
	cursor, read, err := w.resume(ctx, l)
	if err != nil {
		return err
	}
	whole, seen, same, told := cursor == "", map[string]bool{}, 0, time.Now()
	for {
		records, next, err := w.page(ctx, l, cursor)
		if code(err) == "invalid_cursor" && cursor != "" { // it has expired: cursors are no checkpoints that last
			cursor, whole, seen, read = "", true, map[string]bool{}, 0
			continue
		}
		if err != nil {
			return w.ended(l, err)
		}
		if len(records) > 0 {
			if err := w.opts.Publisher.Publish(ctx, records...); err != nil {
				return err
			}
		}
		for _, rec := range records {
			seen[string(rec.Key)] = true
		}
		read += len(records)
		w.records.WithLabelValues(l.name).Add(float64(len(records)))
		if next == cursor && next != "" {
			if same++; same >= repeats {
				return w.ended(l, fmt.Errorf("the same cursor came %d times", same))
			}
			continue
		}
		same, cursor = 0, next
		if cursor == "" {
			break
		}
		if err := w.note(ctx, l, cursor, read); err != nil {
			return err
		}
		if time.Since(told) >= tellEvery {
			told = time.Now()
			w.opts.Log.Info("directory: a list is being read", "team", w.in.TeamID, "list", l.name, "records", read)
		}
	}
	if whole && l.swept != nil {
		gone, err := l.swept(ctx, seen)
		if err == nil && len(gone) > 0 {
			err = w.opts.Publisher.Publish(ctx, gone...)
		}
		if err != nil {
			return err
		}
	}
	w.opts.Log.Info("directory: a list was read", "team", w.in.TeamID, "list", l.name, "records", read)
	w.passes.WithLabelValues(l.name, "complete").Inc()
	return w.done(ctx, l, read)
}

// tellEvery is how often a long pass says how far it is.
const tellEvery = 30 * time.Second

// resume is where a pass goes on, and how many records it had by then.
func (w *workspace) resume(ctx context.Context, l list) (cursor string, read int, err error) {
	state, err := w.opts.Redis.HMGet(ctx, w.checkpoint(), l.name+fieldFor, l.name+fieldCursor, l.name+fieldRead).Result()
	if err != nil {
		return "", 0, fmt.Errorf("read the checkpoint: %w", err)
	}
	cursor, _ = state[1].(string)
	if state[0] != w.generation() || cursor == "" {
		return "", 0, nil
	}
	text, _ := state[2].(string)
	read, _ = strconv.Atoi(text) // for show: absent is 0
	return cursor, read, nil
}

// note keeps where to go on, and the lease.
func (w *workspace) note(ctx context.Context, l list, cursor string, read int) error {
	if err := w.opts.Redis.HSet(ctx, w.checkpoint(), l.name+fieldFor, w.generation(), l.name+fieldCursor, cursor, l.name+fieldRead, read).Err(); err != nil {
		return fmt.Errorf("note the checkpoint: %w", err)
	}
	ours, err := w.lease(ctx)
	if err == nil && !ours {
		err = errors.New("another replica has taken the workspace")
	}
	return err
}

func (w *workspace) done(ctx context.Context, l list, read int) error {
	pipe := w.opts.Redis.TxPipeline()
	pipe.HSet(ctx, w.checkpoint(), l.name+fieldFor, w.generation(), l.name+fieldComplete, time.Now().Unix(), l.name+fieldRead, read)
	pipe.HDel(ctx, w.checkpoint(), l.name+fieldCursor)
	if _, err := pipe.Exec(ctx); err != nil {
		return fmt.Errorf("note the checkpoint: %w", err)
	}
	return nil
}

func (w *workspace) ended(l list, err error) error {
	result := "broken"
	if errors.Is(err, errRefused) {
		result = "stopped"
	}
	w.passes.WithLabelValues(l.name, result).Inc()
	return err
}

// page asks for one page within the budget, and waits out what Slack says of it.
func (w *workspace) page(ctx context.Context, l list, cursor string) ([]*kgo.Record, string, error) {
	for {
		if err := w.budget(ctx, l.method); err != nil {
			return nil, "", err
		}
		records, next, err := l.fetch(ctx, cursor)
		limited, ok := errors.AsType[*slack.RateLimitedError](err)
		switch {
		case ok:
			ingest.Sleep(ctx, max(limited.RetryAfter, time.Second))
		case refusals[code(err)]:
			return nil, "", fmt.Errorf("%w: %s", errRefused, code(err))
		case err != nil:
			return nil, "", ingest.WithoutURL(err)
		default:
			return records, next, nil
		}
		if ctx.Err() != nil {
			return nil, "", ctx.Err()
		}
	}
}

// budget spends one call, spaced evenly: a workspace's method has one budget for all replicas.
func (w *workspace) budget(ctx context.Context, method string) error {
	for {
		res, err := w.rate.Allow(ctx, schemas.BudgetKey(w.in.TeamID, method), redis_rate.Limit{Rate: w.opts.PerMinute, Burst: 1, Period: time.Minute})
		if err != nil {
			return fmt.Errorf("ask for Slack budget: %w", err)
		}
		if res.Allowed > 0 {
			return nil
		}
		w.waits.WithLabelValues(method).Add(res.RetryAfter.Seconds())
		if ingest.Sleep(ctx, res.RetryAfter); ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

// refusals are the codes after which the token is of no use until the app is installed again.
var refusals = map[string]bool{
	"invalid_auth": true, "not_authed": true, "token_revoked": true, "token_expired": true, "account_inactive": true, "missing_scope": true,
	"team_access_not_granted": true, "org_login_required": true, "accesslimited": true, "not_allowed_token_type": true, "ekm_access_denied": true,
}

// code is Slack's error code, empty for any other error.
func code(err error) string {
	if answer, ok := errors.AsType[slack.SlackErrorResponse](err); ok {
		return answer.Err
	}
	return ""
}
