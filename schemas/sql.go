package schemas

import "strings"

// MaxQuerySize is how long a query may be, in bytes, on every connection of the program (MaxQuerySizeSetting): more than a record of Kafka can list, which stands in the
// text of some. ClickHouse's own bound is 256 KiB (clickhouse.com/docs/operations/settings/settings#max_query_size).
const (
	MaxQuerySize        = 32 << 20
	MaxQuerySizeSetting = "max_query_size"
)

var (
	inName   = strings.NewReplacer(`\`, `\\`, "`", "\\`")
	inString = strings.NewReplacer(`\`, `\\`, `'`, `\'`)
)

// SQLName is an identifier of ClickHouse, quoted (clickhouse.com/docs/sql-reference/syntax#identifiers).
func SQLName(s string) string { return "`" + inName.Replace(s) + "`" }

// SQLString is a string literal of ClickHouse (clickhouse.com/docs/sql-reference/syntax#string): for where a query takes no parameter, as in a view's
// arguments or a mutation.
func SQLString(s string) string { return "'" + inString.Replace(s) + "'" }
