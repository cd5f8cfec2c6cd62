package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/schemas"
)

func notifyCommand(a *app) *cobra.Command {
	var r schemas.NotificationRequest
	var to []string
	var link string
	var window, expires, wait time.Duration
	cmd := &cobra.Command{
		Use: "notify --org ORG --type TYPE --to WHOM --title TEXT", Args: cobra.NoArgs,
		Short: "Send one notification request and wait for its outcomes",
		Long: `Send one notification request and wait for its outcomes.

Whom: a directory user id, an email, or a role such as manager:USER, account_owner:ACCOUNT or deal_owner:DEAL. Give --to
several times, or a list with commas, for several people: each has outcomes of their own.
Prints each outcome as one line of JSON. Exit code 0: at least one was delivered; 4: none was; 5: no outcome in time.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if r.OrgID == "" || r.Type == "" || len(to) == 0 || r.Content.Title == "" {
				return errors.New("--org, --type, --to and --title are needed; the types are in schemas/REFERENCE.md")
			}
			for _, whom := range to {
				one, err := named(whom)
				if err != nil {
					return fmt.Errorf("--to %s: %w", whom, err)
				}
				r.Recipients = append(r.Recipients, one)
			}
			if len(to) == 1 {
				r.Recipient, r.Recipients = r.Recipients[0], nil
			}
			if link != "" {
				r.Content.Link = &schemas.Link{URL: link}
			}
			if r.RequestID == "" {
				r.RequestID = schemas.RequestID("cli-" + uuid.NewString())
			}
			r.CreatedAt, r.GroupWindow = time.Now().UTC(), int(window.Seconds())
			if expires != 0 {
				r.ExpiresAt = r.CreatedAt.Add(expires)
			}
			if err := r.Check(); err != nil {
				return err
			}
			kafka, err := kafkaOptions(a.config)
			if err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), wait)
			defer cancel()
			outcomes, err := notify(ctx, kafka, r, func(schemas.Outcome) {})
			for _, o := range outcomes {
				line, encodeErr := json.Marshal(o)
				err = errors.Join(err, encodeErr)
				fmt.Fprintln(cmd.OutOrStdout(), string(line))
			}
			if err != nil {
				return err
			}
			return judgeOutcomes(outcomes, &r, wait)
		},
	}
	f := cmd.Flags()
	f.StringVar((*string)(&r.OrgID), "org", "", "organization")
	f.StringVar((*string)(&r.Type), "type", "", "notification type, such as meeting_analysis.ready")
	f.StringSliceVar(&to, "to", nil, "recipients: directory user ids, emails, or roles such as manager:USER")
	f.StringVar(&r.Content.Title, "title", "", "title, plain text")
	f.StringVar(&r.Content.Body, "body", "", "body, Markdown")
	f.StringVar(&link, "link", "", "URL that the button opens")
	f.StringVar((*string)(&r.RequestID), "request-id", "", "id of the request; made up when absent")
	f.StringVar(&r.DedupID, "dedup-id", "", "requests that share it are delivered once")
	f.StringVar(&r.Group, "group", "", "requests of one group become one message")
	f.DurationVar(&window, "group-window", 0, "how long the group's first request waits for others; absent: 5m")
	f.StringVar((*string)(&r.Priority), "priority", "", "normal or urgent; absent: the type's")
	f.StringVar(&r.Thread, "thread", "", "requests that share it belong together: a later one answers the first")
	f.StringVar((*string)(&r.ThreadMode), "thread-mode", "", "reply or update; absent: reply")
	f.DurationVar(&expires, "expires", 0, "do not deliver later than this from now")
	f.DurationVar(&wait, "wait", 30*time.Second, "how long to wait for the outcomes")
	return cmd
}

// named is who is named by an email, a directory user id, or a role: what follows its colon is an email or an id too. An id that has a colon itself is
// given as user:ID.
func named(whom string) (schemas.Recipient, error) {
	role, of, has := strings.Cut(whom, ":")
	switch schemas.Role(role) {
	case schemas.ManagerOf:
		r, err := named(of)
		r.Role = schemas.ManagerOf
		return r, err
	case schemas.AccountOwner:
		return schemas.Recipient{Role: schemas.AccountOwner, AccountID: schemas.AccountID(of)}, nil
	case schemas.DealOwner:
		return schemas.Recipient{Role: schemas.DealOwner, DealID: schemas.DealID(of)}, nil
	}
	switch {
	case has && role == "user":
		return schemas.Recipient{UserID: schemas.UserID(of)}, nil
	case has:
		return schemas.Recipient{}, fmt.Errorf("there is no role %q; want %s, %s or %s, or user:ID for an id that has a colon", role, schemas.ManagerOf, schemas.AccountOwner, schemas.DealOwner)
	case strings.Contains(whom, "@"):
		return schemas.Recipient{Email: whom}, nil
	}
	return schemas.Recipient{UserID: schemas.UserID(whom)}, nil
}

// person is somebody who is named by an email or an id.
func person(whom string) (schemas.Recipient, error) {
	to, err := named(whom)
	if err == nil && to.Role != "" {
		err = errors.New("--user must be an email or a directory user id")
	}
	return to, err
}

func judgeOutcomes(outcomes []schemas.Outcome, r *schemas.NotificationRequest, wait time.Duration) error {
	if len(outcomes) == 0 {
		return exitError{5, fmt.Sprintf("no outcome for request %s within %s: it may have to wait ('backchannel explain --org %s --request %s' says until when), or the pipeline is not running (/readyz)", r.RequestID, wait, r.OrgID, r.RequestID)}
	}
	for _, o := range outcomes {
		if o.Status == schemas.Delivered {
			return nil
		}
	}
	return exitError{4, "not delivered"}
}

// moreWithin is how long to listen for another outcome once each recipient has one: 'both' has one for each channel.
const moreWithin = 2 * time.Second

// notify produces the request, tells each of its outcomes as it comes and collects them. It finds the end of the outcomes before it produces, so that none is missed.
func notify(ctx context.Context, kafka []kgo.Opt, r schemas.NotificationRequest, each func(schemas.Outcome)) ([]schemas.Outcome, error) {
	client, err := kgo.NewClient(append(slices.Clone(kafka), kgo.FetchIsolationLevel(kgo.ReadCommitted()))...) // an aborted outcome is none
	if err != nil {
		return nil, fmt.Errorf("make the Kafka client: %w", err)
	}
	defer client.Close()
	ends, err := kadm.NewClient(client).ListEndOffsets(ctx, schemas.NotificationOutcomes.Name)
	if err == nil {
		err = ends.Error()
	}
	if err != nil {
		return nil, fmt.Errorf("find the end of %s: %w", schemas.NotificationOutcomes.Name, err)
	}
	start := map[string]map[int32]kgo.Offset{}
	ends.Each(func(o kadm.ListedOffset) {
		if start[o.Topic] == nil {
			start[o.Topic] = map[int32]kgo.Offset{}
		}
		start[o.Topic][o.Partition] = kgo.NewOffset().At(o.Offset)
	})
	client.AddConsumePartitions(start)
	value, err := schemas.NotificationRequests.Encode(r)
	if err != nil {
		return nil, err
	}
	record := &kgo.Record{Topic: schemas.NotificationRequests.Name, Key: []byte(r.OrgID), Value: value}
	if err := client.ProduceSync(ctx, record).FirstErr(); err != nil {
		return nil, fmt.Errorf("produce the request: %w", err)
	}
	return collect(ctx, client, r, each), nil
}

func collect(ctx context.Context, client *kgo.Client, r schemas.NotificationRequest, each func(schemas.Outcome)) []schemas.Outcome {
	var outcomes []schemas.Outcome
	people := map[string]bool{}
	for all := false; ctx.Err() == nil; {
		client.PollFetches(ctx).EachRecord(func(rec *kgo.Record) {
			o, err := schemas.NotificationOutcomes.Decode(rec.Value)
			if err != nil || o.OrgID != r.OrgID || o.RequestID != r.RequestID {
				return // somebody else's
			}
			people[o.Recipient.KeyPart()] = true
			outcomes = append(outcomes, o)
			each(o)
		})
		if !all && len(people) >= max(len(r.Recipients), 1) {
			all = true
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, moreWithin)
			context.AfterFunc(ctx, cancel)
		}
	}
	return outcomes
}
