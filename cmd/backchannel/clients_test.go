package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"maps"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/alicebob/miniredis/v2"
	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/cmd/backchannel/config"
	"github.com/bigmind/backchannel/schemas"
)

func settings(t *testing.T, flags map[string]string) *config.Config {
	t.Helper()
	c, err := config.Load(flags, func(string) (string, bool) { return "", false }, "")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// certificate makes a server on 127.0.0.1 its own authority, and returns that as a file.
func certificate(t *testing.T) (server *tls.Config, caFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, DNSNames: []string{"localhost"},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	caFile = filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(caFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, MinVersion: tls.VersionTLS12}, caFile
}

// ping asks the brokers with the settings.
func ping(t *testing.T, flags map[string]string) error {
	t.Helper()
	opts, err := kafkaOptions(settings(t, flags))
	if err != nil {
		return err
	}
	client, err := kgo.NewClient(append(opts, kgo.RetryTimeout(time.Second), kgo.RequestRetries(0))...)
	if err != nil {
		return err
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	return client.Ping(ctx)
}

func TestKafkaSASLAndTLS(t *testing.T) {
	server, ca := certificate(t)
	_, otherCA := certificate(t)
	for _, mechanism := range []string{"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"} {
		t.Run(mechanism, func(t *testing.T) {
			broker, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.EnableSASL(), kfake.Superuser(mechanism, "me", "s3cret"), kfake.TLS(server))
			if err != nil {
				t.Fatal(err)
			}
			defer broker.Close()
			right := map[string]string{
				"kafka-brokers": broker.ListenAddrs()[0], "kafka-sasl": strings.ToLower(mechanism),
				"kafka-username": "me", "kafka-password": "s3cret", "kafka-tls-ca": ca,
			}
			if err := ping(t, right); err != nil {
				t.Errorf("with all settings right: %v", err)
			}
			for name, wrong := range map[string]string{"kafka-password": "wrong", "kafka-username": "you", "kafka-tls-ca": otherCA} {
				flags := maps.Clone(right)
				flags[name] = wrong
				if err := ping(t, flags); err == nil {
					t.Errorf("connected with a wrong %s", name)
				} else if strings.Contains(err.Error(), "s3cret") || strings.Contains(err.Error(), right["kafka-password"]) {
					t.Errorf("the error quotes the password: %v", err)
				}
			}
		})
	}
}

func TestCertificateFilesThatCannotBeUsed(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct{ flag, value, want string }{
		{"kafka-tls-ca", empty, "no certificate in PEM form"},
		{"kafka-tls-ca", "/nowhere/ca.pem", "no such file"},
		{"kafka-tls-cert", empty, "client certificate"},
	}
	for _, tt := range tests {
		flags := map[string]string{tt.flag: tt.value}
		if tt.flag == "kafka-tls-cert" {
			flags["kafka-tls-key"] = empty
		}
		_, err := kafkaOptions(settings(t, flags))
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s=%s: %v, want %q", tt.flag, tt.value, err, tt.want)
		}
	}
}

func TestRedisOverTLS(t *testing.T) {
	server, ca := certificate(t)
	_, otherCA := certificate(t)
	redisServer, err := miniredis.RunTLS(server)
	if err != nil {
		t.Fatal(err)
	}
	defer redisServer.Close()
	redisServer.RequireAuth("s3cret")
	tests := []struct {
		name, password, ca string
		ok                 bool
	}{
		{"right", "s3cret", ca, true}, {"another authority", "s3cret", otherCA, false}, {"no authority", "s3cret", "", false}, {"a wrong password", "x", ca, false},
	}
	for _, tt := range tests {
		client, err := redisClient(settings(t, map[string]string{
			"redis-url": "rediss://" + redisServer.Addr() + "/0?max_retries=-1", "redis-password": tt.password, "redis-tls-ca": tt.ca,
		}))
		if err != nil {
			t.Fatal(err)
		}
		if err := client.Ping(t.Context()).Err(); (err == nil) != tt.ok {
			t.Errorf("%s: %v", tt.name, err)
		}
		if err := client.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestRedisModes(t *testing.T) {
	type got struct {
		Kind, Master, Password string
		Addrs                  []string
		TLS                    bool
		DB                     int
	}
	tests := []struct {
		url  string
		want got
	}{
		{"redis://h:1/3", got{Kind: "single", Addrs: []string{"h:1"}, Password: "pw", DB: 3}},
		{"rediss://h:1/0", got{Kind: "single", Addrs: []string{"h:1"}, Password: "pw", TLS: true}},
		{"redis+cluster://h:1?addr=h2:2", got{Kind: "cluster", Addrs: []string{"h:1", "h2:2"}, Password: "pw"}},
		{"rediss+cluster://h:1", got{Kind: "cluster", Addrs: []string{"h:1"}, Password: "pw", TLS: true}},
		{"redis+sentinel://h:1/2?master_name=main", got{Kind: "single", Addrs: []string{"FailoverClient"}, Password: "pw", DB: 2}},
		{"rediss+sentinel://h:1/0?master_name=main", got{Kind: "single", Addrs: []string{"FailoverClient"}, Password: "pw", TLS: true}},
	}
	for _, tt := range tests {
		client, err := redisClient(settings(t, map[string]string{"redis-url": tt.url, "redis-password": "pw"}))
		if err != nil {
			t.Fatalf("%s: %v", tt.url, err)
		}
		var is got
		switch c := client.(type) {
		case *redis.Client:
			o := c.Options()
			is = got{Kind: "single", Addrs: []string{o.Addr}, Password: o.Password, TLS: o.TLSConfig != nil, DB: o.DB}
		case *redis.ClusterClient:
			o := c.Options()
			is = got{Kind: "cluster", Addrs: o.Addrs, Password: o.Password, TLS: o.TLSConfig != nil}
		}
		if diff := cmp.Diff(tt.want, is); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.url, diff)
		}
		if err := client.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := redisClient(settings(t, map[string]string{"redis-url": "redis://u:hunter2@h:1/abc"})); err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("a URL with a database that is no number: %v", err)
	}
}

func TestClickHouseOptions(t *testing.T) {
	_, ca := certificate(t)
	type got struct {
		Protocol           clickhouse.Protocol
		Addr               []string
		Database, User, PW string
		TLS, OwnCA         bool
	}
	tests := []struct {
		url, ca string
		want    got
	}{
		{"clickhouse://me@h:9000", "", got{clickhouse.Native, []string{"h:9000"}, "backchannel", "me", "pw", false, false}},
		{"clickhouse://me@h:9440/mine?secure=true", ca, got{clickhouse.Native, []string{"h:9440"}, "mine", "me", "pw", true, true}},
		{"clickhouse://me@h1:9000,h2:9000/default", "", got{clickhouse.Native, []string{"h1:9000", "h2:9000"}, "backchannel", "me", "pw", false, false}},
		{"http://h:8123", "", got{clickhouse.HTTP, []string{"h:8123"}, "backchannel", "", "pw", false, false}},
		{"https://me@h:8443/mine?secure=true", ca, got{clickhouse.HTTP, []string{"h:8443"}, "mine", "me", "pw", true, true}},
		{"https://me@h:8443", "", got{clickhouse.HTTP, []string{"h:8443"}, "backchannel", "me", "pw", true, false}},
	}
	for _, tt := range tests {
		o, err := clickhouseOptions(settings(t, map[string]string{"clickhouse-url": tt.url, "clickhouse-password": "pw", "clickhouse-tls-ca": tt.ca}))
		if err != nil {
			t.Errorf("%s: %v", tt.url, err)
			continue
		}
		is := got{o.Protocol, o.Addr, o.Auth.Database, o.Auth.Username, o.Auth.Password, o.TLS != nil, o.TLS != nil && o.TLS.RootCAs != nil}
		if diff := cmp.Diff(tt.want, is); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.url, diff)
		}
		if o.ReadTimeout != time.Minute {
			t.Errorf("%s: an answer may take %s, want a minute", tt.url, o.ReadTimeout)
		}
		if size := o.Settings["max_query_size"]; size != schemas.MaxQuerySize {
			t.Errorf("%s: a query may have %v bytes", tt.url, size)
		}
	}
	_, err := clickhouseOptions(settings(t, map[string]string{"clickhouse-url": "clickhouse://u:hunter2@h:9000?dial_timeout=soon"}))
	if err == nil || strings.Contains(err.Error(), "hunter2") || !strings.Contains(err.Error(), "clickhouse://user@host:9000") {
		t.Errorf("a URL with a wrong option: %v", err)
	}
}
