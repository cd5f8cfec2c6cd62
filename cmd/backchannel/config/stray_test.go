package config

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestStray(t *testing.T) {
	got := Stray([]string{
		"BACKCHANNEL_KAFKA_BROKER=x", "BACKCHANNEL_KAFKA_BROKERS=x", "BACKCHANNEL_TOKEN_KEYS_FILE=x", "BACKCHANNEL_KAFKA_USERNAME_FILE=x", "BACKCHANNEL_CONFIG=x",
		"BACKCHANNEL_SERVICE_HOST=x", "BACKCHANNEL_INGEST_SERVICE_PORT_HTTP=x", "BACKCHANNEL_PORT=x", "BACKCHANNEL_PORT_8080_TCP_ADDR=x", "HOME=x", "BACKCHANNEL_ZZZZZZZZ=x",
	})
	want := []Unknown{
		{"BACKCHANNEL_KAFKA_BROKER", "did you mean BACKCHANNEL_KAFKA_BROKERS?"},
		{"BACKCHANNEL_KAFKA_USERNAME_FILE", "only secrets are named by a file: set BACKCHANNEL_KAFKA_USERNAME"},
		{"BACKCHANNEL_ZZZZZZZZ", "'backchannel config' lists the settings and their variables"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
