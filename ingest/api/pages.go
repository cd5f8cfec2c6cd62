package api

import (
	"encoding/base64"
	"slices"

	"github.com/danielgtaylor/huma/v2"
)

// Page chooses a part of a list.
type Page struct {
	Cursor string `query:"cursor" maxLength:"2000" doc:"The former page's next."`
	Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"50" doc:"How many, at most. A page may have fewer, and still a next one."`
}

// maxLooked bounds how many entries a request looks at: where few fit what is looked for, a page is short and the next one goes on.
const maxLooked = 2000

// chunk is how many entries are asked of Redis at once.
const chunk = 200

// after is where the page begins in an order of keys: behind the cursor's.
func (p Page) after(keys []string) ([]string, error) {
	slices.Sort(keys)
	if p.Cursor == "" {
		return keys, nil
	}
	last, err := base64.RawURLEncoding.DecodeString(p.Cursor)
	if err != nil {
		return nil, huma.Error422UnprocessableEntity("The cursor cannot be read.", &huma.ErrorDetail{Message: "want the next of a former page", Location: "query.cursor"})
	}
	at, found := slices.BinarySearch(keys, string(last))
	if found {
		at++
	}
	return keys[at:], nil
}

// fill takes entries of a list chunk by chunk until the page is full: take adds those that fit, at most room of them, and returns how many of the
// keys it has dealt with. The answer is the next page's cursor.
func (p Page) fill(keys []string, take func(keys []string) (done int, full bool, err error)) (next string, err error) {
	looked := 0
	for looked < len(keys) && looked < maxLooked {
		done, full, err := take(keys[looked:min(len(keys), looked+chunk)])
		if err != nil {
			return "", err
		}
		looked += done
		if full {
			break
		}
	}
	if looked == len(keys) {
		return "", nil
	}
	return base64.RawURLEncoding.EncodeToString([]byte(keys[looked-1])), nil
}
