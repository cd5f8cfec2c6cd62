package doctor

import (
	"fmt"
	"strings"

	"github.com/bigmind/backchannel/cmd/backchannel/config"
	"github.com/bigmind/backchannel/ingest/diagnose"
)

// Configuration tells what is wrong with the settings, or what they leave off. err is why they could not be loaded.
func Configuration(c *config.Config, err error) []Line {
	var lines []Line
	say := func(result diagnose.Result, check, fact, next string) {
		lines = append(lines, Line{Area: "configuration", Check: check, Result: result, Fact: fact, Next: next})
	}
	if err != nil {
		for line := range strings.SplitSeq(err.Error(), "\n") {
			say(diagnose.Fail, "settings", capital(strings.TrimSpace(line))+".", "Mend the setting; 'backchannel config' lists them all.")
		}
		return lines
	}
	set := 0
	for _, s := range config.Settings {
		if c.Explicit(s.Name) {
			set++
		}
	}
	say(diagnose.Pass, "settings", fmt.Sprintf("%d of %d settings are set, and all are valid.", set, len(config.Settings)), "")
	if c.String("slack-signing-secret") == "" && c.String("slack-app-token") == "" {
		say(diagnose.Unknown, "events", "Neither slack-signing-secret nor slack-app-token is set here: a process with these settings takes no events.",
			"Set the Signing Secret of the app (api.slack.com/apps, Basic Information), or an app-level token for Socket Mode, where ingest runs.")
	}
	if c.String("token-keys") == "" {
		say(diagnose.Unknown, "keys", "token-keys is not set here: Slack cannot be asked anything.", "Set token-keys to the key set that ingest and the Slack sink have.")
	}
	if c.String("slack-client-id") == "" {
		say(diagnose.Unknown, "connect", "slack-client-id is not set here: nobody can connect Slack.", "Set the app's client id and secret where ingest runs.")
	}
	return lines
}
