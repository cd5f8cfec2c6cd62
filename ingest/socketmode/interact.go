package socketmode

import (
	"context"
	"errors"
	"time"
)

// maxAnswer is where Slack begins to drop acknowledgements without a word (slack.md; slack-go's socketmode found it).
const maxAnswer = 20 << 10

// answerWithin leaves Slack's 3 seconds room for the way back.
const answerWithin = 2800 * time.Millisecond

var (
	errBusy      = errors.New("more interactions came at once than are answered at once")
	errTooLong   = errors.New("the answer is 20 kB or more, which Slack drops without a word")
	errNoHandler = errors.New("nobody here answers interactions")
)

// interact has an interaction answered, beside the others.
func (k *conn) interact(f frame) {
	if k.opts.Interactions == nil {
		k.unhandled(f)
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.closing {
		k.envelopes.WithLabelValues("unavailable").Inc()
		return
	}
	select {
	case k.answers <- struct{}{}:
		k.tasks.Go(func() { k.answer(f); <-k.answers })
	default:
		k.refuse("unavailable", errBusy)
	}
}

func (k *conn) answer(f frame) {
	ctx, cancel := context.WithDeadline(context.Background(), f.at.Add(answerWithin)) // also while the process ends
	defer cancel()
	answer, err := k.opts.Interactions.Handle(ctx, f.Payload)
	if err != nil {
		k.refuse("failed", err)
		return
	}
	if !f.AcceptsAnswer {
		answer = nil // it was done; there is only nowhere to say more
	}
	k.acknowledge(&f, answer, "answered")
}

// unhandled says of an envelope that nobody here handles its kind. It is not acknowledged: who pressed sees that it failed.
func (k *conn) unhandled(f frame) {
	k.envelopes.WithLabelValues("unhandled").Inc()
	k.opts.Log.Warn("Socket Mode: an envelope was not acknowledged", "type", plain(f.Type), "error", errNoHandler)
}

// plain keeps of a word of Slack's what a word can be made of.
func plain(word string) string {
	for i, r := range word {
		if r != '_' && (r < 'a' || r > 'z') || i >= 40 {
			return word[:i]
		}
	}
	return word
}
