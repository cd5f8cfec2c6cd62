package clickhouse

import (
	"math"
	"slices"
	"strconv"
)

// asking is an analyst's question, the SQL that answers it, and the truth.
type asking struct {
	question, sql string
	truth         func(w *organization) facts
}

func one(values ...any) facts { return facts{tuple(values...)} }

func byAccount(s *spoken) string { return s.account() }

// questions are what analysts ask. They are printed in QUESTIONS.md with their answers.
var questions = []asking{
	{"How many messages are there?", "SELECT count() AS messages FROM org_conversations(org = 'org-northwind')", func(w *organization) facts { return one(len(w.live())) }},
	{"How many of each account?", "SELECT account_id, count() AS messages FROM org_conversations(org = 'org-northwind') GROUP BY account_id", func(w *organization) facts { return counted(w.live(), byAccount) }},
	{"How many people talk about each account and deal?", "SELECT account_name, deal_name, uniqExact(user_id, bot_id) AS people FROM org_conversations(org = 'org-northwind') GROUP BY ALL", func(w *organization) facts {
		return grouped(w.live(), func(s *spoken) string { l := s.channel.now(); return l.account + "/" + l.deal }, func(_ string, g []*spoken) string {
			l := g[0].channel.now()
			return tuple(w.nameOf(l.account), w.deals[l.deal], distinct(g, func(s *spoken) string { return s.by.id }))
		})
	}},
	{"When did each channel last hear something?", "SELECT channel_name, max(ts_time) AS last_heard FROM org_conversations(org = 'org-northwind') GROUP BY channel_name", func(w *organization) facts {
		return grouped(w.live(), func(s *spoken) string { return s.channel.name }, func(name string, g []*spoken) string { return tuple(name, stamp(last(g))) })
	}},
	{"What is said about an account each day?", "SELECT toDate(ts_time) AS day, count() AS messages FROM account_conversations(org = 'org-northwind', account = 'a1') GROUP BY day", func(w *organization) facts {
		return grouped(w.of("a1"), func(s *spoken) string { return strconv.FormatInt(dayOf(s.at), 10) }, func(_ string, g []*spoken) string { return tuple(dateOf(dayOf(g[0].at)), len(g)) })
	}},
	{"And each week?", "SELECT toMonday(ts_time) AS week, count() AS messages FROM account_conversations(org = 'org-northwind', account = 'a2') GROUP BY week", func(w *organization) facts {
		return grouped(w.of("a2"), func(s *spoken) string { return strconv.FormatInt(monday(s.at), 10) }, func(_ string, g []*spoken) string { return tuple(dateOf(monday(g[0].at)), len(g)) })
	}},
	{"How much do customers say?", "SELECT account_id, countIf(is_external) AS of_customers FROM org_conversations(org = 'org-northwind') GROUP BY account_id", func(w *organization) facts {
		return grouped(w.live(), byAccount, func(a string, g []*spoken) string { return tuple(a, len(where(g, external))) })
	}},
	{"Who of us says how much?", "SELECT author_name, count() AS messages FROM org_conversations(org = 'org-northwind') WHERE NOT is_external AND bot_id = '' GROUP BY author_name", func(w *organization) facts {
		return counted(where(w.live(), func(s *spoken) bool { return !s.by.external && !s.by.bot }), func(s *spoken) string { return s.by.name })
	}},
	{"How much is said by apps?", "SELECT bot_id, count() AS messages FROM org_conversations(org = 'org-northwind') WHERE bot_id != '' GROUP BY bot_id", func(w *organization) facts {
		return counted(where(w.live(), func(s *spoken) bool { return s.by.bot }), func(s *spoken) string { return s.by.id })
	}},
	{"Where are files?", "SELECT account_id, count() AS messages FROM org_conversations(org = 'org-northwind') WHERE has(file_names, 'plan.pdf') GROUP BY account_id", func(w *organization) facts {
		return counted(where(w.live(), func(s *spoken) bool { return len(s.files) > 0 }), byAccount)
	}},
	{"How many messages were edited?", "SELECT count() AS messages FROM org_conversations(org = 'org-northwind') WHERE edited_ts != ''", func(w *organization) facts {
		return one(len(where(w.live(), func(s *spoken) bool { return len(s.wordings) > 1 })))
	}},
	{"What does each message say now?", "SELECT channel_id, ts, text FROM org_conversations(org = 'org-northwind')", func(w *organization) facts {
		return each(w.live(), func(s *spoken) string { return tuple(s.channel.id, string(tsOf(s.at)), s.text()) })
	}},
	{"Who talks most about each account?", "SELECT account_id, author_name, count() AS messages FROM org_conversations(org = 'org-northwind') GROUP BY ALL", func(w *organization) facts {
		return grouped(w.live(), func(s *spoken) string { return s.account() + s.by.id }, func(_ string, g []*spoken) string { return tuple(g[0].account(), g[0].by.name, len(g)) })
	}},
	{"How many threads has each account?", "SELECT account_id, count() AS threads, sum(replies) AS all_replies FROM org_threads(org = 'org-northwind') GROUP BY account_id", func(w *organization) facts {
		return w.ofTalks(func(t talk) string { return t.all[0].account() }, func(a string, g []talk) string {
			n := 0
			for _, t := range g {
				n += len(t.replies)
			}
			return tuple(a, len(g), n)
		})
	}},
	{"How long is each channel's longest thread?", "SELECT channel_id, max(replies) AS longest FROM org_threads(org = 'org-northwind') GROUP BY channel_id", func(w *organization) facts {
		return w.ofTalks(func(t talk) string { return t.all[0].channel.id }, func(c string, g []talk) string {
			n := 0
			for _, t := range g {
				n = max(n, len(t.replies))
			}
			return tuple(c, n)
		})
	}},
	{"Who took part in each thread?", "SELECT channel_id, root_ts, participants, external_people FROM org_threads(org = 'org-northwind')", func(w *organization) facts {
		return w.eachTalk(func(t talk) string {
			return tuple(t.all[0].channel.id, string(tsOf(t.at)), distinct(t.all, func(s *spoken) string { return s.by.id }), distinct(where(t.all, external), func(s *spoken) string { return s.by.id }))
		})
	}},
	{"Which threads did customers begin?", "SELECT root_ts, root_author_name FROM org_threads(org = 'org-northwind') WHERE root_is_external", func(w *organization) facts {
		return w.eachTalk(func(t talk) string {
			if t.root == nil || !t.root.by.external {
				return ""
			}
			return tuple(string(tsOf(t.at)), t.root.by.name)
		})
	}},
	{"Which threads were answered by nobody else?", "SELECT root_ts FROM org_threads(org = 'org-northwind') WHERE first_response_at IS NULL", func(w *organization) facts {
		return w.eachTalk(func(t talk) string {
			if t.answer() != nil {
				return ""
			}
			return tuple(string(tsOf(t.at)))
		})
	}},
	{"How fast was each thread answered, in seconds?", "SELECT root_ts, first_response_secs FROM org_threads(org = 'org-northwind') WHERE first_response_at IS NOT NULL", func(w *organization) facts {
		return w.eachTalk(func(t talk) string {
			if t.answer() == nil {
				return ""
			}
			return tuple(string(tsOf(t.at)), secs(t.answer().at-t.at))
		})
	}},
	{"Where has the customer the last word?", "SELECT root_ts FROM org_threads(org = 'org-northwind') WHERE last_is_external", func(w *organization) facts {
		return w.eachTalk(func(t talk) string {
			if !t.all[len(t.all)-1].by.external {
				return ""
			}
			return tuple(string(tsOf(t.at)))
		})
	}},
	{"Of which threads was the first message deleted?", "SELECT channel_id, root_ts FROM org_threads(org = 'org-northwind') WHERE root_deleted", func(w *organization) facts {
		return w.eachTalk(func(t talk) string {
			if t.root != nil {
				return ""
			}
			return tuple(t.all[0].channel.id, string(tsOf(t.at)))
		})
	}},
	{"What do a channel's threads say, in order?", "SELECT root_ts, ts, author_name, text FROM channel_conversations(org = 'org-northwind', team = 'T1', channel = 'C1') WHERE root_ts IN (SELECT root_ts FROM org_threads(org = 'org-northwind') WHERE channel_id = 'C1') ORDER BY root_ts, ts", func(w *organization) facts {
		var f facts
		for _, t := range w.talks() {
			f = append(f, each(where(t.all, func(s *spoken) bool { return s.channel.id == "C1" }), func(s *spoken) string {
				return tuple(string(tsOf(t.at)), string(tsOf(s.at)), s.by.name, s.text())
			})...)
		}
		return f
	}},
	{"How many customers' messages were answered, and how many not?", "SELECT account_id, countIf(answered_at IS NOT NULL) AS answered, countIf(answered_at IS NULL) AS unanswered FROM org_customer_messages(org = 'org-northwind') GROUP BY account_id", func(w *organization) facts {
		return w.ofAsked(func(a string, g []question) string { return tuple(a, len(g)-unanswered(g), unanswered(g)) })
	}},
	{"How long did customers wait in all, in seconds?", "SELECT account_id, round(sum(waited_secs)) AS waited FROM org_customer_messages(org = 'org-northwind') GROUP BY account_id", func(w *organization) facts {
		return w.ofAsked(func(a string, g []question) string {
			if unanswered(g) == len(g) {
				return tuple(a, "NULL")
			}
			sum := int64(0)
			for _, q := range g {
				sum += q.waited()
			}
			return tuple(a, (sum+second/2)/second)
		})
	}},
	{"How long was the longest wait, in seconds?", "SELECT account_id, max(waited_secs) AS longest FROM org_customer_messages(org = 'org-northwind') WHERE answered_at IS NOT NULL GROUP BY account_id", func(w *organization) facts {
		return w.ofAsked(func(a string, g []question) string {
			if unanswered(g) == len(g) {
				return ""
			}
			most := int64(0)
			for _, q := range g {
				most = max(most, q.waited())
			}
			return tuple(a, secs(most))
		})
	}},
	{"What waits for an answer?", "SELECT channel_id, ts FROM recent_customer_messages(org = 'org-northwind', since = '2026-09-15 00:00:00') WHERE answered_at IS NULL", func(w *organization) facts {
		var f facts
		for _, q := range w.asked() {
			if q.answer == nil && q.at >= began+14*aDay {
				f = append(f, tuple(q.channel.id, string(tsOf(q.at))))
			}
		}
		return f
	}},
	{"Which answer belongs to which question?", "SELECT channel_id, ts, answered_at FROM org_customer_messages(org = 'org-northwind') WHERE answered_at IS NOT NULL", func(w *organization) facts {
		var f facts
		for _, q := range w.asked() {
			if q.answer != nil {
				f = append(f, tuple(q.channel.id, string(tsOf(q.at)), stamp(q.answer.at)))
			}
		}
		return f
	}},
	{"What are an account's days?", "SELECT day, messages, external_messages, replies, people, external_people FROM org_account_activity(org = 'org-northwind') WHERE account_id = 'a1'", func(w *organization) facts {
		return grouped(w.of("a1"), func(s *spoken) string { return strconv.FormatInt(dayOf(s.at), 10) }, func(_ string, g []*spoken) string {
			id := func(s *spoken) string { return s.by.id }
			return tuple(dateOf(dayOf(g[0].at)), len(g), len(where(g, external)), len(where(g, func(s *spoken) bool { return s.root != 0 })), distinct(g, id), distinct(where(g, external), id))
		})
	}},
	{"How long was each account silent?", "SELECT account_id, max(silent_days) AS longest_silence FROM org_account_activity(org = 'org-northwind') GROUP BY account_id", func(w *organization) facts {
		return grouped(w.live(), byAccount, func(a string, g []*spoken) string {
			silent := int64(0)
			for i := 1; i < len(g); i++ {
				silent = max(silent, dayOf(g[i].at)-dayOf(g[i-1].at)-1)
			}
			return tuple(a, silent)
		})
	}},
	{"Do the days add up?", "SELECT account_id, sum(messages) AS said, sum(answered + unanswered) AS of_customers FROM org_account_activity(org = 'org-northwind') GROUP BY account_id", func(w *organization) facts {
		return grouped(w.live(), byAccount, func(a string, g []*spoken) string { return tuple(a, len(g), len(where(g, external))) })
	}},
	{"What is the median wait of each day, in seconds?", "SELECT day, round(median_wait_secs, 3) AS median_wait FROM org_account_activity(org = 'org-northwind') WHERE account_id = 'a2' AND answered > 0", func(w *organization) facts {
		waits := map[int64][]int64{}
		for _, q := range w.asked() {
			if q.account() == "a2" && q.answer != nil {
				waits[dayOf(q.at)] = append(waits[dayOf(q.at)], q.waited())
			}
		}
		var f facts
		for day, all := range waits {
			f = append(f, tuple(dateOf(day), math.Round(median(all)/1000)/1000))
		}
		return f
	}},
	{"Who talks of the renewal?", "SELECT count() AS messages FROM org_search(org = 'org-northwind', words = 'renewal')", func(w *organization) facts {
		return one(len(where(w.live(), func(s *spoken) bool { return has(s, "renewal") })))
	}},
	{"Where do two words come together?", "SELECT ts FROM account_search(org = 'org-northwind', account = 'a1', words = 'sso invoice')", func(w *organization) facts {
		return each(where(w.of("a1"), func(s *spoken) bool { return has(s, "sso") && has(s, "invoice") }), func(s *spoken) string { return tuple(string(tsOf(s.at))) })
	}},
	{"Where is either of them said?", "SELECT channel_id, count() AS messages FROM org_conversations(org = 'org-northwind') WHERE hasAnyTokens(text, 'LEGAL dashboard') GROUP BY channel_id", func(w *organization) facts {
		return counted(where(w.live(), func(s *spoken) bool { return has(s, "legal") || has(s, "dashboard") }), func(s *spoken) string { return s.channel.id })
	}},
	{"Is a part of a word found?", "SELECT count() AS messages FROM org_conversations(org = 'org-northwind') WHERE text ILIKE '%road%'", func(w *organization) facts {
		return one(len(where(w.live(), func(s *spoken) bool { return has(s, "roadmap") })))
	}},
	{"Who writes from which domain?", "SELECT domain, count() AS messages FROM (SELECT splitByChar('@', author_email)[2] AS domain FROM org_conversations(org = 'org-northwind') WHERE author_email != '') GROUP BY domain", func(w *organization) facts {
		return counted(where(w.live(), func(s *spoken) bool { return s.by.email != "" }), func(s *spoken) string { return s.by.email[slices.Index([]byte(s.by.email), '@')+1:] })
	}},
	{"Who are the people?", "SELECT is_external, is_bot, count() AS people FROM org_people(org = 'org-northwind') GROUP BY ALL", func(*organization) facts { return facts{"(0,0,4)", "(1,0,2)", "(0,1,1)"} }},
	{"Who is not in Slack?", "SELECT user_id, name FROM org_people(org = 'org-northwind') WHERE slack_user_id = ''", func(*organization) facts { return one("u-zoe", "Zoe") }},
	{"Who is who in Slack and in Bigmind?", "SELECT slack_user_id, user_id, role FROM org_people(org = 'org-northwind') WHERE user_id != '' AND slack_user_id != ''", func(*organization) facts {
		return facts{"('U1','u-ada','owner')", "('U2','u-ben','')"}
	}},
	{"How much does each of our users say?", "SELECT author_user_id, count() AS messages FROM org_conversations(org = 'org-northwind') WHERE author_user_id != '' GROUP BY author_user_id", func(w *organization) facts {
		return counted(where(w.live(), func(s *spoken) bool { return s.by.id == "U1" || s.by.id == "U2" }), func(s *spoken) string { return map[string]string{"U1": "u-ada", "U2": "u-ben"}[s.by.id] })
	}},
	{"Of which companies are the others?", "SELECT author_company, count() AS messages FROM org_conversations(org = 'org-northwind') WHERE is_external GROUP BY author_company", func(w *organization) facts {
		return counted(where(w.live(), external), func(s *spoken) string { return s.by.company })
	}},
	{"Which accounts say nothing?", "SELECT account_id FROM org_accounts(org = 'org-northwind') WHERE account_id NOT IN (SELECT account_id FROM org_conversations(org = 'org-northwind'))", func(w *organization) facts {
		var f facts
		for id := range w.accounts {
			if len(w.of(id)) == 0 {
				f = append(f, tuple(id))
			}
		}
		return f
	}},
	{"Which accounts are gone and have a channel still?", "SELECT DISTINCT account_id FROM org_conversations(org = 'org-northwind') WHERE account_gone", func(w *organization) facts {
		return grouped(where(w.live(), func(s *spoken) bool { return w.accounts[s.account()] == "" }), byAccount, func(a string, _ []*spoken) string { return tuple(a) })
	}},
	{"What was said about each deal?", "SELECT deal_name, count() AS messages FROM org_conversations(org = 'org-northwind') WHERE deal_id != '' GROUP BY deal_name", func(w *organization) facts {
		return counted(where(w.live(), func(s *spoken) bool { return s.channel.now().deal != "" }), func(s *spoken) string { return w.deals[s.channel.now().deal] })
	}},
	{"How often was each message reworded?", "SELECT channel_id, ts, count() AS wordings FROM org_message_versions(org = 'org-northwind') GROUP BY ALL HAVING wordings > 1", func(w *organization) facts {
		return each(where(w.live(), func(s *spoken) bool { return len(s.wordings) > 1 }), func(s *spoken) string { return tuple(s.channel.id, string(tsOf(s.at)), len(s.wordings)) })
	}},
	{"What did each message say at first?", "SELECT channel_id, ts, text FROM org_message_versions(org = 'org-northwind') WHERE number = 1", func(w *organization) facts {
		return each(w.live(), func(s *spoken) string { return tuple(s.channel.id, string(tsOf(s.at)), s.wordings[0].text) })
	}},
	{"And when was it last reworded?", "SELECT channel_id, ts, worded_at FROM org_message_versions(org = 'org-northwind') WHERE is_current", func(w *organization) facts {
		return each(w.live(), func(s *spoken) string {
			return tuple(s.channel.id, string(tsOf(s.at)), stamp(s.wordings[len(s.wordings)-1].at))
		})
	}},
	{"How often was each channel linked?", "SELECT channel_id, count() AS periods FROM org_association_periods(org = 'org-northwind') GROUP BY channel_id", func(w *organization) facts {
		var f facts
		for _, r := range w.rooms {
			if n := len(slices.DeleteFunc(slices.Clone(r.links), func(l link) bool { return l.account == "" })); n > 0 {
				f = append(f, tuple(r.id, n))
			}
		}
		return f
	}},
	{"To what was each channel linked on 1 September at noon?", "SELECT channel_id, account_id FROM associations_as_of(at = '2026-09-01 12:00:00') WHERE org_id = 'org-northwind'", func(w *organization) facts {
		var f facts
		for _, r := range w.rooms {
			var then link
			for _, l := range r.links {
				if l.at <= began+aDay/2 {
					then = l
				}
			}
			if then.account != "" {
				f = append(f, tuple(r.id, then.account))
			}
		}
		return f
	}},
	{"Which channels are linked to nothing now?", "SELECT channel_id FROM org_channels(org = 'org-northwind') WHERE channel_id NOT IN (SELECT channel_id FROM current_associations WHERE org_id = 'org-northwind')", func(w *organization) facts {
		var f facts
		for _, r := range w.rooms {
			if r.now().account == "" {
				f = append(f, tuple(r.id))
			}
		}
		return f
	}},
	{"Which channels are known completely?", "SELECT channel_id FROM org_sync_coverage(org = 'org-northwind') WHERE is_complete", func(*organization) facts { return facts{"('C1')", "('C3')", "('C5')"} }},
	{"Why did rows come when they came?", "SELECT how, count() AS messages FROM org_freshness(org = 'org-northwind') GROUP BY how", func(w *organization) facts {
		n := map[string]int{}
		for _, s := range w.said {
			switch {
			case s.at < began+5*aDay:
				n["backfilled"]++
			case s.polled:
				n["repaired"]++
			case s.late:
				n["late"]++
			default:
				n["live"]++
			}
		}
		var f facts
		for how, count := range n {
			f = append(f, tuple(how, count))
		}
		return f
	}},
	{"What became of notifications?", "SELECT status, reason, count() AS outcomes FROM org_notification_log(org = 'org-northwind') GROUP BY ALL", func(*organization) facts {
		return facts{"('delivered','',4)", "('failed','account_inactive',2)"}
	}},
	{"Is anything of another organization here?", "SELECT DISTINCT org_id FROM org_conversations(org = 'org-northwind')", func(w *organization) facts { return one(string(w.org)) }},
}

func (w *organization) nameOf(account string) string {
	if n := w.accounts[account]; n != "" {
		return n
	}
	return account
}

func (w *organization) of(account string) []*spoken {
	return where(w.live(), func(s *spoken) bool { return s.account() == account })
}

func each(all []*spoken, row func(*spoken) string) facts {
	f := facts{}
	for _, s := range all {
		f = append(f, row(s))
	}
	return f
}

func (w *organization) eachTalk(row func(talk) string) facts {
	var f facts
	for _, t := range w.talks() {
		if r := row(t); r != "" {
			f = append(f, r)
		}
	}
	return f
}

func (w *organization) ofTalks(of func(talk) string, row func(string, []talk) string) facts {
	groups := map[string][]talk{}
	for _, t := range w.talks() {
		groups[of(t)] = append(groups[of(t)], t)
	}
	var f facts
	for key, g := range groups {
		f = append(f, row(key, g))
	}
	return f
}

func (w *organization) ofAsked(row func(string, []question) string) facts {
	groups := map[string][]question{}
	for _, q := range w.asked() {
		groups[q.account()] = append(groups[q.account()], q)
	}
	var f facts
	for key, g := range groups {
		if r := row(key, g); r != "" {
			f = append(f, r)
		}
	}
	return f
}

func (q question) waited() int64 {
	if q.answer == nil {
		return 0
	}
	return q.answer.at - q.at
}

func unanswered(all []question) (n int) {
	for _, q := range all {
		if q.answer == nil {
			n++
		}
	}
	return n
}

// monday is the day on which a time's week begins; day 0 was a Thursday.
func monday(micros int64) int64 { return dayOf(micros) - (dayOf(micros)+3)%7 }
