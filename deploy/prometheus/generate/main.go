// Command generate writes the reference of all metrics, deploy/METRICS.md, from the code. It runs in deploy/prometheus.
package main

import (
	"fmt"
	"os"

	"github.com/bigmind/backchannel/deploy/prometheus/declared"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	all, err := declared.Metrics("../..")
	if err != nil {
		return fmt.Errorf("read the metrics from the code: %w", err)
	}
	return os.WriteFile("../METRICS.md", []byte(declared.Page(all)), 0o644)
}
