package chdb

import (
	"fmt"
	"runtime"
)

// Version is the libchdb that this package was written for and tested with: a ClickHouse 26.7.
const Version = "26.7.3-stable.1"

// pkg is the npm package that holds libchdb for one platform.
type pkg struct {
	name string
	// sha512 of the tarball in base64, the registry's dist.integrity of Version without its "sha512-".
	// Empty: not pinned here, and only npm's own check against the registry's integrity stands.
	sha512 string
	size   int64 // of the tarball in bytes, 0 if not known
}

// packages by GOOS/GOARCH. Only the first was within reach of those who wrote this; whoever sees the
// others with `npm view NAME@VERSION dist.integrity` should write it here.
var packages = map[string]pkg{
	"linux/amd64":  {"@chdb/lib-linux-x64-gnu", "XP97mMqnc5tZpKQywR8N7cLTsHNiTmHr30pC5mzo3jWmukjKn2IBa60c2B/gWUNcuFjOMjWoorQICCqBVj5wpw==", 177817999},
	"linux/arm64":  {"@chdb/lib-linux-arm64-gnu", "", 0},
	"darwin/amd64": {"@chdb/lib-darwin-x64", "", 0},
	"darwin/arm64": {"@chdb/lib-darwin-arm64", "", 0},
}

// wayOut ends every refusal of Ensure.
const wayOut = "to do without the embedded ClickHouse, point BACKCHANNEL_CLICKHOUSE_URL at a ClickHouse server"

func platformPackage() (pkg, error) {
	platform := runtime.GOOS + "/" + runtime.GOARCH
	if p, ok := packages[platform]; ok {
		return p, nil
	}
	return pkg{}, fmt.Errorf("there is no embedded ClickHouse for %s, only for Linux (glibc) and macOS on x64 and arm64; %s", platform, wayOut)
}
