package views

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/schemas"
)

// put sets fields of one hash, each unless it holds a newer offset. ARGV: field, offset, value, and so on.
var put = redis.NewScript(`
for i = 1, #ARGV, 3 do
  local now = redis.call('HGET', KEYS[1], ARGV[i])
  local at = now and tonumber(string.match(now, '^%d+'))
  if not at or at <= tonumber(ARGV[i + 1]) then
    redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1] .. ' ' .. ARGV[i + 2])
  end
end
return 1`)

// writes gathers what a batch puts into Redis: fields by hash, members by index set, search entries, and ledger entries.
type writes struct {
	fields   map[string][]any
	indexes  map[string][]any
	searched map[[2]string][]any     // arguments of reindex by its keys
	lists    map[schemas.OrgID][]any // of relist
	people   map[schemas.OrgID][]any // of rematch
	ledger   map[string]string       // of first requests
	owner    owners
	held     map[int32][]any      // by partition: offset, key, due, value, and so on
	done     map[string][]any     // ledger ids by request
	sent     map[string][]any     // requests by hour, type and person
	until    map[string]time.Time // when a set of sent ends

	duplicates map[string]string // ledger entries of requests that repeat a first one
	threads    map[string]string // first messages of threads
}

func newWrites(owner owners) *writes {
	return &writes{
		fields: map[string][]any{}, indexes: map[string][]any{}, searched: map[[2]string][]any{},
		ledger: map[string]string{}, duplicates: map[string]string{}, threads: map[string]string{}, owner: owner,
		lists: map[schemas.OrgID][]any{}, people: map[schemas.OrgID][]any{}, held: map[int32][]any{}, done: map[string][]any{}, sent: map[string][]any{}, until: map[string]time.Time{},
	}
}

func (w *writes) put(key, field string, rec *kgo.Record) {
	w.fields[key] = append(w.fields[key], field, rec.Offset, string(rec.Value))
}

// remove leaves a tombstone: the offset stays, so that an older write does not bring the field back.
func (w *writes) remove(key, field string, rec *kgo.Record) {
	w.fields[key] = append(w.fields[key], field, rec.Offset, "")
}

func (w *writes) index(key, member string) { w.indexes[key] = append(w.indexes[key], member) }

type evaluate func(p redis.Pipeliner, s *redis.Script, keys []string, args []any)

// run sends everything in one round trip.
func (w *writes) run(ctx context.Context, rdb redis.UniversalClient) error {
	if len(w.fields)+len(w.indexes)+len(w.ledger)+len(w.duplicates)+len(w.held) == 0 {
		return nil
	}
	send := func(eval evaluate) error {
		_, err := rdb.Pipelined(ctx, func(pipe redis.Pipeliner) error {
			for key, members := range w.indexes {
				pipe.SAdd(ctx, key, members...)
			}
			for key, value := range w.ledger {
				pipe.Set(ctx, key, value, schemas.LedgerTTL)
			}
			for key, value := range w.duplicates {
				pipe.SetNX(ctx, key, value, schemas.LedgerTTL)
			}
			for key, ids := range w.done {
				pipe.SAdd(ctx, key, ids...)
				pipe.Expire(ctx, key, schemas.LedgerTTL)
			}
			for key, requests := range w.sent {
				pipe.SAdd(ctx, key, requests...)
				pipe.ExpireAt(ctx, key, w.until[key])
			}
			for key, value := range w.threads {
				pipe.SetNX(ctx, key, value, schemas.ThreadTTL) // what the Slack sink wrote is newer
			}
			for key, args := range w.fields {
				eval(pipe, put, []string{key}, args)
			}
			for keys, args := range w.searched {
				eval(pipe, reindex, keys[:], args)
			}
			for org, args := range w.lists {
				eval(pipe, relist, listKeys(org), args)
			}
			for org, args := range w.people {
				eval(pipe, rematch, []string{schemas.ViewOrgBase(org)}, args)
			}
			for partition, args := range w.held {
				eval(pipe, hold, heldKeys(partition), args)
			}
			return nil
		})
		return err
	}
	err := send(func(p redis.Pipeliner, s *redis.Script, keys []string, args []any) { s.EvalSha(ctx, p, keys, args...) })
	if redis.HasErrorPrefix(err, "NOSCRIPT") {
		err = send(func(p redis.Pipeliner, s *redis.Script, keys []string, args []any) { s.Eval(ctx, p, keys, args...) })
	}
	if err != nil {
		return fmt.Errorf("write the Redis views: %w", err)
	}
	return nil
}

// apply adds what a record means to the views, or says why the record is malformed.
func (w *writes) apply(rec *kgo.Record) error {
	first, second := schemas.Key(rec.Key).Split()
	team := schemas.TeamID(first)
	switch rec.Topic {
	case schemas.SlackInstallations.Name:
		return w.installation(rec, team)
	case schemas.SlackUsers.Name:
		return w.slackUser(rec, team, second)
	case schemas.SlackChannels.Name:
		return w.channel(rec, team, second)
	case schemas.ChannelAssociations.Name:
		return w.association(rec, team, second)
	case schemas.SetupPrompts.Name:
		return byTeam(w, rec, schemas.SetupPrompts, schemas.ViewTeamPrompts(team), second, func(v *schemas.SetupPrompt) schemas.Key {
			return schemas.TeamChannelKey(v.TeamID, v.ChannelID)
		})
	case schemas.SyncCheckpoints.Name:
		return byTeam(w, rec, schemas.SyncCheckpoints, schemas.ViewTeamCheckpoints(team), second, func(v *schemas.SyncCheckpoint) schemas.Key {
			return schemas.TeamChannelKey(v.TeamID, v.ChannelID)
		})
	case schemas.SyncRequests.Name:
		return byTeam(w, rec, schemas.SyncRequests, schemas.ViewTeamSyncRequests(team), second, func(v *schemas.SyncRequest) schemas.Key {
			return schemas.TeamChannelKey(v.TeamID, v.ChannelID)
		})
	case schemas.CRMAccounts.Name:
		return w.account(rec, schemas.OrgID(first), second)
	case schemas.CRMDeals.Name:
		return w.deal(rec, schemas.OrgID(first), second)
	case schemas.DirectoryUsers.Name:
		return w.directoryUser(rec, schemas.OrgID(first), second)
	case schemas.NotificationPreferences.Name:
		return byTeam(w, rec, schemas.NotificationPreferences, schemas.ViewOrgPreferences(schemas.OrgID(first)), second, func(v *schemas.Preferences) schemas.Key {
			return schemas.OrgKey(v.OrgID, v.UserID)
		})
	case schemas.OrgTypes.Name:
		return byTeam(w, rec, schemas.OrgTypes, schemas.ViewOrgTypes(schemas.OrgID(first)), second, func(v *schemas.OrgType) schemas.Key {
			return schemas.OrgKey(v.OrgID, v.ID)
		})
	case schemas.OrgsSettings.Name:
		return byTeam(w, rec, schemas.OrgsSettings, schemas.ViewOrgSettings(schemas.OrgID(first)), second, func(v *schemas.OrgSettings) schemas.Key {
			return schemas.OrgKey[schemas.UserID](v.OrgID, "")
		})
	case schemas.APITokens.Name:
		return byTeam(w, rec, schemas.APITokens, schemas.ViewAPITokens(), second, func(v *schemas.APIToken) schemas.Key {
			return schemas.OrgKey(v.OrgID, v.TokenID)
		})
	case schemas.NotificationHeld.Name:
		return w.hold(rec)
	case schemas.NotificationOutcomes.Name:
		return w.outcome(rec)
	}
	return nil
}

// byTeam puts a record into the hash of its owner under the second part of its key. The key must be what the value says:
// a record under another tenant's key would be found there.
func byTeam[T any](w *writes, rec *kgo.Record, topic schemas.Topic[T], hash, field string, keyOf func(*T) schemas.Key) error {
	_, err := decode(rec, topic, keyOf)
	if err != nil {
		return err
	}
	w.put(hash, field, rec)
	return nil
}

// decode returns the record's value, nil for a tombstone.
func decode[T any](rec *kgo.Record, topic schemas.Topic[T], keyOf func(*T) schemas.Key) (*T, error) {
	if len(rec.Key) == 0 {
		return nil, fmt.Errorf("a record of %s needs the key %s", topic.Name, topic.Key)
	}
	if rec.Value == nil {
		return nil, nil
	}
	v, err := topic.Decode(rec.Value)
	if err != nil {
		return nil, err
	}
	if keyOf(&v) != schemas.Key(rec.Key) {
		return nil, fmt.Errorf("the key of a record of %s must be %s, the same as in its value", topic.Name, topic.Key)
	}
	return &v, nil
}

func (w *writes) installation(rec *kgo.Record, team schemas.TeamID) error {
	v, err := decode(rec, schemas.SlackInstallations, func(v *schemas.Installation) schemas.Key { return schemas.TeamKey(v.TeamID) })
	if err != nil {
		return err
	}
	var org schemas.OrgID
	if v != nil {
		org = v.OrgID
	}
	former, stale := w.owner.replace(rec, org)
	if stale {
		return nil
	}
	w.put(schemas.ViewTeamInstall(team), schemas.FieldInstallation, rec)
	if org != "" {
		w.put(schemas.ViewOrgInstalls(org), string(team), rec)
	}
	// A team belongs to one organization: a team that moved, or was removed, leaves the view of its former one.
	if former != "" {
		w.remove(schemas.ViewOrgInstalls(former), string(team), rec)
	}
	return nil
}

func (w *writes) slackUser(rec *kgo.Record, team schemas.TeamID, user string) error {
	v, err := decode(rec, schemas.SlackUsers, func(v *schemas.SlackUser) schemas.Key { return schemas.TeamUserKey(v.TeamID, v.UserID) })
	if err != nil {
		return err
	}
	var org schemas.OrgID
	if v != nil {
		org = v.OrgID
	}
	former, stale := w.owner.replace(rec, org)
	if stale {
		return nil
	}
	w.put(schemas.ViewTeamUsers(team), user, rec)
	if org != "" {
		w.put(schemas.ViewOrgSlackUsers(org), string(rec.Key), rec)
	}
	if v != nil {
		if v.Email != "" {
			w.index(schemas.ViewOrgSlackEmail(org, v.Email), string(rec.Key))
		}
		w.person("s", org, string(rec.Key), rec, v.ListFacts())
		w.found(schemas.ViewOrgSlackIndex(org), schemas.ViewOrgSlackEntries(org), string(rec.Key), rec, v)
		w.company(v, rec)
	}
	// As with installations: who was removed, or whose team moved, leaves the view of the former organization.
	if former != "" {
		w.remove(schemas.ViewOrgSlackUsers(former), string(rec.Key), rec)
		w.person("s", former, string(rec.Key), rec, "")
		w.found(schemas.ViewOrgSlackIndex(former), schemas.ViewOrgSlackEntries(former), string(rec.Key), rec, nil, true)
	}
	return nil
}

func (w *writes) directoryUser(rec *kgo.Record, org schemas.OrgID, user string) error {
	v, err := decode(rec, schemas.DirectoryUsers, func(v *schemas.DirectoryUser) schemas.Key { return schemas.OrgKey(v.OrgID, v.UserID) })
	if err != nil {
		return err
	}
	w.put(schemas.ViewOrgUsers(org), user, rec)
	facts := ""
	if v != nil {
		facts = v.ListFacts()
	}
	w.person("u", org, user, rec, facts)
	if v != nil && v.Email != "" {
		w.index(schemas.ViewOrgEmail(org, v.Email), user)
		w.index(schemas.ViewEmail(v.Email), string(rec.Key))
	}
	return nil
}

// outcome rebuilds the delivery ledger: what was decided is not done again. An outcome that repeats another request's (the
// same dedup id) stands in only where that one is not known: else the first request would be told that it was the duplicate.
func (w *writes) outcome(rec *kgo.Record) error {
	o, err := schemas.NotificationOutcomes.Decode(rec.Value)
	if err != nil {
		return err
	}
	id := o.LedgerID()
	if id == "" {
		return nil
	}
	entry, err := json.Marshal(schemas.LedgerEntry{Done: &o})
	if err != nil {
		return fmt.Errorf("encode a ledger entry: %w", err)
	}
	done := schemas.ViewOrgDone(o.OrgID, o.RequestID)
	w.done[done] = append(w.done[done], string(id))
	w.count(&o)
	if thread, ok := o.Threaded(); ok {
		value, err := json.Marshal(thread)
		if err != nil {
			return fmt.Errorf("encode a thread: %w", err)
		}
		w.threads[schemas.ThreadKey(o.OrgID, o.Recipient, o.Thread)] = string(value)
	}
	if key := schemas.LedgerKey(id); o.Reason == schemas.Duplicate {
		w.duplicates[key] = string(entry)
	} else {
		w.ledger[key] = string(entry)
	}
	return nil
}
