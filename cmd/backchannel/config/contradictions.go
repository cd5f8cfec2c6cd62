package config

import (
	"errors"
	"net/url"
	"strings"
)

// contradictions are settings that are right by themselves and wrong together: each would otherwise be silently left out
// of account, and the process wait for an engine that turns it away.
func (c *Config) contradictions() (problems []error) {
	say := func(wrong bool, sentence string) {
		if wrong {
			problems = append(problems, errors.New(sentence))
		}
	}
	sasl, user := c.String("kafka-sasl") != "", c.String("kafka-username") != ""
	say(sasl && !user, "kafka-sasl is set and kafka-username is not: set both, or neither")
	say(!sasl && (user || c.String("kafka-password") != ""), "kafka-username or kafka-password is set and kafka-sasl is not: set it to plain, scram-sha-256 or scram-sha-512")
	say((c.String("kafka-tls-cert") == "") != (c.String("kafka-tls-key") == ""), "kafka-tls-cert and kafka-tls-key go together: set both, or neither")

	say((c.String("slack-client-id") == "") != (c.String("slack-client-secret") == ""), "slack-client-id and slack-client-secret go together: set both, or neither")

	redis, query := schemeAndQuery(c.String("redis-url"))
	say(strings.HasSuffix(redis, "+sentinel") && query.Get("master_name") == "", "redis-url names Sentinels and no master: add ?master_name=… as Sentinel's configuration calls it")
	say(c.String("redis-tls-ca") != "" && !strings.HasPrefix(redis, "rediss"), "redis-tls-ca is set, but redis-url does not ask for TLS: begin it with rediss:// (or rediss+sentinel://, rediss+cluster://)")

	clickhouse, query := schemeAndQuery(c.String("clickhouse-url"))
	secure := clickhouse == "https" || clickhouse == "clickhouse" && query.Has("secure") && query.Get("secure") != "false"
	say(c.String("clickhouse-tls-ca") != "" && !secure, "clickhouse-tls-ca is set, but clickhouse-url does not ask for TLS: begin it with https://, or add ?secure=true to clickhouse://")
	return problems
}

// schemeAndQuery returns the scheme and query of a URL that has been validated.
func schemeAndQuery(text string) (string, url.Values) {
	u, err := url.Parse(text)
	if err != nil {
		return "", nil
	}
	return u.Scheme, u.Query()
}
