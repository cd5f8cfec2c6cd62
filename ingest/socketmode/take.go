package socketmode

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/gorilla/websocket"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/ingest/events"
)

// largestBatch is how many events are published together, at most.
const largestBatch = 500

// frame does what a frame asks for, without waiting.
func (k *conn) frame(raw []byte) {
	f, err := parse(raw, time.Now())
	if err != nil {
		k.envelopes.WithLabelValues("malformed").Inc()
		k.opts.Log.Warn("Socket Mode: a frame was left out", "error", err)
		return
	}
	switch f.Type {
	case "hello":
	case "disconnect":
		k.opts.Log.Info("Socket Mode: Slack ends a connection", "reason", f.end())
		k.goes(f.end(), f.reason())
	case "events_api":
		k.queue(f)
	case "interactive":
		k.interact(f)
	default:
		k.unhandled(f)
	}
}

// queue keeps the order in which events came.
func (k *conn) queue(f frame) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.closing {
		select {
		case k.events <- f:
			return
		default:
		}
	}
	k.envelopes.WithLabelValues("unavailable").Inc() // Slack sends it again
}

// publish gives Kafka what came, in its order, and acknowledges it.
func (k *conn) publish() {
	for f := range k.events {
		batch := append(make([]frame, 0, 1+len(k.events)), f)
		for len(batch) < largestBatch && len(k.events) > 0 {
			batch = append(batch, <-k.events)
		}
		k.take(batch)
	}
}

func (k *conn) take(batch []frame) {
	records, taken := make([]*kgo.Record, 0, len(batch)), make([]frame, 0, len(batch))
	for _, f := range batch {
		record, err := events.Record(f.Payload, f.retry(), f.at)
		switch {
		case errors.Is(err, events.ErrTooLarge):
			k.refuse("too_large", err)
		case err != nil:
			k.refuse("malformed", err)
		case time.Since(f.at) >= events.PublishWithin: // Slack has counted it as failed by the time that Kafka could have it
			k.envelopes.WithLabelValues("unavailable").Inc()
		default:
			records, taken = append(records, record), append(taken, f)
		}
	}
	if len(taken) == 0 {
		return
	}
	ctx, cancel := context.WithDeadline(context.Background(), taken[0].at.Add(events.PublishWithin)) // also while the process ends
	defer cancel()
	if err := k.opts.Publisher.Publish(ctx, records...); err != nil {
		k.envelopes.WithLabelValues("unavailable").Add(float64(len(taken)))
		k.opts.Log.Debug("events not accepted", "events", len(taken), "error", err)
		return
	}
	for i := range taken {
		k.acknowledge(&taken[i], nil, "accepted")
	}
}

// refuse leaves an envelope unacknowledged, where HTTP would answer 400, 413 or 500.
func (k *conn) refuse(result string, err error) {
	k.envelopes.WithLabelValues(result).Inc()
	k.opts.Log.Warn("Socket Mode: an envelope was not acknowledged", "result", result, "error", err)
}

// acknowledge tells Slack that an envelope need not come again. On a connection that has ended it does not arrive; Slack sends the
// envelope once more, which is one row all the same.
func (k *conn) acknowledge(f *frame, answer json.RawMessage, result string) {
	text, err := f.acknowledgement(answer)
	if err == nil && len(text) >= maxAnswer {
		err = errTooLong
	}
	if err != nil {
		k.refuse("failed", err)
		return
	}
	k.write.Lock()
	_ = k.ws.SetWriteDeadline(time.Now().Add(writeWithin)) // writing fails then
	err = k.ws.WriteMessage(websocket.TextMessage, text)
	k.write.Unlock()
	if err != nil {
		result = "late"
	}
	k.envelopes.WithLabelValues(result).Inc()
	k.seconds.Observe(time.Since(f.at).Seconds())
}
