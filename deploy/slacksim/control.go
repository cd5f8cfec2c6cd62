package slacksim

import (
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// maxControlBody bounds what a control request may hold.
const maxControlBody = 4 << 20

// controlRoutes are documented, with examples, in README.md.
func (s *Simulator) controlRoutes(mux *http.ServeMux) {
	mux.HandleFunc("POST /control/teams", locked(s, func(_ *http.Request, in Team) (Team, error) { return s.createTeam(in) }))
	mux.HandleFunc("GET /control/teams", locked(s, s.listTeams))
	s.memberRoutes(mux)
	s.channelRoutes(mux)
	s.connectRoutes(mux)
	s.gridRoutes(mux)
	s.messageRoutes(mux)
	s.appRoutes(mux)
	s.recordRoutes(mux)
	mux.HandleFunc("GET /control/settings", locked(s, func(*http.Request, none) (Settings, error) { return s.settings, nil }))
	mux.HandleFunc("PUT /control/settings", locked(s, s.putSettings))
	mux.HandleFunc("POST /control/faults", locked(s, s.addFault))
	mux.HandleFunc("GET /control/faults", locked(s, s.listFaults))
	mux.HandleFunc("DELETE /control/faults", locked(s, func(*http.Request, none) (none, error) { s.faults.list = nil; return none{}, nil }))
	mux.HandleFunc("DELETE /control/faults/{id}", locked(s, s.removeFault))
	mux.HandleFunc("/control/", func(w http.ResponseWriter, r *http.Request) {
		controlError(w, missing("there is no %s %s; deploy/slacksim/README.md lists the control API", r.Method, r.URL.Path))
	})
}

// none is the body of a request or answer that has none.
type none struct{}

// locked serves a command: it decodes the body, holds the lock while the command runs, and encodes its answer.
func locked[In, Out any](s *Simulator, command func(*http.Request, In) (Out, error)) http.HandlerFunc {
	return unlocked(func(r *http.Request, in In) (Out, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		return command(r, in)
	})
}

func unlocked[In, Out any](command func(*http.Request, In) (Out, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var in In
		if _, bodiless := any(in).(none); !bodiless {
			if err := readControl(w, r, &in); err != nil {
				controlError(w, err)
				return
			}
		}
		out, err := command(r, in)
		if err != nil {
			controlError(w, err)
			return
		}
		writeJSON(w, http.StatusOK, out)
	}
}

// readControl wants application/json, which also keeps pages of other sites from driving the simulator: a browser asks
// first before it sends that type across sites.
func readControl(w http.ResponseWriter, r *http.Request, into any) error {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return refuse("send the body as JSON with Content-Type: application/json (curl --json does)")
	}
	return decodeControl(http.MaxBytesReader(w, r.Body, maxControlBody), into)
}

// decodeControl reads one JSON value strictly: an unknown field is more likely a mistake than a wish.
func decodeControl(body io.Reader, into any) error {
	dec := json.NewDecoder(body)
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		return refuse("the body does not fit: %s", strings.TrimPrefix(err.Error(), "json: "))
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return refuse("the body holds more than one JSON value")
	}
	return nil
}

// controlError answers {"error": sentence}: 400 or 404 for what the caller can right, 500 for the rest.
func controlError(w http.ResponseWriter, err error) {
	status := http.StatusInternalServerError
	var r *refusal
	if errors.As(err, &r) {
		status = http.StatusBadRequest
		if r.missing {
			status = http.StatusNotFound
		}
	}
	writeJSON(w, status, map[string]string{"error": err.Error()})
}

func (s *Simulator) listTeams(*http.Request, none) ([]Team, error) {
	out := make([]Team, 0, len(s.state.teamOrder))
	for _, id := range s.state.teamOrder {
		out = append(out, s.state.teams[id].Team)
	}
	return out, nil
}

// inTeam runs a command of /control/teams/{team}/….
func inTeam[In, Out any](s *Simulator, command func(*http.Request, *team, In) (Out, error)) http.HandlerFunc {
	return locked(s, func(r *http.Request, in In) (out Out, err error) {
		t, err := s.team(TeamID(r.PathValue("team")))
		if err != nil {
			return out, err
		}
		return command(r, t, in)
	})
}

// inChannel runs a command of /control/teams/{team}/channels/{channel}/….
func inChannel[In, Out any](s *Simulator, command func(*http.Request, *team, *channel, In) (Out, error)) http.HandlerFunc {
	return inTeam(s, func(r *http.Request, t *team, in In) (out Out, err error) {
		c, err := s.channel(t, ChannelID(r.PathValue("channel")))
		if err != nil {
			return out, err
		}
		return command(r, t, c, in)
	})
}

func (s *Simulator) memberRoutes(mux *http.ServeMux) {
	mux.HandleFunc("POST /control/teams/{team}/users", inTeam(s, func(_ *http.Request, t *team, in Person) (Person, error) {
		return s.createPerson(t, in)
	}))
	mux.HandleFunc("GET /control/teams/{team}/users", inTeam(s, func(_ *http.Request, t *team, _ none) ([]Person, error) {
		return t.people(), nil
	}))
	mux.HandleFunc("PATCH /control/teams/{team}/users/{user}", inTeam(s, func(r *http.Request, t *team, in PersonPatch) (Person, error) {
		return s.updatePerson(t, UserID(r.PathValue("user")), in)
	}))
}

func (s *Simulator) channelRoutes(mux *http.ServeMux) {
	const one = "/control/teams/{team}/channels/{channel}"
	mux.HandleFunc("POST /control/teams/{team}/channels", inTeam(s, func(_ *http.Request, t *team, in Channel) (Channel, error) {
		return s.createChannel(t, in)
	}))
	mux.HandleFunc("GET /control/teams/{team}/channels", inTeam(s, func(_ *http.Request, t *team, _ none) ([]Channel, error) {
		return t.channelList(), nil
	}))
	mux.HandleFunc("PATCH "+one, inTeam(s, func(r *http.Request, t *team, in ChannelPatch) (Channel, error) {
		return s.updateChannel(t, ChannelID(r.PathValue("channel")), in)
	}))
	mux.HandleFunc("POST "+one+"/members", inChannel(s, func(_ *http.Request, t *team, c *channel, in Invitation) (none, error) {
		if len(in.Users) == 0 {
			return none{}, refuse("users is empty: give the ids of those to add")
		}
		for _, u := range in.Users {
			if err := s.addMember(t, c, u, in.Inviter); err != nil {
				return none{}, err
			}
		}
		return none{}, nil
	}))
	mux.HandleFunc("DELETE "+one+"/members/{user}", inChannel(s, func(r *http.Request, t *team, c *channel, _ none) (none, error) {
		return none{}, s.removeMember(t, c, UserID(r.PathValue("user")), UserID(r.URL.Query().Get("actor")))
	}))
}

// Invitation adds members to a channel.
type Invitation struct {
	Users []UserID `json:"users"`
	// Inviter is who adds them; none: they join by themselves.
	Inviter UserID `json:"inviter,omitempty"`
}

func (s *Simulator) messageRoutes(mux *http.ServeMux) {
	const many = "/control/teams/{team}/channels/{channel}/messages"
	mux.HandleFunc("POST "+many, inChannel(s, func(_ *http.Request, t *team, c *channel, in Say) (Message, error) {
		return s.say(t, c, in)
	}))
	mux.HandleFunc("GET "+many, inChannel(s, func(r *http.Request, t *team, c *channel, _ none) (Messages, error) {
		q, err := readQuery(r)
		if err != nil {
			return Messages{}, err
		}
		list, more := c.list(t.ID, q)
		return Messages{Messages: list, More: more, Seq: s.state.Seq}, nil
	}))
	mux.HandleFunc("PATCH "+many+"/{ts}", inChannel(s, func(r *http.Request, t *team, c *channel, in Edit) (Message, error) {
		return s.editText(t, c, TS(r.PathValue("ts")), in)
	}))
	mux.HandleFunc("POST "+many+"/{ts}/unfurl", inChannel(s, func(r *http.Request, t *team, c *channel, in Unfurl) (Message, error) {
		return s.unfurl(t, c, TS(r.PathValue("ts")), in)
	}))
	mux.HandleFunc("DELETE "+many+"/{ts}", inChannel(s, func(r *http.Request, t *team, c *channel, _ none) (none, error) {
		return none{}, s.remove(t, c, TS(r.PathValue("ts")))
	}))
}

// Messages is a page of the record.
type Messages struct {
	Messages []Message `json:"messages"`
	// More: the limit cut the list; go on after the last ts.
	More bool `json:"more"`
	// Seq is the number of the latest change of all.
	Seq uint64 `json:"seq"`
}

func readQuery(r *http.Request) (q MessageQuery, err error) {
	v := r.URL.Query()
	q.After = TS(v.Get("after"))
	q.Deleted, q.Service = v.Get("deleted") == "true", v.Get("service") == "true"
	if q.Limit, err = intParam(v, "limit"); err != nil {
		return q, err
	}
	since, err := intParam(v, "changed_since")
	q.ChangedSince = uint64(since)
	return q, err
}

// intParam reads a non-negative number of a query, 0 when absent.
func intParam(v url.Values, name string) (int, error) {
	text := v.Get(name)
	if text == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		return 0, refuse("%s is %q; give a whole number, 0 or more", name, text)
	}
	return n, nil
}

func (s *Simulator) appRoutes(mux *http.ServeMux) {
	mux.HandleFunc("POST /control/apps", locked(s, func(_ *http.Request, in App) (App, error) { return s.createApp(in) }))
	mux.HandleFunc("GET /control/apps", locked(s, func(*http.Request, none) ([]App, error) {
		out := make([]App, 0, len(s.state.appOrder))
		for _, id := range s.state.appOrder {
			out = append(out, *s.state.apps[id])
		}
		return out, nil
	}))
	mux.HandleFunc("PATCH /control/apps/{app}", unlocked(func(r *http.Request, in AppPatch) (App, error) {
		return s.updateApp(r.Context(), AppID(r.PathValue("app")), in)
	}))
	mux.HandleFunc("POST /control/teams/{team}/installs", inTeam(s, func(_ *http.Request, t *team, in InstallRequest) (Install, error) {
		return s.install(t, in)
	}))
	mux.HandleFunc("GET /control/teams/{team}/installs/{app}", inTeam(s, func(r *http.Request, t *team, _ none) (Install, error) {
		return s.installed(t, AppID(r.PathValue("app")))
	}))
	mux.HandleFunc("POST /control/teams/{team}/installs/{app}/revoke", inTeam(s, func(r *http.Request, t *team, _ none) (none, error) {
		return none{}, s.revoke(t, AppID(r.PathValue("app")), false)
	}))
	mux.HandleFunc("DELETE /control/teams/{team}/installs/{app}", inTeam(s, func(r *http.Request, t *team, _ none) (none, error) {
		return none{}, s.revoke(t, AppID(r.PathValue("app")), true)
	}))
}

func (s *Simulator) putSettings(_ *http.Request, in Settings) (Settings, error) {
	if err := in.check(); err != nil {
		return s.settings, err
	}
	s.settings = in.withDefaults()
	return s.settings, nil
}

func (s *Simulator) addFault(_ *http.Request, in Fault) (Fault, error) {
	if err := in.check(); err != nil {
		return in, err
	}
	return s.faults.add(in), nil
}

func (s *Simulator) listFaults(*http.Request, none) ([]Fault, error) {
	out := make([]Fault, 0, len(s.faults.list))
	for _, f := range s.faults.list {
		out = append(out, *f)
	}
	return out, nil
}

func (s *Simulator) removeFault(r *http.Request, _ none) (none, error) {
	id, err := strconv.Atoi(r.PathValue("id"))
	if err != nil || !s.faults.remove(id) {
		return none{}, missing("there is no fault %q; GET /control/faults lists those in force", r.PathValue("id"))
	}
	return none{}, nil
}

// Idle asks whether, or waits until, deliveries have settled.
type idleRequest struct {
	// TimeoutMS is how long to wait, at most 600,000. Default 10,000.
	TimeoutMS int `json:"timeout_ms,omitempty"`
}

func (in idleRequest) timeout() (time.Duration, error) {
	switch {
	case in.TimeoutMS == 0:
		return 10 * time.Second, nil
	case in.TimeoutMS < 0 || in.TimeoutMS > 600_000:
		return 0, refuse("timeout_ms is %d; give 1 to 600000", in.TimeoutMS)
	}
	return time.Duration(in.TimeoutMS) * time.Millisecond, nil
}

// Idleness is whether all deliveries have settled, and what they came to.
type Idleness struct {
	Idle  bool          `json:"idle"`
	Stats DeliveryStats `json:"stats"`
}
