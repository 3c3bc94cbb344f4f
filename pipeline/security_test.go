package pipeline_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/internal/kafkacluster/kafkacert"
	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/codec"
)

func TestSecretIsNotPrinted(t *testing.T) {
	const password = "hunter2"
	c := pipeline.Config{SASL: pipeline.SASL{Mechanism: "PLAIN", Username: "u", Password: password}}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "config", c.SASL, "password", c.SASL.Password)
	j, err := json.Marshal(c.SASL)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{log.String(), string(j), c.SASL.Password.String(), fmt.Sprint(c), fmt.Sprintf("%v %+v %#v", c, c, c),
		fmt.Sprintf("%q %x %s %d", c.SASL.Password, c.SASL.Password, c.SASL.Password, c.SASL.Password)} {
		if strings.Contains(s, password) || strings.Contains(s, fmt.Sprintf("%x", password)) {
			t.Errorf("the password is in %s", s)
		}
	}
	if string(c.SASL.Password) != password || pipeline.Secret("").String() != "" {
		t.Error("a secret is not what it holds")
	}
}

func TestConfigOfSecurity(t *testing.T) {
	authority, err := kafkacert.NewAuthority("a")
	if err != nil {
		t.Fatal(err)
	}
	pair, err := authority.Sign("client", false)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	ca, cert, key := file("ca.pem", authority.Certificate), file("cert.pem", pair.Certificate), file("key.pem", pair.Key)
	other, err := authority.Sign("other", false)
	if err != nil {
		t.Fatal(err)
	}
	otherKey := file("other.pem", other.Key)
	empty, missing := file("empty", "\n"), filepath.Join(dir, "missing")
	good := pipeline.Config{Brokers: []string{"a:1"}}
	for name, tt := range map[string]struct {
		change func(*pipeline.Config)
		fields []string
	}{
		"none":          {func(c *pipeline.Config) {}, nil},
		"system":        {func(c *pipeline.Config) { c.TLS.Enabled = true }, nil},
		"all":           {func(c *pipeline.Config) { c.TLS = pipeline.TLS{CAFile: ca, CertFile: cert, KeyFile: key} }, nil},
		"insecure":      {func(c *pipeline.Config) { c.TLS.InsecureSkipVerify = true }, nil},
		"insecure + CA": {func(c *pipeline.Config) { c.TLS.InsecureSkipVerify, c.TLS.CAFile = true, ca }, []string{"TLS.InsecureSkipVerify"}},
		"no CA":         {func(c *pipeline.Config) { c.TLS.CAFile = missing }, []string{"TLS.CAFile"}},
		"empty CA":      {func(c *pipeline.Config) { c.TLS.CAFile = empty }, []string{"TLS.CAFile"}},
		"no key":        {func(c *pipeline.Config) { c.TLS.CertFile = cert }, []string{"TLS.KeyFile"}},
		"no cert":       {func(c *pipeline.Config) { c.TLS.KeyFile = key }, []string{"TLS.CertFile"}},
		"another key":   {func(c *pipeline.Config) { c.TLS.CertFile, c.TLS.KeyFile = cert, otherKey }, []string{"TLS.CertFile"}},
		"no mechanism":  {func(c *pipeline.Config) { c.SASL.Username = "u" }, []string{"SASL.Mechanism"}},
		"bad mechanism": {func(c *pipeline.Config) { c.SASL.Mechanism = "GSSAPI" }, []string{"SASL.Mechanism", "SASL.Password", "SASL.Username"}},
		"two passwords": {func(c *pipeline.Config) { c.SASL = pipeline.SASL{"PLAIN", "u", "p", cert} }, []string{"SASL.PasswordFile"}},
		"password file": {func(c *pipeline.Config) { c.SASL = pipeline.SASL{"SCRAM-SHA-256", "u", "", file("pw", "secret\n")} }, nil},
		"empty file":    {func(c *pipeline.Config) { c.SASL = pipeline.SASL{"PLAIN", "u", "", empty} }, []string{"SASL.PasswordFile"}},
		"no file":       {func(c *pipeline.Config) { c.SASL = pipeline.SASL{"PLAIN", "u", "", missing} }, []string{"SASL.PasswordFile"}},
		"large file": {func(c *pipeline.Config) {
			c.SASL = pipeline.SASL{"PLAIN", "u", "", file("large", strings.Repeat("x", 1<<20))}
		}, []string{"SASL.PasswordFile"}},
		"timeouts": {func(c *pipeline.Config) {
			c.TransactionTimeout, c.SessionTimeout, c.InstanceID = time.Millisecond, time.Hour, "a b"
		}, []string{"InstanceID", "SessionTimeout", "TransactionTimeout"}},
		"peers":        {func(c *pipeline.Config) { c.PeerAddress = ":7070" }, []string{"PeerAddress"}},
		"long commits": {func(c *pipeline.Config) { c.CommitInterval = 10 * time.Second }, []string{"TransactionTimeout"}},
		"long commits at least once": {func(c *pipeline.Config) {
			c.CommitInterval, c.Guarantee = time.Minute, pipeline.AtLeastOnce
		}, nil},
		"much": {func(c *pipeline.Config) {
			*c = pipeline.Config{Brokers: []string{"x"}, Compression: "rar", Partitions: -1, RestartMin: time.Hour, CommitInterval: -1}
		}, []string{"Brokers", "CommitInterval", "Compression", "Partitions", "RestartMin"}},
	} {
		t.Run(name, func(t *testing.T) {
			c := good
			tt.change(&c)
			var fields []string
			var v *pipeline.ValidationError
			if errors.As(c.Validate(), &v) {
				for _, p := range v.Problems {
					fields = append(fields, p.Field)
				}
			}
			if slices.Sort(fields); !slices.Equal(fields, tt.fields) {
				t.Errorf("problems of %q, want %q: %v", fields, tt.fields, v)
			}
		})
	}
}

// A service whose brokers do not answer says so at once, and gives up in time.
func TestNobodyAnswers(t *testing.T) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	c := pipeline.Config{Brokers: []string{address}, StateDir: t.TempDir(), ConnectTimeout: 600 * time.Millisecond,
		Logger: slog.New(slog.NewTextHandler(&log, nil))}
	topic := pipeline.NewTopic("in", codec.String())
	p := pipeline.Process("p")
	pipeline.Input(p, topic, nothing[string])
	err = pipeline.Run(t.Context(), pipeline.New("t").From(topic).Add(p), c)
	for _, want := range []string{address, "check the address", "ConnectTimeout, 600ms"} {
		if !errors.Is(err, pipeline.ErrUnreachable) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v; want ErrUnreachable with %q", err, want)
		}
	}
	if !strings.Contains(log.String(), "no broker answers; it is tried again") {
		t.Errorf("the log does not say that it waits: %s", log.String())
	}
}
