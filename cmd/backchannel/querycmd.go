package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/spf13/cobra"

	"github.com/bigmind/backchannel/cmd/backchannel/tabular"
)

// exact makes every table answer as if all was merged, as the views do anyway; and nothing can be changed.
var exact = clickhouse.Settings{"final": 1, "readonly": 2}

func queryCommand(a *app) *cobra.Command {
	var format string
	var params map[string]string
	cmd := &cobra.Command{
		Use: "query 'SELECT …'", Short: "Ask ClickHouse, and print the answer", Args: cobra.ExactArgs(1),
		Long: `Ask ClickHouse, and print the answer. Tables answer exactly, as with FINAL, and nothing can be changed. {name:Type} in the query is given by --param.

  backchannel query 'SELECT account_name, count() FROM conversations GROUP BY ALL'
  backchannel query --param org=org-northwind 'SELECT * FROM org_threads(org = {org:String})' --format json

What there is to ask: 'backchannel query "SHOW TABLES"', or schemas/DICTIONARY.md.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			conn, err := clickhouseConn(a.config)
			if err != nil {
				return err
			}
			defer func() { _ = conn.Close() }() // nothing is pending on it
			ctx := clickhouse.Context(cmd.Context(), clickhouse.WithSettings(exact), clickhouse.WithParameters(parameters(params)))
			return ask(ctx, conn, args[0], format, cmd.OutOrStdout(), func(uint64) {})
		},
	}
	cmd.Flags().StringVar(&format, "format", "table", strings.Join(tabular.Formats(), ", ")+" (json: an object a line)")
	cmd.Flags().StringToStringVar(&params, "param", nil, "name=value of a {name:Type} in the query")
	return cmd
}

// parameters are values of {name:Type} in a query, literally: ClickHouse reads them in its Escaped form, in which a backslash begins an escape
// (clickhouse.com/docs/interfaces/http#cli-queries-with-parameters).
func parameters(literal map[string]string) clickhouse.Parameters {
	all := clickhouse.Parameters{}
	for name, value := range literal {
		all[name] = escapes.Replace(value)
	}
	return all
}

var escapes = strings.NewReplacer(`\`, `\\`, "\t", `\t`, "\n", `\n`)

// ask prints the answer to a query.
func ask(ctx context.Context, conn clickhouse.Conn, query, format string, out io.Writer, told func(uint64), args ...any) error {
	if format == "parquet" && onTerminal(out) {
		return errors.New("Parquet is not for a terminal: send it to a file with >") //nolint:staticcheck // a name
	}
	rows, err := conn.Query(ctx, query, args...)
	if err != nil {
		return fmt.Errorf("ask ClickHouse: %w", err)
	}
	defer func() { _ = rows.Close() }() // Err tells what matters
	w, err := tabular.New(format, out, rows.ColumnTypes())
	if err != nil {
		return err
	}
	return errors.Join(tabular.Copy(rows, w, told), w.Close())
}
