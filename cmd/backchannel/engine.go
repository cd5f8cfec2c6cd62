package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/bigmind/backchannel/deploy/embedded/chdb"
)

// engineName is the hidden command under which this binary becomes the embedded ClickHouse: a child process, so that a
// crash inside the engine takes nothing else down.
const engineName = "clickhouse-engine"

func engineCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use: engineName, Short: "Be the embedded ClickHouse (started by run --embedded)", Hidden: true, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return chdb.RunChild(cmd.Context(), a.log) },
	}
}

// progressBar shows the fetching of libchdb, which happens once.
func progressBar(out io.Writer) func(chdb.Progress) {
	const width = 30
	last := ""
	return func(p chdb.Progress) {
		line := p.Stage + " …"
		if p.Total > 0 {
			done := int(float64(width) * float64(p.Done) / float64(p.Total))
			line = fmt.Sprintf("%-8s [%s%s] %d / %d MB", p.Stage, strings.Repeat("#", done), strings.Repeat(".", width-done), p.Done>>20, p.Total>>20)
		}
		if line != last {
			fmt.Fprintf(out, "\rClickHouse engine: %s", line)
			last = line
		}
		if p.Total > 0 && p.Done >= p.Total {
			fmt.Fprintln(out)
		}
	}
}
