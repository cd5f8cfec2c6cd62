// Package apply brings Kafka's topics and ClickHouse's tables to what schemas declares: idempotently, saying what it
// changed, and with Check changing nothing.
package apply

import "fmt"

// Report lists what was, or with Check would be, changed, and what cannot be mended by applying.
type Report struct {
	Changes  []string
	Problems []string
}

func (r *Report) changed(format string, args ...any) {
	r.Changes = append(r.Changes, fmt.Sprintf(format, args...))
}

func (r *Report) problem(format string, args ...any) {
	r.Problems = append(r.Problems, fmt.Sprintf(format, args...))
}
