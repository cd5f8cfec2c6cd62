package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/spf13/cobra"
)

// readyCommand is for health checks in images that have no other program.
func readyCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "ready", Short: "Ask the process at http-addr whether it is ready", Args: cobra.NoArgs,
		Long: "Ask the process at http-addr whether it is ready. Exit code 0: it is; 1: it waits, and for what, or does not answer.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			text, err := askReady(a.config.String("http-addr"))
			fmt.Fprint(cmd.OutOrStdout(), text)
			return err
		},
	}
}

const readyWithin = 3 * time.Second

func askReady(addr string) (string, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return "", fmt.Errorf("http-addr: %w", err)
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	client := http.Client{Timeout: readyWithin}
	resp, err := client.Get("http://" + net.JoinHostPort(host, port) + "/readyz") //nolint:noctx // the client has a timeout
	if err != nil {
		return "", err
	}
	defer func() { _ = resp.Body.Close() }() // the answer was read
	text, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("not ready: HTTP status %d", resp.StatusCode)
	}
	return string(text), err
}
