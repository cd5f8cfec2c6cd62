package doctor

import (
	"fmt"
	"io"

	"github.com/bigmind/backchannel/ingest/diagnose"
)

// marks begin a line for a person.
var marks = map[diagnose.Result]string{diagnose.Pass: "✓", diagnose.Fail: "✗", diagnose.Unknown: "?"}

// Print writes a line, and what to do on the next.
func Print(out io.Writer, l Line) {
	fmt.Fprintf(out, "%s %-13s %s\n", marks[l.Result], l.Area, l.Fact)
	if l.Next != "" && l.Result != diagnose.Pass {
		fmt.Fprintf(out, "  %-13s → %s\n", "", l.Next)
	}
}
