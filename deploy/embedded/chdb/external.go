package chdb

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
)

// external is a table that comes with a request (external data, as ClickHouse's documentation calls it)
// and exists for its statement only.
type external struct {
	name, structure, format string
	data                    []byte
}

// readExternal reads a multipart body: files are tables, described by NAME_structure (or NAME_types) and NAME_format in the
// URL; the field query is a part of the statement. It takes what it used out of values, and returns the text of the statement.
func (q *request) readExternal(r *http.Request, values url.Values) (text io.Reader, multi bool, err error) {
	kind, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/form-data" {
		return nil, false, nil //nolint:nilerr // any other type says nothing about a query
	}
	var query bytes.Buffer
	left := int64(maxText)
	for parts := multipart.NewReader(r.Body, params["boundary"]); ; {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			return &query, true, nil
		}
		if err != nil {
			return nil, true, bodyError(err)
		}
		data, err := io.ReadAll(io.LimitReader(part, left+1))
		if err != nil {
			return nil, true, bodyError(err)
		}
		if left -= int64(len(data)); left < 0 {
			return nil, true, refuse(codeQueryTooLarge, "External tables and query are longer than %d bytes", maxText)
		}
		if part.FormName() == "query" {
			query.Write(data)
			continue
		}
		table, err := externalTable(part.FormName(), values)
		if err != nil {
			return nil, true, err
		}
		table.data = data
		q.external = append(q.external, table)
	}
}

func externalTable(name string, values url.Values) (external, error) {
	take := func(suffix string) string {
		defer values.Del(name + suffix)
		return values.Get(name + suffix)
	}
	t := external{name: name, structure: take("_structure"), format: first(take("_format"), "TabSeparated")}
	if types := take("_types"); t.structure == "" {
		var columns []string
		for i, column := range strings.Split(types, ",") {
			columns = append(columns, "_"+string(rune('1'+i))+" "+column)
		}
		t.structure = strings.Join(columns, ", ")
		if types == "" || len(columns) > 9 {
			return t, refuse(codeBadArguments, "The external table %.100q needs its columns in the URL: %.100s_structure=name Type, …", name, name)
		}
	}
	return t, nil
}

// attach makes the tables in s.
func (q *request) attach(s *session) error {
	for _, t := range q.external {
		name := "`" + quote(t.name) + "`"
		if err := s.exec("CREATE TEMPORARY TABLE " + name + " (" + t.structure + ") ENGINE = Memory"); err != nil {
			return err
		}
		in, err := s.insert("INSERT INTO "+name, t.format, nil)
		if err != nil {
			return err
		}
		in.append(t.data) // if it fails, finish says why
		if _, err := in.finish(); err != nil {
			return err
		}
	}
	return nil
}

// detach removes them again, from a session that lives on.
func (q *request) detach(s *session) {
	for _, t := range q.external {
		_ = s.exec("DROP TEMPORARY TABLE IF EXISTS `" + quote(t.name) + "`") // a session made read-only keeps it to its end
	}
}
