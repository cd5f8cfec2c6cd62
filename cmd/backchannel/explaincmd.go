package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/spf13/cobra"

	"github.com/bigmind/backchannel/cmd/backchannel/deliverylog"
	"github.com/bigmind/backchannel/cmd/backchannel/verdict"
	log "github.com/bigmind/backchannel/ingest/deliverylog"
	"github.com/bigmind/backchannel/ingest/diagnose"
	"github.com/bigmind/backchannel/processors/route"
	"github.com/bigmind/backchannel/schemas"
)

func explainCommand(a *app) *cobra.Command {
	var org, request, user, kind string
	cmd := &cobra.Command{
		Use: "explain --org ORG {--request ID | --user EMAIL|USER --type T}", Args: cobra.NoArgs,
		Short: "Say what became of a notification request, or what would become of one now, and why",
		Long: `Say what became of a notification request, or what would become of one now, and why.

--request asks ClickHouse (notification_log) and, for what waits, Redis. --user and --type decide as the pipeline would,
without sending anything, and go through the product page's checks.
Exit code 0: it was, or would be, delivered; 4: it was not, or would not be; 5: nothing is known of the request yet.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch {
			case org == "":
				return errors.New("--org is missing: name the organization")
			case request == "" && (user == "" || kind == ""), request != "" && (user != "" || kind != ""):
				return errors.New("name a request (--request), or a person and a type (--user and --type)")
			}
			rdb, err := redisClient(a.config)
			if err != nil {
				return err
			}
			defer rdb.Close()
			if request == "" {
				if _, err := person(user); err != nil {
					return err
				}
				if err := knownOrg(cmd.Context(), rdb, schemas.OrgID(org)); err != nil {
					return err
				}
				return explainNow(cmd.Context(), cmd.OutOrStdout(), rdb, schemas.OrgID(org), user, schemas.NotificationType(kind))
			}
			ch, err := clickhouseConn(a.config)
			if err != nil {
				return err
			}
			defer ch.Close()
			err = explainRequest(cmd.Context(), cmd.OutOrStdout(), deliverylog.ClickHouse{Conn: ch}, rdb, schemas.OrgID(org), schemas.RequestID(request))
			if coded, is := errors.AsType[exitError](err); is && coded.code == exitNothing && coded.message != "" {
				if unknown := knownOrg(cmd.Context(), rdb, schemas.OrgID(org)); unknown != nil {
					return exitError{exitNothing, unknown.Error()}
				}
			}
			return err
		},
	}
	f := cmd.Flags()
	f.StringVar(&org, "org", "", "organization")
	f.StringVar(&request, "request", "", "id of a request")
	f.StringVar(&user, "user", "", "email, or directory user id")
	f.StringVar(&kind, "type", "", "notification type, such as meeting_analysis.ready")
	return cmd
}

// exitNothing says that nothing is known of a request yet.
const exitNothing = 5

func explainRequest(ctx context.Context, out io.Writer, became log.Log, rdb redis.UniversalClient, org schemas.OrgID, id schemas.RequestID) error {
	entries, err := became.Find(ctx, org, log.Query{Request: id, Limit: 10 * schemas.MaxRecipients})
	if err != nil {
		return err
	}
	delivered := false
	for i := range entries {
		delivered = delivered || entries[i].Status == schemas.Delivered
		printEntry(out, &entries[i])
	}
	waits, err := waiting(ctx, rdb, org, id)
	if err != nil {
		return err
	}
	for _, h := range waits {
		means, mend := words(h.Why)
		fmt.Fprintf(out, "%s: waits until %s, by %s for %s\n  %s: %s %s\n", h.Delivery.Type, h.DueAt.UTC().Format(time.RFC3339), h.Channel,
			h.Delivery.Recipient.KeyPart(), h.Why, means, mend)
	}
	switch {
	case len(entries) == 0 && len(waits) > 0:
		return exitError{exitNothing, ""}
	case len(entries) == 0:
		return exitError{exitNothing, fmt.Sprintf("nothing has become of request %s of %s yet. If its id is right, it was refused ('backchannel dlq list notification.requests'), has not been read yet, or waits to be sent ('backchannel doctor' says how far the components are, and what does not answer)", id, org)}
	case !delivered:
		return exitError{4, ""}
	}
	return nil
}

// waiting finds what of a request waits. Redis knows it by delivery; which partition has it only the recipient would tell.
func waiting(ctx context.Context, rdb redis.UniversalClient, org schemas.OrgID, id schemas.RequestID) (all []schemas.HeldNotification, err error) {
	done, err := rdb.SMembers(ctx, schemas.ViewOrgDone(org, id)).Result()
	if err != nil {
		return nil, fmt.Errorf("look up what waits: %w", err)
	}
	for _, member := range done {
		delivery, held := strings.CutPrefix(member, schemas.DoneHeld)
		for p := int32(0); held && p < schemas.NotificationHeld.Partitions; p++ {
			some, err := heldAs(ctx, rdb, p, delivery)
			if err != nil {
				return nil, fmt.Errorf("look up what waits: %w", err)
			}
			for _, h := range some {
				if h.Delivery.RequestID == id { // two requests of one dedup_id are one delivery
					all = append(all, h)
				}
			}
		}
	}
	slices.SortFunc(all, func(a, b schemas.HeldNotification) int { return strings.Compare(string(a.Key()), string(b.Key())) })
	return all, nil
}

// heldAs finds what of a partition waits under a delivery's id, which ends the record's key but for the request.
func heldAs(ctx context.Context, rdb redis.UniversalClient, partition int32, delivery string) (all []schemas.HeldNotification, err error) {
	found := rdb.HScan(ctx, schemas.ViewHeld(partition)+schemas.HeldItems, 0, "*/"+delivery+".*", 10_000).Iterator()
	for isValue := false; found.Next(ctx); isValue = !isValue { // key, value, key, value
		if !isValue {
			continue
		}
		h, err := schemas.NotificationHeld.Decode([]byte(found.Val()))
		if err != nil {
			return nil, err
		}
		all = append(all, h)
	}
	return all, found.Err()
}

// printEntry says in words what became of a request for one recipient by one channel.
func printEntry(out io.Writer, e *log.Entry) {
	by := map[schemas.DeliveryChannel]string{schemas.BySlack: " by Slack", schemas.ByEmail: " by email"}[e.Channel]
	fmt.Fprintf(out, "%s: %s%s for %s, %s\n", e.Type, e.Status, by, e.Recipient, e.At.Format(time.RFC3339))
	say := func(format string, args ...any) { fmt.Fprintf(out, "  "+format+"\n", args...) }
	if e.Reason != "" {
		say("%s: %s %s", e.Reason, e.Means, e.Next)
	}
	if e.Detail != "" {
		say("%s", e.Detail)
	}
	if e.Named != "" {
		say("the request named %s", e.Named)
	}
	if e.Rule != "" {
		say("%s decided: %s (%s)", diagnose.Rule(e.Rule), e.Choice, strings.Join(e.Considered, ", "))
	}
	if e.Mandatory {
		say("the type cannot be turned off; an off was passed over")
	}
	if e.Fallback {
		say("the preferred channel cannot work, and the organization lets the other one take its place")
	}
	if e.Held != "" {
		means, _ := words(e.Held)
		say("it waited from %s to %s: %s", e.RoutedAt.Format(time.RFC3339), e.ReleasedAt.Format(time.RFC3339), means)
	}
	if e.TimeZone != "" {
		say("the clock of %s counted", e.TimeZone)
	}
	if e.MergedInto != "" {
		say("it is in the message of delivery %s, with others", e.MergedInto)
	}
	if e.TS != "" {
		say("the message is %s in %s of %s", e.TS, e.ChannelID, e.TeamID)
	}
	if e.Reply != "" {
		say("the mail server said: %s", e.Reply)
	}
	if e.Attempts > 1 {
		say("it took %d attempts", e.Attempts)
	}
	if !e.RequestedAt.IsZero() {
		say("from the request to here it took %s", e.At.Sub(e.RequestedAt).Round(time.Millisecond))
	}
}

func words(reason schemas.Reason) (means, mend string) {
	for _, r := range schemas.Reasons {
		if r.Reason == reason {
			return r.Means, r.Mend
		}
	}
	return "", ""
}

// explainNow decides for a person and says how, then goes through the product page's checks.
func explainNow(ctx context.Context, out io.Writer, rdb redis.UniversalClient, org schemas.OrgID, user string, kind schemas.NotificationType) error {
	to, err := person(user)
	if err != nil {
		return err
	}
	all, err := route.Explain(ctx, rdb, org, to, time.Now(), kind)
	if err != nil {
		return err
	}
	delivered := printExplanation(out, user, kind, &all[0])
	examiner := diagnose.Examiner{Redis: rdb, Verdicts: verdict.By(rdb, time.Now), Now: time.Now}
	checks, err := examiner.Person(ctx, org, to, kind)
	if err != nil {
		return err
	}
	fmt.Fprintln(out, "The checks for Slack:")
	for _, c := range checks {
		fmt.Fprintf(out, "  %-7s %s: %s\n", c.Result, c.Name, strings.TrimSpace(c.Fact+" "+c.Next))
	}
	if !delivered {
		return exitError{4, ""}
	}
	return nil
}

func printExplanation(out io.Writer, user string, kind schemas.NotificationType, x *route.Explanation) (delivered bool) {
	say := func(format string, args ...any) { fmt.Fprintf(out, format+"\n", args...) }
	say("A notification of type %s for %s now:", kind, user)
	if x.Ended != "" {
		means, mend := words(x.Ended)
		say("  would not be sent. %s: %s %s", x.Ended, means, mend)
	}
	if x.Decision.Rule != "" {
		say("  %s decides: %s", diagnose.Rule(x.Decision.Rule), x.Decision.Choice)
		for _, c := range x.Decision.Considered {
			say("    %s says %s", diagnose.Rule(c.Rule), c.Value)
		}
	}
	for _, c := range x.Channels {
		if c.Reason != "" {
			means, mend := words(c.Reason)
			say("  by %s it cannot be sent. %s: %s", c.By, c.Reason, strings.TrimSpace(means+" "+mend+" "+c.Detail))
			continue
		}
		delivered = delivered || !x.Dropped
		say("  by %s to %s %s", c.By, c.To, verdict.Now(x))
	}
	if x.Ended == "" {
		say("  this hour has had %d of this type for the person; the cap is %d", x.Sent, x.Cap.PerRecipient)
	}
	return delivered
}
