package slacksim

import (
	"net/http"
	"net/url"
	"strings"
)

// actRoutes let a person do on the page what the control API does. A form of another site is refused.
func (s *Simulator) actRoutes(mux *http.ServeMux) {
	guard := http.NewCrossOriginProtection()
	mux.Handle("POST /t/{team}/act", guard.Handler(http.HandlerFunc(s.act)))
}

const maxForm = 1 << 20

// act does what a form says, and goes back to the page, which shows what went wrong.
func (s *Simulator) act(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		http.Error(w, "the form could not be read", http.StatusBadRequest)
		return
	}
	team := TeamID(r.PathValue("team"))
	q := url.Values{"as": {r.PostForm.Get("as")}}
	if thread := r.PostForm.Get("thread"); thread != "" {
		q.Set("thread", thread)
	}
	made, known, err := s.manageForm(team, r.PostForm)
	if !known {
		err = s.doForm(r, team, r.PostForm)
	}
	if err != nil {
		q.Set("error", err.Error())
		made = ""
	}
	back := &url.URL{Path: pagePath(r, team, made), RawQuery: q.Encode()}
	http.Redirect(w, r, back.String(), http.StatusSeeOther)
}

func (s *Simulator) doForm(r *http.Request, team TeamID, f url.Values) error {
	user := UserID(f.Get("as"))
	do, rest, _ := strings.Cut(f.Get("do"), "|")
	switch do {
	case "as":
		return nil
	case "press":
		in := Press{
			User: user, Channel: ChannelID(f.Get("channel")), TS: TS(f.Get("ts")), View: f.Get("view"), Block: f.Get("block"),
			Action: f.Get("action"), Values: f["value"],
		}
		return s.press(r.Context(), team, in, "http://"+r.Host)
	case "view-press":
		block, action, _ := strings.Cut(rest, "|")
		return s.press(r.Context(), team, Press{User: user, View: f.Get("view"), Block: block, Action: action}, "http://"+r.Host)
	case "choose":
		s.keep(team, user, f)
		block, action, _ := strings.Cut(rest, "|")
		in := Press{User: user, View: f.Get("view"), Block: block, Action: action, Values: f["v|"+rest]}
		return s.press(r.Context(), team, in, "http://"+r.Host)
	case "options":
		return s.searchForm(r, team, user, rest, f)
	case "submit":
		return s.submitForm(r, team, user, f)
	case "close":
		return s.closeView(r.Context(), team, Closing{User: user, View: f.Get("view")})
	}
	return s.talkForm(team, user, do, f)
}

// searchForm types into an external select, and notes when nothing comes of it.
func (s *Simulator) searchForm(r *http.Request, team TeamID, user UserID, field string, f url.Values) error {
	s.keep(team, user, f)
	block, action, _ := strings.Cut(field, "|")
	typed := f.Get("q|" + field)
	found, err := s.suggest(r.Context(), team, Query{Press: Press{User: user, View: f.Get("view"), Block: block, Action: action}, Value: typed})
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.interact.views[f.Get("view")]
	if m == nil {
		return nil
	}
	key := block + "/" + action
	delete(m.notes, key)
	if len(found) == 0 {
		m.notes[key] = "Nothing is offered for “" + typed + "”"
	}
	return nil
}

// talkForm says, edits and deletes.
func (s *Simulator) talkForm(id TeamID, user UserID, do string, f url.Values) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, err := s.team(id)
	if err != nil {
		return err
	}
	c, err := s.channel(t, ChannelID(f.Get("channel")))
	if err != nil {
		return err
	}
	ts := TS(f.Get("ts"))
	if m := c.message(ts); do != "say" && (m == nil || m.User != user) {
		return refuse("only its author edits or deletes a message here")
	}
	switch do {
	case "say":
		_, err = s.say(t, c, Say{User: user, Text: escapeTyped(f.Get("text")), ThreadTS: TS(f.Get("thread")), Broadcast: f.Get("broadcast") != ""})
	case "edit":
		_, err = s.editText(t, c, ts, Edit{Text: escapeTyped(f.Get("text")), User: user})
	case "delete":
		err = s.remove(t, c, ts)
	default:
		err = refuse("there is nothing called %q to do", do)
	}
	return err
}

// escapeTyped is what a person typed as Slack keeps it: &, < and > escaped, but for mentions such as <@U123>.
func escapeTyped(text string) string {
	text = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(text)
	return mentionTyped.ReplaceAllString(text, "<$1>")
}

// formValues are a modal's fields, named v|block|action.
func formValues(f url.Values) map[string]map[string][]string {
	out := map[string]map[string][]string{}
	for name, values := range f {
		rest, ok := strings.CutPrefix(name, "v|")
		block, action, two := strings.Cut(rest, "|")
		if !ok || !two {
			continue
		}
		if out[block] == nil {
			out[block] = map[string][]string{}
		}
		out[block][action] = values
	}
	return out
}

func (s *Simulator) submitForm(r *http.Request, team TeamID, user UserID, f url.Values) error {
	s.keep(team, user, f)
	got, err := s.submit(r.Context(), team, Submission{User: user, View: f.Get("view")})
	s.mu.Lock()
	defer s.mu.Unlock()
	if m := s.interact.views[f.Get("view")]; m != nil {
		m.errors = got.Errors
	}
	return err
}

// keep holds what was typed so far, so that a redrawn form still has it. What does not fit is told at submission.
func (s *Simulator) keep(team TeamID, user UserID, f url.Values) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.interact.views[f.Get("view")]
	if m == nil || m.team != team || m.user != user {
		return
	}
	values := formValues(f)
	for _, p := range elements(m.body["blocks"]) {
		if !fillable(p.element) {
			continue
		}
		if v, err := filledIn(p, values[p.block][p.action], m.choices(p)); err == nil {
			m.put(p.block, p.action, v)
		}
	}
}
