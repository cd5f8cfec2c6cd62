package main

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/redis/go-redis/v9"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"github.com/bigmind/backchannel/cmd/backchannel/config"
	"github.com/bigmind/backchannel/schemas"
	"github.com/bigmind/backchannel/schemas/seal"
)

// kafkaOptions is what every Kafka client of the process shares.
func kafkaOptions(c *config.Config) ([]kgo.Opt, error) {
	opts := []kgo.Opt{
		kgo.SeedBrokers(c.List("kafka-brokers")...),
		kgo.ClientID("backchannel"),
		kgo.MetadataMinAge(500 * time.Millisecond), // a topic that apply has just made is found soon
		kgo.RetryBackoffFn(func(tries int) time.Duration { return min(time.Duration(tries)*100*time.Millisecond, 2*time.Second) }),
	}
	if c.Bool("kafka-tls") || c.String("kafka-tls-ca") != "" || c.String("kafka-tls-cert") != "" {
		conf, err := tlsConfig(c.String("kafka-tls-ca"), c.String("kafka-tls-cert"), c.String("kafka-tls-key"))
		if err != nil {
			return nil, fmt.Errorf("kafka-tls: %w", err)
		}
		opts = append(opts, kgo.DialTLSConfig(conf))
	}
	user, password := c.String("kafka-username"), c.String("kafka-password")
	switch c.String("kafka-sasl") {
	case "plain":
		opts = append(opts, kgo.SASL(plain.Auth{User: user, Pass: password}.AsMechanism()))
	case "scram-sha-256":
		opts = append(opts, kgo.SASL(scram.Auth{User: user, Pass: password}.AsSha256Mechanism()))
	case "scram-sha-512":
		opts = append(opts, kgo.SASL(scram.Auth{User: user, Pass: password}.AsSha512Mechanism()))
	}
	return opts, nil
}

func tlsConfig(caFile, certFile, keyFile string) (*tls.Config, error) {
	conf := &tls.Config{MinVersion: tls.VersionTLS12}
	if caFile != "" {
		pem, err := os.ReadFile(caFile)
		if err != nil {
			return nil, fmt.Errorf("read the certificate authorities: %w", err)
		}
		conf.RootCAs = x509.NewCertPool()
		if !conf.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%s holds no certificate in PEM form", caFile)
		}
	}
	if certFile != "" {
		cert, err := tls.LoadX509KeyPair(certFile, keyFile)
		if err != nil {
			return nil, fmt.Errorf("read the client certificate: %w", err)
		}
		conf.Certificates = []tls.Certificate{cert}
	}
	return conf, nil
}

// quietRedis keeps go-redis from writing lines of its own to standard error: that Redis is away is told once, by health.
type quietRedis struct{ log *slog.Logger }

func (q quietRedis) Printf(ctx context.Context, format string, v ...any) {
	q.log.DebugContext(ctx, "go-redis", "said", fmt.Sprintf(format, v...))
}

// resp2 is the protocol unless the URL says protocol=3, in which go-redis looks for pushes before each answer: nothing here has any.
const resp2 = 2

// redisClient makes a client for a single server, Sentinel or Cluster, as the URL's scheme says. Errors never quote the URL.
func redisClient(c *config.Config) (redis.UniversalClient, error) {
	address, password := c.String("redis-url"), c.String("redis-password")
	scheme, rest, _ := strings.Cut(address, "://")
	secure := strings.HasPrefix(scheme, "rediss")
	plainURL := map[bool]string{false: "redis://", true: "rediss://"}[secure] + rest
	ca := c.String("redis-tls-ca")
	withCA := func(conf *tls.Config) (*tls.Config, error) {
		if ca == "" || conf == nil {
			return conf, nil
		}
		own, err := tlsConfig(ca, "", "")
		if err != nil {
			return nil, fmt.Errorf("redis-tls-ca: %w", err)
		}
		conf.RootCAs = own.RootCAs
		return conf, nil
	}
	bad := errors.New("redis-url is not a Redis URL")
	switch {
	case strings.HasSuffix(scheme, "+cluster"):
		opts, err := redis.ParseClusterURL(plainURL)
		if err != nil {
			return nil, bad
		}
		opts.Protocol = cmp.Or(opts.Protocol, resp2)
		if password != "" {
			opts.Password = password
		}
		if opts.TLSConfig, err = withCA(opts.TLSConfig); err != nil {
			return nil, err
		}
		return redis.NewClusterClient(opts), nil
	case strings.HasSuffix(scheme, "+sentinel"):
		opts, err := redis.ParseFailoverURL(plainURL)
		if err != nil {
			return nil, bad
		}
		opts.Protocol = cmp.Or(opts.Protocol, resp2)
		if password != "" {
			opts.Password = password
		}
		if opts.TLSConfig, err = withCA(opts.TLSConfig); err != nil {
			return nil, err
		}
		return redis.NewFailoverClient(opts), nil
	}
	opts, err := redis.ParseURL(plainURL)
	if err != nil {
		return nil, bad
	}
	opts.Protocol = cmp.Or(opts.Protocol, resp2)
	if password != "" {
		opts.Password = password
	}
	if opts.TLSConfig, err = withCA(opts.TLSConfig); err != nil {
		return nil, err
	}
	return redis.NewClient(opts), nil
}

// database is the ClickHouse database unless the URL names another.
const database = "backchannel"

// clickhouseOptions reads the URL: native protocol or HTTP.
func clickhouseOptions(c *config.Config) (*clickhouse.Options, error) {
	opts, err := clickhouse.ParseDSN(secured(c.String("clickhouse-url")))
	if err != nil {
		return nil, errors.New("clickhouse-url is not a ClickHouse URL, such as clickhouse://user@host:9000/backchannel or https://host:8443; " +
			"options behind '?' are those of clickhouse-go")
	}
	if opts.Auth.Database == "" || opts.Auth.Database == "default" {
		opts.Auth.Database = database
	}
	if password := c.String("clickhouse-password"); password != "" {
		opts.Auth.Password = password
	}
	if ca := c.String("clickhouse-tls-ca"); ca != "" {
		if opts.TLS, err = tlsConfig(ca, "", ""); err != nil {
			return nil, fmt.Errorf("clickhouse-tls-ca: %w", err)
		}
	}
	if opts.ReadTimeout == 0 {
		opts.ReadTimeout = time.Minute
	}
	if opts.Settings == nil {
		opts.Settings = clickhouse.Settings{}
	}
	if _, own := opts.Settings[schemas.MaxQuerySizeSetting]; !own {
		opts.Settings[schemas.MaxQuerySizeSetting] = schemas.MaxQuerySize
	}
	opts.ClientInfo.Products = append(opts.ClientInfo.Products, struct{ Name, Version string }{"backchannel", version()})
	return opts, nil
}

// secured says with https:// what clickhouse-go wants to hear beside it: ?secure=true.
func secured(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" || u.Query().Has("secure") {
		return address
	}
	query := u.Query()
	query.Set("secure", "true")
	u.RawQuery = query.Encode()
	return u.String()
}

func clickhouseConn(c *config.Config) (driver.Conn, error) {
	opts, err := clickhouseOptions(c)
	if err != nil {
		return nil, err
	}
	conn, err := clickhouse.Open(opts)
	if err != nil {
		return nil, fmt.Errorf("open ClickHouse: %w", err)
	}
	return chConn{conn, c.Shown("clickhouse-url")}, nil
}

func sealer(c *config.Config) (*seal.Sealer, error) {
	keys := c.String("token-keys")
	if keys == "" {
		return nil, errors.New("no key set for Slack tokens is configured: set BACKCHANNEL_TOKEN_KEYS_FILE to that of the running processes (of --embedded it is in --data). " +
			"Only where none has one yet does 'backchannel seal --new-key-set' make the first: what an earlier one sealed, a new one does not open")
	}
	return seal.New([]byte(keys))
}

// slackAPI is where a command beside the running process asks Slack: the simulator, where that process runs it.
func slackAPI(c *config.Config) string {
	if c.Bool("simulate-slack") && !c.Explicit("slack-api-url") {
		return "http://" + c.String("slack-sim-addr") + "/api/"
	}
	return withSlash(c.String("slack-api-url"))
}

func withSlash(u string) string {
	if strings.HasSuffix(u, "/") {
		return u
	}
	return u + "/"
}
