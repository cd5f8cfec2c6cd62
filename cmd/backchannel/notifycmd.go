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
	var to, link string
	var wait time.Duration
	cmd := &cobra.Command{
		Use: "notify --org ORG --type TYPE --to USER|EMAIL --title TEXT", Args: cobra.NoArgs,
		Short: "Send one notification request and wait for its outcome",
		Long: `Send one notification request and wait for its outcome.

Prints each outcome as one line of JSON. Exit code 0: at least one was delivered; 4: none was; 5: no outcome in time.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if r.OrgID == "" || r.Type == "" || to == "" || r.Content.Title == "" {
				return errors.New("--org, --type, --to and --title are needed; the types are in schemas/REFERENCE.md")
			}
			if strings.Contains(to, "@") {
				r.Recipient.Email = to
			} else {
				r.Recipient.UserID = schemas.UserID(to)
			}
			if link != "" {
				r.Content.Link = &schemas.Link{URL: link}
			}
			if r.RequestID == "" {
				r.RequestID = schemas.RequestID("cli-" + uuid.NewString())
			}
			r.CreatedAt = time.Now().UTC()
			if err := r.Check(); err != nil {
				return err
			}
			kafka, err := kafkaOptions(a.config)
			if err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), wait)
			defer cancel()
			outcomes, err := notify(ctx, kafka, r)
			for _, o := range outcomes {
				line, encodeErr := json.Marshal(o)
				err = errors.Join(err, encodeErr)
				fmt.Fprintln(cmd.OutOrStdout(), string(line))
			}
			if err != nil {
				return err
			}
			return judgeOutcomes(outcomes, r.RequestID, wait)
		},
	}
	f := cmd.Flags()
	f.StringVar((*string)(&r.OrgID), "org", "", "organization")
	f.StringVar((*string)(&r.Type), "type", "", "notification type, such as meeting_analysis.ready")
	f.StringVar(&to, "to", "", "recipient: directory user id, or email")
	f.StringVar(&r.Content.Title, "title", "", "title, plain text")
	f.StringVar(&r.Content.Body, "body", "", "body, Markdown")
	f.StringVar(&link, "link", "", "URL that the button opens")
	f.StringVar((*string)(&r.RequestID), "request-id", "", "id of the request; made up when absent")
	f.StringVar(&r.DedupID, "dedup-id", "", "requests that share it are delivered once")
	f.DurationVar(&wait, "wait", 30*time.Second, "how long to wait for the outcome")
	return cmd
}

func judgeOutcomes(outcomes []schemas.Outcome, id schemas.RequestID, wait time.Duration) error {
	if len(outcomes) == 0 {
		return exitError{5, fmt.Sprintf("no outcome for request %s within %s; is the pipeline running? see /readyz", id, wait)}
	}
	for _, o := range outcomes {
		if o.Status == schemas.Delivered {
			return nil
		}
	}
	return exitError{4, "not delivered"}
}

// moreWithin is how long to listen for a second outcome after the first: 'both' has one for each channel.
const moreWithin = 2 * time.Second

// notify produces the request and collects its outcomes. It finds the end of the outcomes before it produces, so that none is missed.
func notify(ctx context.Context, kafka []kgo.Opt, r schemas.NotificationRequest) ([]schemas.Outcome, error) {
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
	record := &kgo.Record{Topic: schemas.NotificationRequests.Name, Key: []byte(schemas.OrgKey(r.OrgID, r.Recipient.KeyPart())), Value: value}
	if err := client.ProduceSync(ctx, record).FirstErr(); err != nil {
		return nil, fmt.Errorf("produce the request: %w", err)
	}
	return collect(ctx, client, r), nil
}

func collect(ctx context.Context, client *kgo.Client, r schemas.NotificationRequest) []schemas.Outcome {
	var outcomes []schemas.Outcome
	for ctx.Err() == nil {
		client.PollFetches(ctx).EachRecord(func(rec *kgo.Record) {
			o, err := schemas.NotificationOutcomes.Decode(rec.Value)
			if err != nil || o.OrgID != r.OrgID || o.RequestID != r.RequestID {
				return // somebody else's
			}
			if len(outcomes) == 0 {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, moreWithin)
				context.AfterFunc(ctx, cancel)
			}
			outcomes = append(outcomes, o)
		})
	}
	return outcomes
}
