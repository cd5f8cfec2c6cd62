package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/redis/go-redis/v9"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/ingest"
	"github.com/bigmind/backchannel/schemas"
)

// publishWithin bounds how long a write waits for Kafka.
const publishWithin = 10 * time.Second

// showsEvery is how often the views are asked whether they show a write.
const showsEvery = 20 * time.Millisecond

// Match makes a write conditional.
type Match struct {
	IfMatch string `header:"If-Match" doc:"The ETag that the last read or write gave: the write is refused with 412 when something has changed since."`
}

// entry is a place in the views: a control record's topic and key, and where the views show it.
type entry struct {
	topic schemas.Spec
	key   schemas.Key
	view  string
	field string
}

// state is what the views say of an entry. The offset of its record is its ETag.
type state struct {
	text   string // empty: there is none
	offset int64
	known  bool // there is, or was, a record
}

func (s state) etag() string {
	if !s.known {
		return `"none"`
	}
	return `"` + strconv.FormatInt(s.offset, 10) + `"`
}

// stateOf reads a view's value.
func stateOf(value string) (s state, err error) {
	if value == "" {
		return s, nil
	}
	s.known = true
	s.offset, s.text, err = schemas.ParseViewValue(value)
	return s, err
}

func (a *API) state(ctx context.Context, e entry) (state, error) {
	var found *redis.StringCmd
	if err := ingest.Lookup(ctx, a.opts.Redis, func(pipe redis.Pipeliner) { found = pipe.HGet(ctx, e.view, e.field) }); err != nil {
		return state{}, err
	}
	return stateOf(found.Val())
}

// matches compares what the client last saw with what is.
func (m Match) matches(now state) error {
	want := strings.TrimSpace(m.IfMatch)
	if want == "" || want == "*" && now.text != "" || strings.TrimPrefix(want, "W/") == now.etag() {
		return nil
	}
	return huma.NewError(http.StatusPreconditionFailed, "It has changed since: its ETag is now "+now.etag()+". Read it again, then write.")
}

// written is what a write came to.
type written struct {
	status int    // 200; 202: it is recorded and does not show yet
	etag   string // of the record
}

// write records a value, nil for none, unless it is what is there already, and waits for the views to show it. Its
// updated_at is not compared.
func (a *API) write(ctx context.Context, e entry, was state, value []byte, headers ...kgo.RecordHeader) (written, error) {
	if sameBut(was.text, value) {
		return written{http.StatusOK, was.etag()}, nil
	}
	record := &kgo.Record{Topic: e.topic.Name, Key: []byte(e.key), Value: value, Headers: headers}
	publishing, cancel := context.WithTimeout(ctx, publishWithin)
	defer cancel()
	if err := a.opts.Publisher.Publish(publishing, record); err != nil {
		return written{}, err
	}
	shown := state{offset: record.Offset, known: true}
	waiting, cancel := context.WithTimeout(ctx, a.opts.Patience)
	defer cancel()
	for {
		now, err := a.state(waiting, e)
		switch {
		case err == nil && now.known && now.offset >= record.Offset:
			return written{http.StatusOK, shown.etag()}, nil
		case waiting.Err() != nil, err != nil && !errors.Is(err, ingest.ErrViewsIncomplete):
			return written{http.StatusAccepted, shown.etag()}, nil // it is recorded all the same
		}
		ingest.Sleep(waiting, showsEvery)
	}
}

// sameBut reports whether a value says what is there already, updated_at aside.
func sameBut(was string, value []byte) bool {
	if was == "" || value == nil {
		return was == "" && value == nil
	}
	before, err1 := unstamped([]byte(was))
	after, err2 := unstamped(value)
	return err1 == nil && err2 == nil && bytes.Equal(before, after)
}

func unstamped(value []byte) ([]byte, error) {
	var fields map[string]any
	if err := json.Unmarshal(value, &fields); err != nil {
		return nil, err
	}
	delete(fields, "updated_at")
	return json.Marshal(fields)
}

// now is what a record says of when it was written: to the microsecond, as JSON keeps it.
func (a *API) now() time.Time { return a.opts.Now().UTC().Truncate(time.Microsecond) }
