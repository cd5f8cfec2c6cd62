package schemas

import "strings"

var (
	inName   = strings.NewReplacer(`\`, `\\`, "`", "\\`")
	inString = strings.NewReplacer(`\`, `\\`, `'`, `\'`)
)

// SQLName is an identifier of ClickHouse, quoted (clickhouse.com/docs/sql-reference/syntax#identifiers).
func SQLName(s string) string { return "`" + inName.Replace(s) + "`" }

// SQLString is a string literal of ClickHouse (clickhouse.com/docs/sql-reference/syntax#string): for where a query takes no parameter, as in a view's
// arguments or a mutation.
func SQLString(s string) string { return "'" + inString.Replace(s) + "'" }
