package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func env(vars map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		v, ok := vars[name]
		return v, ok
	}
}

func write(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "backchannel.yaml")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestPrecedence(t *testing.T) {
	const addr = "http-addr"
	flags, vars := map[string]string{addr: "127.0.0.1:1"}, map[string]string{"BACKCHANNEL_HTTP_ADDR": "127.0.0.1:2"}
	file := write(t, "http-addr: 127.0.0.1:3\n")
	tests := []struct {
		name  string
		flags map[string]string
		vars  map[string]string
		file  string
		want  Value
	}{
		{"a flag before all", flags, vars, file, Value{"127.0.0.1:1", "flag --http-addr"}},
		{"the environment before the file", nil, vars, file, Value{"127.0.0.1:2", "environment BACKCHANNEL_HTTP_ADDR"}},
		{"the file before the default", nil, nil, file, Value{"127.0.0.1:3", "file " + file}},
		{"the default", nil, nil, "", Value{"127.0.0.1:8080", "default"}},
	}
	for _, tt := range tests {
		c, err := Load(tt.flags, env(tt.vars), tt.file)
		if err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		if diff := cmp.Diff(tt.want, c.values[addr]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
		if c.Explicit(addr) != (tt.want.Source != "default") {
			t.Errorf("%s: Explicit is %t", tt.name, c.Explicit(addr))
		}
	}
}

func TestASecretMayBeNamedByAFile(t *testing.T) {
	file := write(t, "  s3cret\n")
	c, err := Load(nil, env(map[string]string{"BACKCHANNEL_REDIS_PASSWORD_FILE": file}), "")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(Value{"s3cret", "file named by BACKCHANNEL_REDIS_PASSWORD_FILE"}, c.values["redis-password"]); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Every refusal names the setting, says how to right it, and quotes nothing that may be secret.
func TestWrongSettings(t *testing.T) {
	const secret = "hunter2"
	tests := []struct {
		name string
		vars map[string]string
		file string
		want []string
	}{
		{"an unknown key", nil, "htp-addr: 127.0.0.1:1", []string{`no setting "htp-addr"`, `did you mean "http-addr"?`, "backchannel config"}},
		{"a key in a variable's form", nil, "BACKCHANNEL_KAFKA_BROKERS: a:1", []string{`did you mean "kafka-brokers"?`}},
		{"a key like no other", nil, "colour: red", []string{`no setting "colour"; 'backchannel config'`}},
		{"two at once", map[string]string{"BACKCHANNEL_DRAIN": "soon"}, "log-format: xml", []string{`drain (environment BACKCHANNEL_DRAIN): "soon"`, "20s", `"xml"`, "json, text"}},
		{"no address", map[string]string{"BACKCHANNEL_HTTP_ADDR": "8080"}, "", []string{"http-addr", "host:port"}},
		{"a port too high", map[string]string{"BACKCHANNEL_HTTP_ADDR": "h:65536"}, "", []string{"0 to 65535"}},
		{"one broker of two", map[string]string{"BACKCHANNEL_KAFKA_BROKERS": "a:1,b"}, "", []string{"kafka-brokers", "host:port"}},
		{"neither true nor false", map[string]string{"BACKCHANNEL_EMBEDDED": "yes"}, "", []string{"embedded", "true or false"}},
		{"a number out of bounds", map[string]string{"BACKCHANNEL_CLICKHOUSE_BATCH": "0"}, "", []string{"clickhouse-batch", "1 to 1000000"}},
		{"a bot token as app token", map[string]string{"BACKCHANNEL_SLACK_APP_TOKEN": "xoxb-" + secret}, "", []string{"slack-app-token", "xapp-"}},
		{"no such mechanism", map[string]string{"BACKCHANNEL_KAFKA_SASL": "gssapi"}, "", []string{"plain, scram-sha-256, scram-sha-512"}},
		{"a URL of another scheme", map[string]string{"BACKCHANNEL_REDIS_URL": "http://u:" + secret + "@h"}, "", []string{"redis-url", "redis://"}},
		{"a URL that does not parse", map[string]string{"BACKCHANNEL_CLICKHOUSE_URL": "http://u:" + secret + "@h:port"}, "", []string{"clickhouse-url", "https://"}},
		{"a password where none belongs", map[string]string{"BACKCHANNEL_KAFKA_BROKERS": "u:" + secret + "@h:1:2"}, "", []string{"kafka-brokers", "host:port"}},
		{"a secret twice", map[string]string{"BACKCHANNEL_KAFKA_PASSWORD": secret, "BACKCHANNEL_KAFKA_PASSWORD_FILE": "x"}, "", []string{"both set", "unset one"}},
		{"a secret's file that is not there", map[string]string{"BACKCHANNEL_KAFKA_PASSWORD_FILE": "/nowhere/at-all"}, "", []string{"BACKCHANNEL_KAFKA_PASSWORD_FILE", "no such file"}},
		{"a list in the file", nil, "kafka-brokers: [a:1]", []string{"kafka-brokers: want a plain value"}},
		{"no YAML", nil, "password " + secret, []string{"one 'name: value' a line"}},
		{"SASL without a user", map[string]string{"BACKCHANNEL_KAFKA_SASL": "plain"}, "", []string{"kafka-username"}},
		{"a user without SASL", map[string]string{"BACKCHANNEL_KAFKA_USERNAME": "u"}, "", []string{"kafka-sasl", "plain"}},
		{"a certificate without its key", map[string]string{"BACKCHANNEL_KAFKA_TLS_CERT": "c.pem"}, "", []string{"kafka-tls-key"}},
		{"Sentinel without a master", map[string]string{"BACKCHANNEL_REDIS_URL": "redis+sentinel://h:26379"}, "", []string{"master_name"}},
		{"authorities without TLS", map[string]string{"BACKCHANNEL_REDIS_TLS_CA": "ca.pem", "BACKCHANNEL_CLICKHOUSE_TLS_CA": "ca.pem"}, "", []string{"rediss://", "secure=true"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			file := ""
			if tt.file != "" {
				file = write(t, tt.file+"\n")
			}
			_, err := Load(nil, env(tt.vars), file)
			if err == nil {
				t.Fatal("accepted")
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q lacks %q", err, want)
				}
			}
			if strings.Contains(err.Error(), secret) {
				t.Errorf("error %q quotes a secret", err)
			}
		})
	}
}

func TestAnEmptySecretFileIsAMistake(t *testing.T) {
	_, err := Load(nil, env(map[string]string{"BACKCHANNEL_TOKEN_KEYS_FILE": write(t, "\n")}), "")
	if err == nil || !strings.Contains(err.Error(), "is empty") {
		t.Errorf("error %v, want that the file is empty", err)
	}
}

func TestANullInTheFileIsNothing(t *testing.T) {
	c, err := Load(nil, env(nil), write(t, "kafka-tls-ca: ~\nkafka-tls-cert:\n"))
	if err != nil {
		t.Fatal(err)
	}
	if ca, cert := c.String("kafka-tls-ca"), c.String("kafka-tls-cert"); ca != "" || cert != "" {
		t.Errorf("kafka-tls-ca %q, kafka-tls-cert %q, want nothing", ca, cert)
	}
}

func TestValuesHaveTheirTypes(t *testing.T) {
	if _, err := Load(map[string]string{"kafka-brokers": "a:1, b:2,"}, env(nil), ""); err == nil {
		t.Fatal("an empty broker was accepted")
	}
	c, err := Load(map[string]string{"kafka-brokers": "a:1, b:2", "embedded": "true"}, env(nil), "")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"a:1", "b:2"}, c.List("kafka-brokers")); diff != "" {
		t.Errorf("List (-want +got):\n%s", diff)
	}
	if !c.Bool("embedded") || c.Int("clickhouse-batch") != 50000 || c.Duration("drain").Seconds() != 20 {
		t.Errorf("embedded %t, clickhouse-batch %d, drain %s", c.Bool("embedded"), c.Int("clickhouse-batch"), c.Duration("drain"))
	}
}

// Whatever the file holds, loading ends, and an error does not quote a secret's value.
func FuzzFile(f *testing.F) {
	for _, seed := range []string{"http-addr: a:1", "a: [b]", "x: &a 1\ny: *a", "? a", " ?", "---\na: b\n---", "drain: 1s\ndrain: 2s", "redis-url: redis://u:p@h"} {
		f.Add(seed)
	}
	path := filepath.Join(f.TempDir(), "fuzz.yaml")
	f.Fuzz(func(t *testing.T, content string) {
		if err := os.WriteFile(path, []byte(content+"\nkafka-password: hunter2hunter2\ndrain: never\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(nil, env(nil), path); err == nil || strings.Contains(err.Error(), "hunter2hunter2") && !strings.Contains(content, "hunter2") {
			t.Errorf("error %v", err)
		}
	})
}
