package api

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/danielgtaylor/huma/v2"
)

// NoNull refuses null in a body: the schema has none, and whoever writes one may mean that it removes something. What is left out is removed.
type NoNull struct{ RawBody []byte }

// Resolve names each null.
func (n *NoNull) Resolve(huma.Context) []error {
	var body any
	if json.Unmarshal(n.RawBody, &body) != nil {
		return nil // told of already
	}
	return nulls("body", body)
}

func nulls(at string, v any) (problems []error) {
	switch v := v.(type) {
	case nil:
		return []error{&huma.ErrorDetail{Message: "null is no value here: leave the field out", Location: at}}
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			problems = append(problems, nulls(at+"."+name, v[name])...)
		}
	case []any:
		for i, one := range v {
			problems = append(problems, nulls(fmt.Sprintf("%s[%d]", at, i), one)...)
		}
	}
	return problems
}
