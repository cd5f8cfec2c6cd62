package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/user"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/bigmind/backchannel/cmd/backchannel/deadletters"
	"github.com/bigmind/backchannel/cmd/backchannel/scan"
	"github.com/bigmind/backchannel/schemas"
)

func dlqCommand(a *app) *cobra.Command {
	dlq := &cobra.Command{Use: "dlq", Short: "Look at dead letters and put them back"}
	var asJSON, all, value, closed, again, over bool
	var reason string
	var note deadletters.Closing

	list := &cobra.Command{
		Use: "list [TOPIC…]", Short: "List dead letters: where, why, and where they came from",
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withLetters(cmd, func(ctx context.Context, r deadletters.Reader) error {
				return listLetters(ctx, r, args, asJSON, closed, cmd.OutOrStdout())
			})
		},
	}
	list.Flags().BoolVar(&closed, "closed", false, "those too that were replayed, edited or dropped, with who did it, when and why")
	list.Flags().BoolVar(&asJSON, "json", false, "one JSON object a line")

	show := &cobra.Command{
		Use: "show ID", Short: "Show one dead letter, what it means and how to mend it", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withLetters(cmd, func(ctx context.Context, r deadletters.Reader) error {
				return showLetter(ctx, r, args[0], value, cmd.OutOrStdout())
			})
		},
	}
	show.Flags().BoolVar(&value, "value", false, "print the record's value too, which may hold what people wrote")

	replay := &cobra.Command{
		Use: "replay ID… | --all TOPIC…", Short: "Produce the records of dead letters to their topics again", Args: cobra.MinimumNArgs(1),
		Long: `Produce the records of dead letters to their topics again, as they were: for what failed because of something else, which was mended.

Of a compacted topic the last record of a key counts. Where it has a newer one of a letter's key, nothing is replayed: --over puts the older one over it.
A letter about which something was done before is left alone too: --again does it again.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			pick := func(ctx context.Context, r deadletters.Reader) ([]deadletters.Letter, error) {
				return namedLetters(ctx, r, args, again)
			}
			if all {
				if err := knownReason(schemas.Reason(reason)); err != nil {
					return err
				}
				pick = func(ctx context.Context, r deadletters.Reader) ([]deadletters.Letter, error) {
					return lettersOf(ctx, r, args, schemas.Reason(reason))
				}
			}
			return a.withLetters(cmd, func(ctx context.Context, r deadletters.Reader) error {
				letters, err := pick(ctx, r)
				if err != nil {
					return err
				}
				note.How = deadletters.Replayed
				return replayLetters(ctx, r, letters, over, note, cmd.OutOrStdout())
			})
		},
	}
	replay.Flags().BoolVar(&over, "over", false, "also where a compacted topic has a newer record of the key")
	replay.Flags().BoolVar(&all, "all", false, "the arguments are topics: replay every open letter of theirs")
	replay.Flags().StringVar(&reason, "reason", "", "with --all: only letters with this reason")
	edit, drop := a.editLetter(&note, &again), a.dropLetters(&note, &again)
	dlq.AddCommand(list, show, replay, edit, drop)
	for _, cmd := range []*cobra.Command{replay, edit, drop} {
		cmd.Flags().StringVar(&note.By, "by", whoever(), "who does it, for those who ask later")
		cmd.Flags().BoolVar(&again, "again", false, "also with letters about which something was done before")
	}
	return dlq
}

// whoever is who runs the command: by the shell's word, else, as where cron runs it, by the system's.
func whoever() string {
	if name := os.Getenv("USER"); name != "" {
		return name
	}
	if me, err := user.Current(); err == nil {
		return me.Username
	}
	return ""
}

func (a *app) withLetters(cmd *cobra.Command, f func(context.Context, deadletters.Reader) error) error {
	opts, err := kafkaOptions(a.config)
	if err != nil {
		return err
	}
	client, err := scan.Client(opts)
	if err != nil {
		return err
	}
	defer client.Close()
	return f(cmd.Context(), deadletters.Reader{Client: client})
}

// letterTopics turns topics, dead-letter or source, into dead-letter topics. None means all.
func letterTopics(args []string) ([]string, error) {
	if len(args) == 0 {
		var all []string
		for _, t := range schemas.Topics() {
			all = append(all, t.DeadLetter())
		}
		return all, nil
	}
	topics := make([]string, len(args))
	for i, name := range args {
		spec, known := schemas.TopicByName(name)
		if !known {
			return nil, fmt.Errorf("there is no topic %q", name)
		}
		topics[i] = name
		if other, isSource := schemas.TopicByName(spec.DeadLetter()); isSource {
			topics[i] = other.Name
		}
	}
	return topics, nil
}

type line struct {
	ID        string               `json:"id"`
	Reason    schemas.Reason       `json:"reason"`
	Detail    string               `json:"detail"`
	Component string               `json:"component"`
	Source    string               `json:"source"`
	Time      time.Time            `json:"time"`
	Key       string               `json:"key"`
	Closed    *deadletters.Closing `json:"closed,omitempty"`
}

func lineOf(l deadletters.Letter) line {
	return line{
		l.ID.String(), l.Reason, l.Detail, l.Component,
		fmt.Sprintf("%s/%d/%d", l.Topic, l.Partition, l.Offset), l.Time, string(l.Key), l.Closed,
	}
}

func listLetters(ctx context.Context, r deadletters.Reader, args []string, asJSON, closed bool, out io.Writer) error {
	topics, err := letterTopics(args)
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	head := "ID\tREASON\tBY\tSOURCE\tTIME\tDETAIL" + map[bool]string{true: "\tCLOSED"}[closed] + "\n"
	encode := json.NewEncoder(out)
	err = r.List(ctx, topics, func(l deadletters.Letter) error {
		if l.Closed != nil && !closed {
			return nil
		}
		row := lineOf(l)
		if asJSON {
			return encode.Encode(row)
		}
		fmt.Fprint(table, head)
		head = ""
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s", row.ID, row.Reason, row.Component, row.Source, row.Time.Format(time.RFC3339), row.Detail)
		if closed && l.Closed != nil {
			fmt.Fprint(table, "\t"+done(l.Closed))
		}
		fmt.Fprintln(table)
		return nil
	})
	if err == nil && !asJSON {
		fmt.Fprint(table, head) // there is nothing, and that is known
	}
	return errors.Join(err, table.Flush())
}

// done is what somebody did about a letter: "edited by ann, 2026-11-26T08:00:00Z: the title was missing".
func done(c *deadletters.Closing) string {
	words := c.How
	if c.By != "" {
		words += " by " + c.By
	}
	words += ", " + c.At.Format(time.RFC3339)
	if c.Why != "" {
		words += ": " + c.Why
	}
	return words
}

func showLetter(ctx context.Context, r deadletters.Reader, name string, value bool, out io.Writer) error {
	id, err := deadletters.ParseID(name)
	if err != nil {
		return err
	}
	l, err := r.Get(ctx, id)
	if err != nil {
		return err
	}
	pretty := json.NewEncoder(out)
	pretty.SetIndent("", "  ")
	if err := pretty.Encode(lineOf(l)); err != nil {
		return err
	}
	for _, info := range schemas.Reasons {
		if info.Reason == l.Reason {
			fmt.Fprintf(out, "means:  %s\nmend:   %s\n", info.Means, info.Mend)
		}
	}
	switch {
	case !schemas.DeadLetterKeepsValue(l.Topic):
		_, err = fmt.Fprintf(out, "value:  not kept here, since %s may hold messages of channels that nobody opted in; it is at the source as long as its retention keeps it\n", l.Topic)
	case value:
		_, err = fmt.Fprintf(out, "value:  %s\n", l.Value)
	default:
		_, err = fmt.Fprintf(out, "value:  %d bytes; --value prints them\n", len(l.Value))
	}
	return err
}

func replayLetters(ctx context.Context, r deadletters.Reader, letters []deadletters.Letter, over bool, note deadletters.Closing, out io.Writer) error {
	if len(letters) == 0 {
		fmt.Fprintln(out, "there is no open letter of that kind; 'backchannel dlq list' shows what there is")
		return nil
	}
	if !over {
		if err := noneNewer(ctx, r, letters); err != nil {
			return err
		}
	}
	for _, l := range letters {
		if err := r.Replay(ctx, l); err != nil {
			return err
		}
		fmt.Fprintf(out, "replayed %s to %s\n", l.ID, l.Topic)
		if err := r.Close(ctx, l, note); err != nil {
			return err
		}
	}
	return nil
}

// noneNewer refuses letters that are no longer the last word of their keys. All are looked at before the first is replayed.
func noneNewer(ctx context.Context, r deadletters.Reader, letters []deadletters.Letter) error {
	var newer []error
	at, err := r.Newer(ctx, letters...)
	if err != nil {
		return err
	}
	for i, l := range letters {
		if at[i] != "" {
			newer = append(newer, fmt.Errorf("%s: %s is compacted, and has a newer record of the key %s (%s), which this one would take the place of", l.ID, l.Topic, l.Key, at[i]))
		}
	}
	if len(newer) == 0 {
		return nil
	}
	return errors.Join(append(newer, errors.New("nothing was replayed; --over replays them all the same, 'backchannel dlq drop' lets them go"))...)
}

// knownReason refuses what no letter can have.
func knownReason(reason schemas.Reason) error {
	var known []string
	for _, info := range schemas.Reasons {
		if info.DeadLetter() {
			known = append(known, string(info.Reason))
		}
	}
	if reason == "" || slices.Contains(known, string(reason)) {
		return nil
	}
	return fmt.Errorf("no dead letter has the reason %q; want one of %s", reason, strings.Join(known, ", "))
}

// lettersOf are those of the named topics, or of all, with one reason, or any.
func lettersOf(ctx context.Context, r deadletters.Reader, args []string, reason schemas.Reason) (letters []deadletters.Letter, err error) {
	topics, err := letterTopics(args)
	if err != nil {
		return nil, err
	}
	err = r.List(ctx, topics, func(l deadletters.Letter) error {
		if l.Closed == nil && (reason == "" || l.Reason == reason) {
			letters = append(letters, l)
		}
		return nil
	})
	return letters, err
}

// namedLetters are those of the ids. One about which something was done before is only meant with again.
func namedLetters(ctx context.Context, r deadletters.Reader, names []string, again bool) (letters []deadletters.Letter, err error) {
	ids := make([]deadletters.ID, len(names))
	for i, name := range names {
		if ids[i], err = deadletters.ParseID(name); err != nil {
			return nil, err
		}
	}
	if letters, err = r.Named(ctx, ids...); err != nil {
		return nil, err
	}
	for _, l := range letters {
		if l.Closed != nil && !again {
			return nil, fmt.Errorf("%s was %s; --again does it again", l.ID, done(l.Closed))
		}
	}
	return letters, nil
}
