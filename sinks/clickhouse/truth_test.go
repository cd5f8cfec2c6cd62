package clickhouse

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// facts are rows of an answer, in any order.
type facts []string

// tuple writes a row as ClickHouse's toString(tuple(*)) does, of strings and numbers.
func tuple(values ...any) string {
	words := make([]string, len(values))
	for i, v := range values {
		switch v := v.(type) {
		case string:
			words[i] = "'" + strings.ReplaceAll(v, "'", `\'`) + "'"
		case bool:
			words[i] = map[bool]string{false: "0", true: "1"}[v]
		case float64:
			words[i] = strconv.FormatFloat(v, 'f', -1, 64)
		default:
			words[i] = fmt.Sprint(v)
		}
	}
	return "(" + strings.Join(words, ",") + ")"
}

// live is what conversations should have: in a channel that is associated now, and not deleted. In the order in which it was said.
func (w *organization) live() []*spoken {
	all := slices.DeleteFunc(slices.Clone(w.said), func(s *spoken) bool { return s.gone != 0 || s.channel.now().account == "" })
	slices.SortFunc(all, func(a, b *spoken) int {
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.channel.id, b.channel.id))
	})
	return all
}

// where keeps those that are so.
func where(all []*spoken, so func(*spoken) bool) []*spoken {
	return slices.DeleteFunc(slices.Clone(all), func(s *spoken) bool { return !so(s) })
}

func (s *spoken) account() string { return s.channel.now().account }

func external(s *spoken) bool { return s.by.external }

// counted counts by what of says, a row for each.
func counted(all []*spoken, of func(*spoken) string) facts {
	n := map[string]int{}
	for _, s := range all {
		n[of(s)]++
	}
	var f facts
	for key, count := range n {
		f = append(f, tuple(key, count))
	}
	return f
}

// grouped makes a row for each group.
func grouped(all []*spoken, of func(*spoken) string, row func(key string, group []*spoken) string) facts {
	groups := map[string][]*spoken{}
	for _, s := range all {
		groups[of(s)] = append(groups[of(s)], s)
	}
	var f facts
	for key, group := range groups {
		if r := row(key, group); r != "" {
			f = append(f, r)
		}
	}
	return f
}

func distinct(all []*spoken, of func(*spoken) string) int {
	seen := map[string]bool{}
	for _, s := range all {
		seen[of(s)] = true
	}
	return len(seen)
}

func last(all []*spoken) int64 { return all[len(all)-1].at }

// talk is a thread that has replies.
type talk struct {
	root    *spoken // nil: it was deleted
	at      int64
	all     []*spoken // the root too
	replies []*spoken
}

// answer is the first reply of somebody other than who began, or nil; nil too where nothing says who that was.
func (t talk) answer() *spoken {
	if t.root == nil {
		return nil
	}
	for _, r := range t.replies {
		if r.by.id != t.root.by.id {
			return r
		}
	}
	return nil
}

func (w *organization) talks() []talk {
	groups := map[string]*talk{}
	var order []string
	for _, s := range w.live() {
		key := fmt.Sprint(s.channel.id, s.thread())
		if groups[key] == nil {
			groups[key] = &talk{at: s.thread()}
			order = append(order, key)
		}
		t := groups[key]
		t.all = append(t.all, s)
		if s.root == 0 {
			t.root = s
		} else {
			t.replies = append(t.replies, s)
		}
	}
	var all []talk
	for _, key := range order {
		if len(groups[key].replies) > 0 {
			all = append(all, *groups[key])
		}
	}
	return all
}

// question is what a customer said, and what of ours answered it.
type question struct {
	*spoken
	answer *spoken
}

func (w *organization) asked() []question {
	all := w.live()
	var questions []question
	for i, s := range all {
		if !s.by.external {
			continue
		}
		first := func(fits func(*spoken) bool) *spoken {
			for _, next := range all[i+1:] {
				if next.at > s.at && next.channel.id == s.channel.id && fits(next) {
					return next
				}
			}
			return nil
		}
		ours := func(n *spoken) bool { return !n.by.external && !n.by.bot }
		inThread := first(func(n *spoken) bool { return n.thread() == s.thread() && ours(n) })
		inChannel := first(func(n *spoken) bool { return n.root == 0 && ours(n) })
		reply := first(func(n *spoken) bool { return n.root != 0 && n.thread() == s.thread() })
		q := question{s, inThread}
		if s.root == 0 && (reply == nil || inChannel != nil && inChannel.at < reply.at) {
			q.answer = inChannel
		}
		questions = append(questions, q)
	}
	return questions
}

func dayOf(micros int64) int64 { return micros / aDay }

func dateOf(day int64) string { return time.UnixMicro(day * aDay).UTC().Format(time.DateOnly) }

func stamp(micros int64) string {
	return time.UnixMicro(micros).UTC().Format("2006-01-02 15:04:05.000000")
}

func secs(micros int64) float64 { return float64(micros) / second }

// median is that of ClickHouse's quantileExactInclusive.
func median(all []int64) float64 {
	slices.Sort(all)
	at := 0.5 * float64(len(all)-1)
	low := int(at)
	if low == len(all)-1 {
		return float64(all[low])
	}
	return float64(all[low]) + (at-float64(low))*float64(all[low+1]-all[low])
}

// wordsOf are the words by which text is searched.
func wordsOf(s *spoken) []string { return strings.Fields(strings.ToLower(strings.Trim(s.text(), "!"))) }

func has(s *spoken, word string) bool { return slices.Contains(wordsOf(s), word) }
