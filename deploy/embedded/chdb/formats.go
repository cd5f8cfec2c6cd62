package chdb

import "strings"

// streamable says whether an answer in format may be put together from chunks that the engine formatted one by one:
// only when the format has no header, no footer and nothing between blocks.
// (Tried on 26.7.3 with 38 formats: the same bytes streamed as whole for these, other bytes for the rest.)
func streamable(format string) bool {
	switch strings.ToLower(format) {
	case "native", "tabseparated", "tsv", "tabseparatedraw", "tsvraw", "csv", "tskv", "rowbinary", "msgpack",
		"jsoneachrow", "jsonlines", "ndjson", "jsoncompacteachrow", "jsonstringseachrow", "jsoncompactstringseachrow", "bsoneachrow":
		return true
	}
	return false
}

// contentType is what ClickHouse sends for format.
func contentType(format string) string {
	lower := strings.ToLower(format)
	switch {
	case lower == "jsoneachrow", lower == "jsonlines", lower == "ndjson", strings.HasPrefix(lower, "json") && strings.HasSuffix(lower, "eachrow"):
		return "application/x-ndjson; charset=UTF-8"
	case strings.HasPrefix(lower, "json"):
		return "application/json; charset=UTF-8"
	case strings.HasPrefix(lower, "csv"):
		return "text/csv; charset=UTF-8; header=" + present(strings.Contains(lower, "withnames"))
	case strings.HasPrefix(lower, "tabseparated"), strings.HasPrefix(lower, "tsv"):
		return "text/tab-separated-values; charset=UTF-8"
	case lower == "xml":
		return "application/xml; charset=UTF-8"
	case lower == "markdown":
		return "text/markdown; charset=UTF-8"
	case strings.HasPrefix(lower, "pretty"), lower == "vertical", lower == "values", lower == "tskv":
		return "text/plain; charset=UTF-8"
	}
	return "application/octet-stream"
}

func present(header bool) string {
	if header {
		return "present"
	}
	return "absent"
}
