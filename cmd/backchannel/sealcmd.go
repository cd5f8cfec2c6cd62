package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/bigmind/backchannel/cmd/backchannel/config"
	"github.com/bigmind/backchannel/schemas"
	"github.com/bigmind/backchannel/schemas/seal"
)

func sealCommand(a *app) *cobra.Command {
	var team string
	var fresh bool
	cmd := &cobra.Command{
		Use: "seal --team T…", Short: "Seal a bot token, read from standard input, for a slack.installations record", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			out := cmd.OutOrStdout()
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
	return cmd
}

// keysFile holds the key set of the embedded mode, in the data folder.
const keysFile = "token-keys.json"

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
