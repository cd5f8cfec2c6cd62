package diagnose

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/bigmind/backchannel/ingest"
	"github.com/bigmind/backchannel/schemas"
)

// workspaces are an organization's installations, active ones first, then by team.
func (e *Examiner) workspaces(ctx context.Context, org schemas.OrgID) ([]schemas.Installation, error) {
	var installs *redis.MapStringStringCmd
	if err := ingest.Lookup(ctx, e.Redis, func(pipe redis.Pipeliner) { installs = pipe.HGetAll(ctx, schemas.ViewOrgInstalls(org)) }); err != nil {
		return nil, err
	}
	var all []schemas.Installation
	for _, value := range installs.Val() {
		in, err := ingest.Viewed[schemas.Installation](value)
		if err != nil {
			return nil, err
		}
		if in != nil && in.OrgID == org {
			all = append(all, *in)
		}
	}
	slices.SortFunc(all, func(a, b schemas.Installation) int {
		if a.Active() != b.Active() {
			return map[bool]int{true: -1, false: 1}[a.Active()]
		}
		return strings.Compare(string(a.TeamID), string(b.TeamID))
	})
	return all, nil
}

const connectNext = "An admin connects Slack in Settings, Communication data, Messaging."

// connected checks that a workspace is connected, with what notifications need, and that Slack does not refuse it.
func (e *Examiner) connected(ctx context.Context, all []schemas.Installation) (Check, error) {
	if len(all) == 0 {
		return fail(SlackConnected, "No workspace was ever connected.", connectNext, ConnectSlack), nil
	}
	if in := &all[0]; !in.Active() {
		return fail(SlackConnected, fmt.Sprintf("%s is no longer connected: %s%s.", workspace(in), ended(in), since(in.UpdatedAt)), connectNext, ConnectSlack), nil
	}
	var facts, broken []string
	for i := range all {
		in := &all[i]
		if !in.Active() {
			continue
		}
		why, err := e.unusable(ctx, in)
		if err != nil {
			return Check{}, err
		}
		if why != "" {
			broken = append(broken, workspace(in)+" "+why)
			continue
		}
		facts = append(facts, workspace(in)+" is connected"+since(in.InstalledAt))
	}
	if len(facts) == 0 {
		return fail(SlackConnected, strings.Join(broken, "; ")+".", "An admin connects Slack again; what waits is sent then.", ConnectSlack), nil
	}
	return pass(SlackConnected, strings.Join(append(facts, broken...), "; ")+"."), nil
}

// unusable says why an active installation cannot be posted with; empty: it can.
func (e *Examiner) unusable(ctx context.Context, in *schemas.Installation) (string, error) {
	if !in.Callable() {
		return "has no token", nil
	}
	if lacks := Lacks(in, schemas.NotificationScopes()); len(lacks) > 0 {
		return "did not grant " + strings.Join(lacks, ", "), nil
	}
	refused, err := e.Redis.Get(ctx, schemas.SuspendKey(in.TeamID)).Result()
	if err != nil && err != redis.Nil { //nolint:errorlint // go-redis returns it as it is
		return "", fmt.Errorf("look up whether Slack refuses a workspace: %w", err)
	}
	if _, code, is := strings.Cut(refused, " "); is {
		return "is refused by Slack (" + code + ")", nil
	}
	return "", nil
}

// Lacks lists the scopes that an installation was not granted.
func Lacks(in *schemas.Installation, scopes []string) []string {
	return slices.DeleteFunc(slices.Clone(scopes), func(s string) bool { return slices.Contains(in.Scopes, s) })
}

// workspace is how a person knows a workspace.
func workspace(in *schemas.Installation) string {
	if in.TeamName == "" {
		return string(in.TeamID)
	}
	return in.TeamName + " (" + string(in.TeamID) + ")"
}

// ended says how an installation ended.
func ended(in *schemas.Installation) string {
	how := map[schemas.InstallStatus]string{schemas.InstallRevoked: "its token was revoked", schemas.InstallUninstalled: "the app was uninstalled"}[in.Status]
	if in.Reason != "" {
		how += " (" + in.Reason + ")"
	}
	return how
}

func since(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return ", since " + at.UTC().Format("2 January 2006")
}
