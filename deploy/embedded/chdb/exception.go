package chdb

import (
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
)

// Exception is an error of the engine (or of the HTTP front, in the same form):
// ClickHouse's code, and its text as a server sends it, "Code: 60. DB::Exception: … (UNKNOWN_TABLE)".
type Exception struct {
	Code int
	Text string
}

func (e *Exception) Error() string { return e.Text }

var exceptionCode = regexp.MustCompile(`Code: (\d+)\.`)

// parseException reads an engine's error text. A text without a code is ClickHouse's 1002, UNKNOWN_EXCEPTION.
func parseException(text string) *Exception {
	text = strings.TrimRight(text, "\n")
	if m := exceptionCode.FindStringSubmatch(text); m != nil {
		if code, err := strconv.Atoi(m[1]); err == nil {
			return &Exception{Code: code, Text: text}
		}
	}
	return refuse(codeUnknownException, "%s", text)
}

// Codes that the front itself answers with; names as in ClickHouse's ErrorCodes.cpp.
const (
	codeBadArguments     = 36
	codeNotImplemented   = 48
	codeSyntaxError      = 62
	codeUnknownQueryType = 78
	codeUnknownSetting   = 115
	codeIncorrectData    = 117
	codeReadonly         = 164
	codeTooManyQueries   = 202
	codeNetworkError     = 210
	codeQueryTooLarge    = 229
	codeCannotDecompress = 271
	codeIntoOutfile      = 358
	codeSessionNotFound  = 372
	codeSessionLocked    = 373
	codeSessionTimeout   = 374
	codeAuthentication   = 516
	codeUnsupportedMedia = 779
	codeUnknownException = 1002
)

var codeNames = map[int]string{
	codeBadArguments: "BAD_ARGUMENTS", codeNotImplemented: "NOT_IMPLEMENTED", codeSyntaxError: "SYNTAX_ERROR",
	codeUnknownQueryType: "UNKNOWN_TYPE_OF_QUERY", codeUnknownSetting: "UNKNOWN_SETTING", codeIncorrectData: "INCORRECT_DATA",
	codeReadonly: "READONLY", codeTooManyQueries: "TOO_MANY_SIMULTANEOUS_QUERIES", codeNetworkError: "NETWORK_ERROR",
	codeCannotDecompress: "CANNOT_DECOMPRESS", codeIntoOutfile: "INTO_OUTFILE_NOT_ALLOWED", codeSessionNotFound: "SESSION_NOT_FOUND",
	codeSessionLocked: "SESSION_IS_LOCKED", codeSessionTimeout: "INVALID_SESSION_TIMEOUT", codeAuthentication: "AUTHENTICATION_FAILED",
	codeUnknownException: "UNKNOWN_EXCEPTION", codeUnsupportedMedia: "UNSUPPORTED_MEDIA_TYPE", codeQueryTooLarge: "QUERY_IS_TOO_LARGE",
}

// refuse makes an Exception of the front's own.
func refuse(code int, format string, args ...any) *Exception {
	return &Exception{Code: code, Text: fmt.Sprintf("Code: %d. DB::Exception: %s. (%s)", code, fmt.Sprintf(format, args...), codeNames[code])}
}

// status is the HTTP status that a ClickHouse server gives a code
// (its src/Server/HTTP/exceptionCodeToHTTPStatus.cpp).
func (e *Exception) status() int {
	switch e.Code {
	case 194: // REQUIRED_PASSWORD
		return http.StatusUnauthorized
	case 192, 193, 497, 512, 516: // UNKNOWN_USER, WRONG_PASSWORD, ACCESS_DENIED, SET_NON_GRANTED_ROLE, AUTHENTICATION_FAILED
		return http.StatusForbidden
	case 6, 8, 15, 25, 26, 27, 36, 37, 38, 41, 44, 53, 62, 72, 117, 123, 167, 168, 223, 321, 376, 427, 441, 675, 676:
		return http.StatusBadRequest
	case 46, 47, 50, 56, 60, 63, 73, 78, 81, 115, 152, 336, 511: // UNKNOWN_TABLE and its kin
		return http.StatusNotFound
	case 159: // TIMEOUT_EXCEEDED
		return http.StatusRequestTimeout
	case 229: // QUERY_IS_TOO_LARGE
		return http.StatusRequestEntityTooLarge
	case 381: // HTTP_LENGTH_REQUIRED
		return http.StatusLengthRequired
	case 779: // UNSUPPORTED_MEDIA_TYPE
		return http.StatusUnsupportedMediaType
	case 48: // NOT_IMPLEMENTED
		return http.StatusNotImplemented
	case 76, 209, 439: // CANNOT_OPEN_FILE, SOCKET_TIMEOUT, CANNOT_SCHEDULE_TASK
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}
