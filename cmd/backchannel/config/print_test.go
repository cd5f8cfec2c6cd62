package config

import (
	"bytes"
	"net/url"
	"strings"
	"testing"
)

func TestPrintShowsEverySettingAndNoSecret(t *testing.T) {
	const secret = "hunter2"
	vars := map[string]string{
		"BACKCHANNEL_REDIS_URL":            "redis+sentinel://user:" + secret + "@h:26379/0?master_name=m&sentinel_password=" + secret,
		"BACKCHANNEL_CLICKHOUSE_URL":       "clickhouse://h:9000/db?username=u&password=" + secret,
		"BACKCHANNEL_SLACK_API_URL":        "https://user:" + secret + "@h/api/?x=1;password=" + secret,
		"BACKCHANNEL_SMTP_URL":             "smtp://user:" + secret + "@h:25",
		"BACKCHANNEL_KAFKA_SASL":           "plain",
		"BACKCHANNEL_KAFKA_USERNAME":       "me",
		"BACKCHANNEL_KAFKA_PASSWORD":       secret,
		"BACKCHANNEL_REDIS_PASSWORD":       secret,
		"BACKCHANNEL_CLICKHOUSE_PASSWORD":  secret,
		"BACKCHANNEL_SLACK_SIGNING_SECRET": secret,
		"BACKCHANNEL_TOKEN_KEYS":           secret,
	}
	c, err := Load(map[string]string{"drain": "7s"}, env(vars), "")
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := c.Print(&out); err != nil {
		t.Fatal(err)
	}
	text := out.String()
	if strings.Contains(text, secret) {
		t.Errorf("a secret is printed:\n%s", text)
	}
	lines := map[string]string{}
	for line := range strings.Lines(text) {
		name, rest, _ := strings.Cut(line, " ")
		lines[name] = rest
	}
	for _, s := range Settings {
		if !strings.Contains(lines[s.Name], s.Env()) {
			t.Errorf("%s is not printed with its variable", s.Name)
		}
	}
	for name, want := range map[string]string{
		"drain": "flag --drain", "redis-url": "user:REDACTED@h:26379", "clickhouse-url": "username=u", "kafka-password": "(set, redacted)",
		"kafka-username": "me", "log-level": "default", "redis-password": "environment BACKCHANNEL_REDIS_PASSWORD", "kafka-tls-ca": "-",
	} {
		if !strings.Contains(lines[name], want) {
			t.Errorf("%s is printed as %q, want %q in it", name, lines[name], want)
		}
	}
}

// Whatever a URL looks like, its password is not shown.
func FuzzShownURL(f *testing.F) {
	f.Add("redis", "h:1/0?password=a;b")
	f.Add("clickhouse", "h1:9000,h2:9000/db?secure=true&secret=x")
	f.Add("http", "[::1]:80/%zz")
	f.Add("//@", "0")
	f.Add("http://u@h/", "0")
	f.Add("http://u@h?x=", "0")
	f.Fuzz(func(t *testing.T, scheme, rest string) {
		const password = "q9Zq9Zq9Z"
		text := scheme + "://user:" + password + "@" + rest
		if u, err := url.Parse(text); err == nil && u.User == nil {
			return // what precedes made it something else than a user's password
		}
		if got := shown(Setting{Name: "x-url"}, text); strings.Contains(got, password) {
			t.Errorf("%q is shown as %q", text, got)
		}
	})
}
