package main

import (
	"errors"
	"strings"
	"testing"
)

// Settings that are wrong are the first thing that doctor finds; everything that is away it names, and ends with 1.
func TestDoctorNamesWhatIsAway(t *testing.T) {
	t.Setenv("BACKCHANNEL_KAFKA_SASL", "magic")
	out, err := execute(t, "", "doctor")
	var code exitError
	if !errors.As(err, &code) || code.code != 1 || !strings.Contains(out, "✗ configuration Kafka-sasl") {
		t.Errorf("%q, %v", out, err)
	}
	t.Setenv("BACKCHANNEL_KAFKA_SASL", "")
	out, err = execute(t, "", "doctor", "--json", "--timeout", "500ms", "--kafka-brokers", "127.0.0.1:1", "--redis-url", "redis://127.0.0.1:1", "--clickhouse-url", "http://user:s3cret@127.0.0.1:1",
		"--slack-api-url", "http://127.0.0.1:1/api/", "--smtp-url", "smtp://user:s3cret@127.0.0.1:1", "--http-addr", "127.0.0.1:1", "--log-level", "error")
	if !errors.As(err, &code) || code.code != 1 || strings.Contains(out, "s3cret") {
		t.Errorf("%q, %v", out, err)
	}
	for _, want := range []string{`"area":"kafka","check":"reachable","result":"fail"`, `"area":"redis","check":"reachable","result":"fail"`, `"area":"clickhouse","check":"reachable","result":"fail"`, `"area":"mail","check":"server","result":"fail"`} {
		if !strings.Contains(out, want) {
			t.Errorf("nothing says %s:\n%s", want, out)
		}
	}
	if _, err := execute(t, "", "doctor", "--user", "a@b.example", "--channel", "C1"); err == nil || !strings.Contains(err.Error(), "--user") {
		t.Errorf("%v", err)
	}
}
