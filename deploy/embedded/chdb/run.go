package chdb

import (
	"context"
	"errors"
)

// run executes the request's statement on s and answers.
func (f *front) run(ctx context.Context, s *session, p *reply) error {
	q := p.q
	if q.readonly && q.session != "" && !harmless(s, q) {
		return refuse(codeReadonly, "Cannot execute query in readonly mode. For queries over HTTP, method GET implies readonly. You should use method POST for modifying queries")
	}
	undo, err := q.prepare(s)
	defer undo()
	if err != nil {
		return err
	}
	defer f.watch(ctx, q)()
	switch {
	case q.stmt.inserts && (q.stmt.format != "Values" || len(q.params) == 0):
		return insert(s, p)
	case q.stmt.inserts:
		return insertInline(s, p)
	case streamable(q.stmt.format) && !q.wait && (q.stmt.keyword == "SELECT" || q.stmt.keyword == "WITH" || q.stmt.keyword == "FROM"):
		return answerStream(s, p)
	}
	return answerWhole(s, p, q.stmt.text)
}

// harmless says whether a statement may come by GET in a session, which cannot be made read-only and back.
func harmless(s *session, q *request) bool {
	class, _ := s.classify(q.stmt.text)
	switch class {
	case classReadOnly:
		return true
	case classControl:
		return q.stmt.keyword == "SET" || q.stmt.keyword == "USE"
	}
	return false
}

// answerWhole runs the statement to its end, and then answers.
func answerWhole(s *session, p *reply, text string) error {
	r, err := s.query(text, p.q.format, p.q.params)
	if err != nil {
		return err
	}
	defer r.free()
	return p.whole(r.bytes(), r.stats())
}

// answerStream sends blocks as they come. The first two decide: an error before the second still gets its status,
// and an answer of one block its length and its summary.
func answerStream(s *session, p *reply) error {
	st, err := s.stream(p.q.stmt.text, p.q.format, p.q.params)
	if err != nil {
		return err
	}
	defer st.close()
	one, err := st.next()
	if err != nil {
		return err
	}
	if one == nil {
		return p.whole(nil, stats{})
	}
	two, err := st.next()
	if err != nil || two == nil {
		defer one.free()
		if err != nil {
			return err
		}
		return p.whole(one.bytes(), one.stats())
	}
	for _, r := range []*result{one, two} {
		err = errors.Join(err, p.write(r.bytes()))
		r.free()
	}
	for err == nil {
		r, next := st.next()
		if next != nil {
			return next
		}
		if r == nil {
			return p.end()
		}
		err = p.write(r.bytes())
		r.free()
	}
	return err
}
