package api

import (
	"encoding/base64"

	"github.com/danielgtaylor/huma/v2"
)

// Page chooses a part of a list.
type Page struct {
	Cursor string `query:"cursor" maxLength:"2000" doc:"The former page's next."`
	Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"50" doc:"How many, at most. A page may have fewer, and still a next one."`
}

// after is behind which entry the page begins.
func (p Page) after() (string, error) {
	last, err := base64.RawURLEncoding.DecodeString(p.Cursor)
	if err != nil {
		return "", huma.Error422UnprocessableEntity("The cursor cannot be read.", &huma.ErrorDetail{Message: "want the next of a former page", Location: "query.cursor"})
	}
	return string(last), nil
}

// cursor is where the next page begins, as after reads it.
func cursor(after string) string { return base64.RawURLEncoding.EncodeToString([]byte(after)) }
