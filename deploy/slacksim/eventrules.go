package slacksim

import (
	"net/http"
	"time"
)

const (
	// lateAfter is when an event is dropped that could not be delivered, unless the app has Delayed Events on.
	lateAfter = 2 * time.Hour
	// disableMinutes, disableLeast and disableShare: "more than 95% of delivery attempts fail within 60 minutes",
	// "apps receiving less than 1,000 events per hour will not be automatically disabled" (docs.slack.dev/apis/events-api).
	disableMinutes = 60
	disableLeast   = 1000
	disableShare   = 0.95
)

// hourKey is what the cap on events is counted by.
type hourKey struct {
	team TeamID
	app  AppID
}

// hourly counts the events of one app in one workspace: "30,000 deliveries per workspace per app per 60 minutes" (same page).
type hourly struct {
	until time.Time
	used  int
	told  int64 // the last minute that app_rate_limited was sent for
}

// eventRules hold what the Events API counts. They begin anew with the process. Callers hold the simulator's mu.
type eventRules struct {
	hours    map[hourKey]*hourly
	failures map[AppID]*tally
}

// tally counts an app's attempts in the last hour, by minute.
type tally struct {
	minutes [disableMinutes]struct {
		minute        int64
		tries, failed int
	}
}

// capped takes out what is beyond an hour's allowance, and puts in one app_rate_limited for each minute in which it did.
func (s *Simulator) capped(due []*delivery) []*delivery {
	var kept []*delivery
	for _, d := range due {
		h := s.hour(hourKey{d.Team, d.App})
		if h.used++; h.used <= s.settings.EventsPerHour {
			kept = append(kept, d)
			continue
		}
		if err := s.commit(change{Settled: &settled{ID: d.ID, Outcome: outcomeWithheld}}); err != nil {
			s.log.Error("a capped event could not be noted; it will be sent after a restart", "event_id", d.ID, "error", err)
		}
		if minute := s.now().Unix() / 60; h.told != minute {
			h.told = minute
			kept = append(kept, s.rateLimited(d, minute*60))
		}
	}
	return kept
}

func (s *Simulator) hour(key hourKey) *hourly {
	if s.rules.hours == nil {
		s.rules.hours = map[hourKey]*hourly{}
	}
	h := s.rules.hours[key]
	if h == nil || !s.now().Before(h.until) {
		h = &hourly{until: s.now().Add(time.Hour)}
		s.rules.hours[key] = h
	}
	return h
}

// rateLimited is app_rate_limited, which has no inner event (docs.slack.dev/reference/events/app_rate_limited).
func (s *Simulator) rateLimited(d *delivery, minute int64) *delivery {
	body := mustJSON(map[string]any{
		"token": s.state.apps[d.App].VerificationToken, "type": "app_rate_limited", "team_id": d.Team,
		"minute_rate_limited": minute, "api_app_id": d.App,
	})
	return &delivery{ID: EventID(newID("Ev")), App: d.App, Team: d.Team, Type: "app_rate_limited", Body: body, At: s.now().UnixMicro()}
}

// refused says whether an attempt is not made at all: the subscription is disabled, or the event too late.
func (s *Simulator) refused(app App, d *delivery, now time.Time) bool {
	late := d.At != 0 && now.Sub(time.UnixMicro(d.At)) > lateAfter
	return app.EventsDisabled || (late && !app.DelayedEvents)
}

// countAttempt notes how an attempt ended, and disables the subscription of an app that keeps failing. Retries count.
func (s *Simulator) countAttempt(id AppID, accepted bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.rules.failures == nil {
		s.rules.failures = map[AppID]*tally{}
	}
	t := s.rules.failures[id]
	if t == nil {
		t = &tally{}
		s.rules.failures[id] = t
	}
	tries, failed := t.add(s.now().Unix()/60, accepted)
	if tries < disableLeast || float64(failed) <= disableShare*float64(tries) || s.closed {
		return
	}
	app := *s.state.apps[id]
	app.EventsDisabled = true
	delete(s.rules.failures, id)
	if err := s.commit(change{App: &app}); err != nil {
		s.log.Error("a failing app's subscription could not be disabled", "app", id, "error", err)
	}
}

func (t *tally) add(minute int64, accepted bool) (tries, failed int) {
	m := &t.minutes[minute%disableMinutes]
	if m.minute != minute {
		m.minute, m.tries, m.failed = minute, 0, 0
	}
	m.tries++
	if !accepted {
		m.failed++
	}
	for _, m := range t.minutes {
		if minute-m.minute < disableMinutes {
			tries, failed = tries+m.tries, failed+m.failed
		}
	}
	return tries, failed
}

// eventRuleRoutes re-enable a subscription, as a person does by hand in the app's settings.
func (s *Simulator) eventRuleRoutes(mux *http.ServeMux) {
	mux.HandleFunc("POST /control/apps/{app}/events/enable", locked(s, func(r *http.Request, _ none) (App, error) {
		old, err := s.app(AppID(r.PathValue("app")))
		if err != nil {
			return App{}, err
		}
		a := *old
		a.EventsDisabled = false
		return a, s.putApp(a)
	}))
}
