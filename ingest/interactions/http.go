package interactions

import (
	"errors"
	"net/http"
	"net/url"

	"github.com/bigmind/backchannel/ingest/signed"
)

// maxBody is for a form whose payload has a message or a modal of a hundred blocks, percent-encoded.
const maxBody = 2 << 20

// Handler answers POST /slack/interactions: 200 with what Handle answers; 401 unsigned, stale or forged; 400 malformed; 413 too large;
// 503 where Slack itself tells the person that it failed.
type Handler struct {
	*Interactions
	signed *signed.Reader
}

// NewHandler makes the handler for requests that are signed with one of the secrets.
func NewHandler(i *Interactions, secrets []string) (*Handler, error) {
	reader, err := signed.NewReader(secrets, maxBody, i.opts.Now)
	if err != nil {
		return nil, err
	}
	return &Handler{i, reader}, nil
}

// ServeHTTP handles one interaction.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _, refusal := h.signed.Read(w, r)
	var form url.Values
	if refusal == nil {
		var err error
		if form, err = url.ParseQuery(string(body)); err != nil || form.Get("payload") == "" {
			refusal = &signed.Refusal{Status: http.StatusBadRequest, Result: malformed, Text: "The body is not a form with a payload.\n"}
		}
	}
	if refusal != nil {
		h.handled.WithLabelValues("unread", refusal.Result).Inc()
		write(w, refusal.Status, "text/plain; charset=utf-8", []byte(refusal.Text))
		return
	}
	answer, err := h.Handle(r.Context(), []byte(form.Get("payload")))
	switch {
	case errors.Is(err, ErrMalformed):
		write(w, http.StatusBadRequest, "text/plain; charset=utf-8", []byte("The payload is not a JSON object with a type.\n"))
	case err != nil:
		write(w, http.StatusServiceUnavailable, "text/plain; charset=utf-8", []byte("One of our systems does not answer; try again in a minute.\n"))
	default:
		write(w, http.StatusOK, "application/json; charset=utf-8", answer)
	}
}

func write(w http.ResponseWriter, status int, kind string, body []byte) {
	if len(body) > 0 {
		w.Header().Set("Content-Type", kind)
	}
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write(body) //nolint:gosec // JSON or plain text, and nosniff; a client that is gone has nobody to tell
}
