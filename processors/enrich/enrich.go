package enrich

import (
	"bytes"
	"context"
	"slices"

	"github.com/redis/go-redis/v9"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/processors"
	"github.com/bigmind/backchannel/schemas"
)

// Processor enriches messages. It keeps buffers and decoded view values between batches, never records.
type Processor struct {
	redis  redis.UniversalClient
	parser parser
	inputs []input
	todo   []work
	views  views

	message schemas.ContextMessage
}

// work is an input that is conversation, as far as the record itself says.
type work struct {
	index  int
	change change
	known  known
}

// Definition is the node of the graph.
func Definition(rdb redis.UniversalClient) processors.Definition {
	return processors.Definition{
		Name:      "enrich",
		In:        []schemas.Spec{schemas.SlackEvents.Spec, schemas.SlackHistory.Spec},
		Out:       []schemas.Spec{schemas.ContextMessages.Spec},
		Processor: &Processor{redis: rdb},
	}
}

// Process parses the batch, asks Redis once, and decides each record.
func (p *Processor) Process(ctx context.Context, batch []*kgo.Record) (*processors.Result, error) {
	result := processors.NewResult(len(batch))
	p.parse(batch, result)
	if len(p.todo) == 0 {
		return result, nil
	}
	p.views.teams = make(map[schemas.TeamID]*team)
	for i := range p.todo {
		w := &p.todo[i]
		in := &p.inputs[w.index]
		w.known = p.views.want(in.team, in.channel, w.change.message.user)
	}
	if err := p.views.load(ctx, p.redis); err != nil {
		return nil, err
	}
	for i := range p.todo {
		p.finish(&p.todo[i], result)
	}
	return result, nil
}

func (p *Processor) parse(batch []*kgo.Record, result *processors.Result) {
	if cap(p.inputs) < len(batch) {
		p.inputs = make([]input, len(batch))
	}
	p.inputs, p.todo = p.inputs[:len(batch)], p.todo[:0]
	for i, rec := range batch {
		in := &p.inputs[i]
		parse := p.parser.event
		if rec.Topic == schemas.SlackHistory.Name {
			parse = p.parser.history
		}
		if err := parse(rec.Value, in); err != nil {
			result.Reject(i, schemas.Malformed, err.Error())
			continue
		}
		c, drop, err := classify(in)
		switch {
		case err != nil:
			result.Reject(i, schemas.Malformed, err.Error())
		case drop != "":
			result.Drop(i, drop)
		default:
			p.todo = append(p.todo, work{index: i, change: c})
		}
	}
}

func (p *Processor) finish(w *work, result *processors.Result) {
	in, install := &p.inputs[w.index], w.known.team.install
	if install == nil {
		result.Reject(w.index, schemas.UnknownOrg, "no installation says which organization this workspace belongs to")
		return
	}
	if drop := gate(in, w.change, install, *w.known.association); drop != "" {
		result.Drop(w.index, drop)
		return
	}
	contextMessage(in, w.change, w.known, &p.message)
	m := &p.message
	result.EmitValue(w.index, schemas.ContextMessages.Spec, schemas.TeamChannelKey(m.TeamID, m.ChannelID), m)
}

// contextMessage fills m, whose former content is gone.
func contextMessage(in *input, c change, k known, m *schemas.ContextMessage) {
	*m = schemas.ContextMessage{
		OrgID: k.team.install.OrgID, TeamID: in.team, ChannelID: in.channel, TS: c.ts, Version: c.version, Deleted: c.deleted,
		ThreadTS: c.message.threadTS, Source: in.source, ReceivedAt: in.receivedAt, Window: in.window,
	}
	if assoc := k.association.current; assoc != nil {
		m.AccountID, m.DealID = assoc.AccountID, assoc.DealID
	}
	if c.deleted || in.window != nil {
		return
	}
	m.Subtype, m.UserID, m.BotID = c.message.subtype, c.message.user, c.message.botID
	m.RawText, m.EditedTS, m.FileNames = c.message.text, c.message.editedTS, fileNames(c.message.files)
	if in.changed != nil && in.previous != nil {
		m.Former = former(m, in.previous)
	}
	addAuthor(m, c.message, k.author.user)
}

// former is what an edited message said before, unless it has been the same: of an edit of blocks alone.
func former(m *schemas.ContextMessage, was *message) *schemas.Wording {
	w := &schemas.Wording{RawText: was.text, FileNames: fileNames(was.files), EditedTS: was.editedTS}
	if bytes.Equal(w.RawText, m.RawText) && w.EditedTS == m.EditedTS && slices.Equal(w.FileNames, m.FileNames) {
		return nil
	}
	return w
}

// addAuthor names the author. A person of another company is seen by the directory view or, before we know the person,
// by a home workspace that is not the one through which the event came.
func addAuthor(m *schemas.ContextMessage, said *message, user *schemas.SlackUser) {
	home := said.userTeam
	if home == "" {
		home = said.sourceTeam
	}
	if user != nil && user.OrgID == m.OrgID {
		m.AuthorName, m.AuthorEmail, m.IsExternal = user.Name, schemas.NormalEmail(user.Email), user.IsExternal
		if user.HomeTeamID != "" {
			home = user.HomeTeamID
		}
	} else {
		m.IsExternal = home != "" && home != m.TeamID
	}
	if home != m.TeamID {
		m.AuthorTeamID = home
	}
}
