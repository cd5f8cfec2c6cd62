package doctor

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"

	"github.com/bigmind/backchannel/ingest"
)

// ingest asks a running ingest what it waits for, and whether Slack's requests were refused: only it knows, since they leave no record.
func (d *Doctor) ingest(ctx context.Context) {
	if d.Ingest == "" {
		return
	}
	ready, err := d.get(ctx, "/readyz")
	if err != nil {
		d.unknown("slack", "ingest", fmt.Sprintf("No process of ours answers at %s: what it refuses is not known.", d.Ingest), "Run 'backchannel run ingest', or name where it listens with --ingest.")
		return
	}
	for line := range strings.SplitSeq(strings.TrimSpace(ready), "\n") {
		if what, waits := strings.CutPrefix(line, "waiting for "); waits && !d.told(what) {
			d.fail("slack", "ready", "", "The process at "+d.Ingest+" waits for "+what+".", "See the log of that process.")
		}
	}
	metrics, err := d.get(ctx, "/metrics")
	if err != nil || d.Sockets {
		return
	}
	n := requests(metrics)
	switch good := n["accepted"] + n["challenge"]; {
	case n["forged"] > 0 && good == 0:
		d.fail("slack", "signature", "", fmt.Sprintf("All of the %d requests to /slack/events that had a signature were signed with another secret than slack-signing-secret.", n["forged"]),
			"Set slack-signing-secret to the app's (api.slack.com/apps, Basic Information, Signing Secret), and restart ingest.")
	case n["stale"] > 0 && good == 0:
		d.fail("slack", "signature", "", fmt.Sprintf("All of the %d requests to /slack/events bore a time more than 5 minutes off.", n["stale"]), "Set the clock of the machine that ingest runs on.")
	default:
		d.pass("slack", "signature", fmt.Sprintf("ingest has accepted %d requests from Slack since it started, and refused %d.", good, n["forged"]+n["stale"]+n["unsigned"]))
	}
}

// told says that what a process waits for is an engine of which this run has said already that it is away.
func (d *Doctor) told(what string) bool {
	what = strings.ToLower(what)
	return !d.up.kafka && strings.Contains(what, "kafka") || !d.up.redis && strings.Contains(what, "redis") || !d.up.clickhouse && strings.Contains(what, "clickhouse")
}

// maxAnswer bounds what is read of an answer.
const maxAnswer = 4 << 20

func (d *Doctor) get(ctx context.Context, path string) (string, error) {
	ctx, cancel := d.bounded(ctx)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, d.Ingest+path, nil)
	if err != nil {
		return "", ingest.WithoutURL(err)
	}
	answer, err := d.HTTP.Do(req)
	if err != nil {
		return "", ingest.WithoutURL(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	return string(body), err
}

var requestsLine = regexp.MustCompile(`^backchannel_ingest_requests_total\{result="(\w+)"\} (\S+)`)

// requests reads how many requests to /slack/events had which result.
func requests(metrics string) map[string]int {
	counts := map[string]int{}
	lines := bufio.NewScanner(strings.NewReader(metrics))
	for lines.Scan() {
		if m := requestsLine.FindStringSubmatch(lines.Text()); m != nil {
			if n, err := strconv.ParseFloat(m[2], 64); err == nil {
				counts[m[1]] += int(n)
			}
		}
	}
	return counts
}
