package config

import (
	"regexp"
	"strings"
)

// Unknown is a variable of the environment that looks like a setting's and is none. Its value is nobody's business.
type Unknown struct{ Name, Hint string }

// others are variables that are read elsewhere: the file's name, and what the embedded ClickHouse and the tests are told.
var others = regexp.MustCompile(`^BACKCHANNEL_(CONFIG|CHDB_\w+|TEST_\w+|CI_\w+|IMAGE|SLACK_PAYLOADS)$`)

// linked are those that Kubernetes makes for a Service that is called backchannel, or begins so
// (kubernetes.io/docs/concepts/services-networking/service/#environment-variables).
var linked = regexp.MustCompile(`_(SERVICE_(HOST|PORT(_\w+)?)|PORT(_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?)$`)

// Stray finds, in an environment of NAME=value, variables that begin with BACKCHANNEL_ and set nothing. It is no error: other programs may share the beginning.
func Stray(environ []string) (all []Unknown) {
	for _, entry := range environ {
		name, _, _ := strings.Cut(entry, "=")
		if !strings.HasPrefix(name, "BACKCHANNEL_") || others.MatchString(name) || linked.MatchString(name) {
			continue
		}
		if hint, stray := strayHint(name); stray {
			all = append(all, Unknown{name, hint})
		}
	}
	return all
}

func strayHint(name string) (hint string, stray bool) {
	of, isFile := strings.CutSuffix(name, "_FILE")
	for _, s := range Settings {
		switch {
		case s.Env() == name, isFile && s.Secret && s.Env() == of:
			return "", false
		case isFile && s.Env() == of:
			return "only secrets are named by a file: set " + of, true
		}
	}
	if near, found := nearest(of); found {
		return "did you mean " + near.Env() + "?", true
	}
	return "'backchannel config' lists the settings and their variables", true
}
