package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/spf13/cobra"

	"github.com/bigmind/backchannel/cmd/backchannel/tabular"
)

// exact makes every table answer as if all was merged, as the views do anyway; and nothing can be changed.
var exact = clickhouse.Settings{"final": 1, "readonly": 2}

func queryCommand(a *app) *cobra.Command {
	var format string
	var params []string
	cmd := &cobra.Command{
		Use: "query 'SELECT …'", Short: "Ask ClickHouse, and print the answer", Args: cobra.ExactArgs(1),
		Long: `Ask ClickHouse, and print the answer. Tables answer exactly, as with FINAL, and nothing can be changed. {name:Type} in the query is given by --param.
Times are in UTC; a table has them as a query takes them. Parquet has lists of numbers, words and times as lists, days as dates, and decimals of up to 38
digits as decimals; maps, tuples, lists of lists and JSON are text, as --format json has them; integers of more than 64 bits and longer decimals are text, too.

  backchannel query 'SELECT account_name, count() FROM conversations GROUP BY ALL'
  backchannel query --param org=org-northwind 'SELECT * FROM org_threads(org = {org:String})' --format json

What there is to ask: 'backchannel query "SHOW TABLES"', or schemas/DICTIONARY.md.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			conn, err := clickhouseConn(a.config)
			if err != nil {
				return err
			}
			defer func() { _ = conn.Close() }() // nothing is pending on it
			values, err := given(params)
			if err != nil {
				return err
			}
			ctx := clickhouse.Context(cmd.Context(), clickhouse.WithSettings(exact), clickhouse.WithParameters(parameters(values)))
			return ask(ctx, conn, args[0], format, cmd.OutOrStdout(), func(uint64) {})
		},
	}
	cmd.Flags().StringVar(&format, "format", "table", strings.Join(tabular.Formats(), ", ")+" (json: an object a line)")
	cmd.Flags().StringArrayVar(&params, "param", nil, "name=value of a {name:Type} in the query")
	return cmd
}

// given are values of {name:Type} in a query, as name=value.
func given(params []string) (map[string]string, error) {
	all := map[string]string{}
	for _, p := range params {
		name, value, found := strings.Cut(p, "=")
		if !found || name == "" {
			return nil, fmt.Errorf("--param %q: want name=value", p)
		}
		all[name] = value
	}
	return all, nil
}

// parameters are such values, literally: ClickHouse reads them in its Escaped form, in which a backslash begins an escape
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
func ask(ctx context.Context, conn clickhouse.Conn, query, format string, out io.Writer, told func(uint64)) error {
	if err := askable(query, format, out); err != nil {
		return err
	}
	rows, err := conn.Query(ctx, query)
	if err != nil {
		return fmt.Errorf("ask ClickHouse: %w", shorter(err))
	}
	defer func() { _ = rows.Close() }() // Err tells what matters
	columns := rows.ColumnTypes()
	if len(columns) == 0 { // over HTTP an answer without rows has no head either
		columns = head(ctx, conn, query)
	}
	w, err := tabular.New(format, out, columns)
	if err != nil {
		return err
	}
	return errors.Join(tabular.Copy(rows, w, told), w.Close())
}

// formatClause is at the end of what is asked with curl; upper and lower case count in a format's name.
var formatClause = regexp.MustCompile(`(?i:\bFORMAT)\s+((?:JSON|CSV|TSV|TabSeparated|Pretty|Vertical|Values|Parquet|Arrow|ORC|Avro|XML|Markdown|Null|Native|RowBinary|TSKV|LineAsString|RawBLOB|Custom|Template|SQLInsert|MsgPack|BSON|Npy)\w*)\s*;?\s*$`)

// What ClickHouse allows of those who only read is to write into a function, which is a file or a URL (INSERT INTO FUNCTION), also after a WITH.
var (
	reads  = regexp.MustCompile(`^(?s:\s|\(|--[^\n]*\n|/\*.*?\*/)*(?i:SELECT|WITH|SHOW|DESCRIBE|DESC|EXPLAIN|EXISTS)\b`)
	quoted = regexp.MustCompile(`(?s)'(?:[^'\\]|\\.)*'`)
	writes = regexp.MustCompile(`(?i)\bINSERT\s+INTO\b`)
)

func askable(query, format string, out io.Writer) error {
	if strings.Trim(query, "; \t\r\n") == "" {
		return errors.New(`the query is empty; 'backchannel query "SHOW TABLES"' shows what there is to ask`)
	}
	if !reads.MatchString(query) || writes.MatchString(quoted.ReplaceAllString(query, "''")) {
		return errors.New("nothing can be changed here: a query begins with SELECT, WITH, SHOW, DESCRIBE, EXPLAIN or EXISTS, and has no INSERT")
	}
	if clause := formatClause.FindStringSubmatch(query); clause != nil {
		return fmt.Errorf("leave FORMAT %s out of the query: --format says how the answer is written (%s)", clause[1], strings.Join(tabular.Formats(), ", "))
	}
	if err := tabular.Known(format); err != nil {
		return err
	}
	if format == "parquet" && onTerminal(out) {
		return errors.New("Parquet is not for a terminal: send it to a file with >") //nolint:staticcheck // a name
	}
	return nil
}

// head asks for the columns of an answer. What cannot be described, as SHOW TABLES, has none.
func head(ctx context.Context, conn clickhouse.Conn, query string) []driver.ColumnType {
	rows, err := conn.Query(ctx, "DESCRIBE ("+strings.TrimRight(query, "; \t\r\n")+"\n)")
	if err != nil {
		return nil
	}
	defer func() { _ = rows.Close() }() // what it had is known
	var columns []driver.ColumnType
	about := make([]string, len(rows.Columns())) // name, type, and more that is not needed here
	targets := make([]any, len(about))
	for i := range about {
		targets[i] = &about[i]
	}
	for rows.Next() {
		if len(about) < 2 || rows.Scan(targets...) != nil {
			return nil
		}
		c, err := tabular.Column(about[0], about[1])
		if err != nil {
			return nil
		}
		columns = append(columns, c)
	}
	return columns
}

// expected is how much ClickHouse may say of what it would have understood instead: it lists its whole grammar.
const expected = 120

// viaHTTP is what the driver says before the words of ClickHouse.
var viaHTTP = regexp.MustCompile(`^sendQuery: (\[HTTP \d+\] )?`)

// shorter is what ClickHouse said of a query, without the driver's words and without all that could have stood where the mistake is.
func shorter(err error) error {
	text := viaHTTP.ReplaceAllString(err.Error(), "")
	if before, after, found := strings.Cut(text, "Expected one of: "); found && len(after) > expected {
		text = before + "Expected one of: " + strings.ToValidUTF8(after[:expected], "") + " …"
	}
	if text == err.Error() {
		return err
	}
	return errors.New(text)
}
