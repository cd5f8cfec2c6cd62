package slacksim

import (
	"cmp"
	"slices"
)

// settle counts a delivery that needs no more attempts.
func (s *state) settle(do *settled) {
	if _, known := s.pending[do.ID]; !known {
		return
	}
	delete(s.pending, do.ID)
	failed := do.Attempts
	switch do.Outcome {
	case outcomeAccepted:
		s.stats.Accepted++
		failed--
	case outcomeGivenUp:
		s.stats.GivenUp++
	case outcomeWithheld:
		s.stats.Withheld++
	}
	s.stats.FailedAttempts += failed
	s.stats.Retries += max(do.Attempts-1, 0)
}

// unsettled are the deliveries that were under way, in the order in which they came about.
func (s *state) unsettled() []*delivery {
	due := make([]*delivery, 0, len(s.pending))
	for _, d := range s.pending {
		due = append(due, d)
	}
	slices.SortFunc(due, func(a, b *delivery) int { return cmp.Compare(a.ID, b.ID) })
	return due
}
