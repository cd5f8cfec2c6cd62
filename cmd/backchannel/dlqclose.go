package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/bigmind/backchannel/cmd/backchannel/deadletters"
)

// maxEdited is more than a topic takes.
const maxEdited = 16 << 20

func (a *app) editLetter(note *deadletters.Closing, again *bool) *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use: "edit ID --value FILE", Short: "Produce the record of a dead letter with a value that was mended", Args: cobra.ExactArgs(1),
		Long: `Produce the record of a dead letter to its topic with another value, from a file or, with -, from standard input. The value is checked as the topic's
readers would. The letter stays as it is, and is noted as edited, by whom and why.

  backchannel dlq show --value ID     prints what it is now`,
		RunE: func(cmd *cobra.Command, args []string) error {
			value, err := edited(file, cmd.InOrStdin())
			if err != nil {
				return err
			}
			note.How = deadletters.Edited
			return a.closing(cmd, args, *again, *note, func(ctx context.Context, r deadletters.Reader, l deadletters.Letter) error {
				return r.Edit(ctx, l, value)
			})
		},
	}
	cmd.Flags().StringVar(&file, "value", "", "file with the new value; -: standard input")
	cmd.Flags().StringVar(&note.Why, "why", "", "what was wrong")
	_ = cmd.MarkFlagRequired("value") // the flag is there
	return cmd
}

func edited(file string, in io.Reader) ([]byte, error) {
	if file != "-" {
		return os.ReadFile(file)
	}
	value, err := io.ReadAll(io.LimitReader(in, maxEdited))
	if err != nil {
		return nil, fmt.Errorf("read the new value: %w", err)
	}
	return value, nil
}

func (a *app) dropLetters(note *deadletters.Closing, again *bool) *cobra.Command {
	cmd := &cobra.Command{
		Use: "drop ID… --why TEXT", Short: "Let dead letters go: nothing is to be done about them", Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			note.How = deadletters.Dropped
			return a.closing(cmd, args, *again, *note, func(context.Context, deadletters.Reader, deadletters.Letter) error { return nil })
		},
	}
	cmd.Flags().StringVar(&note.Why, "why", "", "why nothing is to be done")
	_ = cmd.MarkFlagRequired("why") // the flag is there
	return cmd
}

// closing does something about letters, and notes it. All are found before the first is touched.
func (a *app) closing(cmd *cobra.Command, ids []string, again bool, note deadletters.Closing, do func(context.Context, deadletters.Reader, deadletters.Letter) error) error {
	return a.withLetters(cmd, func(ctx context.Context, r deadletters.Reader) error {
		letters, err := namedLetters(ctx, r, ids, again)
		if err != nil {
			return err
		}
		for _, l := range letters {
			if err := do(ctx, r, l); err != nil {
				return err
			}
			if err := r.Close(ctx, l, note); err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s %s\n", note.How, l.ID)
		}
		return nil
	})
}
