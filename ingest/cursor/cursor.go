// Package cursor writes where a page ends into a URL, and reads it again.
package cursor

import (
	"encoding/base64"
	"encoding/json"
	"errors"
)

// ErrUnreadable says that a text is no cursor.
var ErrUnreadable = errors.New("the cursor is none that an earlier page gave")

// Text is a place as it goes into a URL: a struct of strings and numbers.
func Text(place any) string {
	text, _ := json.Marshal(place)
	return base64.RawURLEncoding.EncodeToString(text)
}

// Parse undoes Text; nil for an empty text.
func Parse[T any](text string) (*T, error) {
	if text == "" {
		return nil, nil
	}
	var place T
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err == nil {
		err = json.Unmarshal(raw, &place)
	}
	if err != nil {
		return nil, ErrUnreadable
	}
	return &place, nil
}
