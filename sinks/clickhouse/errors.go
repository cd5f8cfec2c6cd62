package clickhouse

import (
	"errors"
	"fmt"

	driver "github.com/ClickHouse/clickhouse-go/v2"

	"github.com/bigmind/backchannel/sinks"
)

// refusals are ClickHouse's error codes (src/Common/ErrorCodes.cpp) that are about the data: the same block fails
// again. Everything else, such as a missing table (60), too many parts (252) or no memory (241), passes or can be mended.
var refusals = map[int32]bool{
	6: true, 26: true, 27: true, 38: true, 41: true, 72: true, // cannot parse text, quoted string, input, date, datetime, number
	33: true, 117: true, // cannot read all data, incorrect data
	53: true, 69: true, 70: true, // type mismatch, argument out of bound, cannot convert type
	131: true, 349: true, // string too large, NULL in an ordinary column
	395: true, 469: true, // throwIf in a view, violated constraint
}

// refine makes an insert error permanent when ClickHouse refused the data. Its message is then left out: it may quote values.
func refine(table string, err error) error {
	if e, ok := errors.AsType[*driver.Exception](err); ok && refusals[e.Code] {
		return sinks.Permanent(fmt.Errorf("insert into %s: ClickHouse refused the row: code %d (%s)", table, e.Code, e.Name))
	}
	return fmt.Errorf("insert into %s: %w", table, err)
}
