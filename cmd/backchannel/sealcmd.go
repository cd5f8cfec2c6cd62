package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/bigmind/backchannel/cmd/backchannel/config"
	"github.com/bigmind/backchannel/cmd/backchannel/reseal"
	"github.com/bigmind/backchannel/schemas"
	"github.com/bigmind/backchannel/schemas/seal"
)

func sealCommand(a *app) *cobra.Command {
	var team string
	var fresh, add, promote, drop, anew, yes bool
	cmd := &cobra.Command{
		Use: "seal --team T…", Short: "Seal a bot token, read from standard input, for a slack.installations record; make and rotate the keys", Args: cobra.NoArgs,
		Long: `Seal a bot token, read from standard input, for a slack.installations record.

Keys are rotated in steps, each for every process before the next: --add-key, --promote-key, --anew --yes, --drop-keys. deploy/README.md has the commands.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			out := cmd.OutOrStdout()
			for _, step := range []struct {
				asked bool
				do    func([]byte) ([]byte, error)
			}{{add, seal.AddKey}, {promote, seal.Promote}, {drop, seal.OnlyPrimary}} {
				if step.asked {
					return printKeys(a.config, step.do, out)
				}
			}
			if anew {
				return sealAnew(cmd.Context(), a.config, yes, out)
			}
			if fresh {
				keys, err := seal.NewKeySet()
				if err != nil {
					return err
				}
				_, err = fmt.Fprintln(out, string(keys))
				return err
			}
			if team == "" {
				return errors.New("--team is missing: a token is sealed for one team")
			}
			if err := embeddedKeys(a.config); err != nil {
				return err
			}
			tokens, err := sealer(a.config)
			if err != nil {
				return err
			}
			line, err := bufio.NewReader(cmd.InOrStdin()).ReadString('\n')
			token := strings.TrimSpace(line)
			if token == "" {
				return errors.Join(errors.New("no token on standard input"), err)
			}
			sealed, err := tokens.Seal(schemas.TeamID(team), token)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(out, sealed)
			return err
		},
	}
	cmd.Flags().StringVar(&team, "team", "", "Slack team the token belongs to")
	cmd.Flags().BoolVar(&fresh, "new-key-set", false, "print a new key set instead; it is a secret")
	cmd.Flags().BoolVar(&add, "add-key", false, "print token-keys with a key more, which opens and does not seal yet")
	cmd.Flags().BoolVar(&promote, "promote-key", false, "print token-keys with the key that was added last as the one that seals")
	cmd.Flags().BoolVar(&drop, "drop-keys", false, "print token-keys without the keys that do not seal")
	cmd.Flags().BoolVar(&anew, "anew", false, "seal the tokens of all installations with the key that seals now; without --yes only count them")
	cmd.Flags().BoolVar(&yes, "yes", false, "with --anew: do it")
	cmd.MarkFlagsMutuallyExclusive("new-key-set", "add-key", "promote-key", "drop-keys", "anew", "team")
	return cmd
}

// printKeys prints the configured key set, changed.
func printKeys(c *config.Config, change func([]byte) ([]byte, error), out io.Writer) error {
	if err := keptKeys(c); err != nil {
		return err
	}
	if _, err := sealer(c); err != nil {
		return err
	}
	keys, err := change([]byte(c.String("token-keys")))
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(out, string(keys))
	return err
}

func sealAnew(ctx context.Context, c *config.Config, yes bool, out io.Writer) error {
	if err := keptKeys(c); err != nil {
		return err
	}
	keys, err := sealer(c)
	if err != nil {
		return err
	}
	kafka, err := kafkaOptions(c)
	if err != nil {
		return err
	}
	r, err := reseal.Run(ctx, kafka, keys, !yes)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%s sealed with the present key, %d %s\n", counted(r.Current, "installation"), r.Sealed, map[bool]string{true: "were sealed anew", false: "would be: --yes does it"}[yes])
	for _, team := range r.Unreadable {
		fmt.Fprintf(out, "%s: no key of the set opens its token; the workspace has to be connected again\n", team)
	}
	if len(r.Unreadable) > 0 {
		return exitError{1, "not every token opens"}
	}
	return nil
}

// keysFile holds the key set of the embedded mode, in the data folder.
const keysFile = "token-keys.json"

// keptKeys takes the key set of the embedded mode where there is one, and makes none: a command that looks at what is, or rotates it, has no use for a new one.
func keptKeys(c *config.Config) error {
	if _, err := os.Stat(filepath.Join(c.String("data"), keysFile)); err != nil {
		return nil //nolint:nilerr // then there is none, which sealer says
	}
	return embeddedKeys(c)
}

// embeddedKeys gives the embedded mode a key set of its own, made at first start and kept in the data folder.
func embeddedKeys(c *config.Config) error {
	if c.String("token-keys") != "" || !c.Bool("embedded") {
		return nil
	}
	path := filepath.Join(c.String("data"), keysFile)
	keys, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		if keys, err = seal.NewKeySet(); err != nil {
			return err
		}
		if err = os.MkdirAll(filepath.Dir(path), 0o700); err == nil {
			err = os.WriteFile(path, keys, 0o600)
		}
	}
	if err != nil {
		return fmt.Errorf("keep the key set of the embedded mode: %w", err)
	}
	c.Set("token-keys", string(keys), "made for the embedded mode, "+path)
	return nil
}
