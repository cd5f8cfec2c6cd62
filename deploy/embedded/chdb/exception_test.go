package chdb

import "testing"

func TestParseException(t *testing.T) {
	for text, want := range map[string]struct{ code, status int }{
		"Code: 60. DB::Exception: Table x does not exist. (UNKNOWN_TABLE)\n": {60, 404},
		"Code: 62. DB::Exception: Syntax error. (SYNTAX_ERROR)":              {62, 400},
		"Code: 159. DB::Exception: Timeout. (TIMEOUT_EXCEEDED)":              {159, 408},
		"Code: 241. DB::Exception: Memory. (MEMORY_LIMIT_EXCEEDED)":          {241, 500},
		"Code: 48. DB::Exception: no. (NOT_IMPLEMENTED)":                     {48, 501},
		"Code: 516. DB::Exception: no. (AUTHENTICATION_FAILED)":              {516, 403},
		"Code: 99999999999999999999. too long":                               {1002, 500},
		"no code":                                                            {1002, 500},
	} {
		if e := parseException(text); e.Code != want.code || e.status() != want.status {
			t.Errorf("%q: code %d, status %d", text, e.Code, e.status())
		}
	}
}
