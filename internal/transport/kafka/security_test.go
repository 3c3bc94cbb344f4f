//go:build kafka && unix

package kafka

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/internal/kafkacluster"
	"github.com/millrace/millrace/internal/kafkacluster/kafkacert"
	"github.com/millrace/millrace/internal/transport"
)

// secured is a broker with a listener of each kind.
type secured struct {
	t                                              *testing.T
	authority, stranger                            *kafkacert.Authority
	client, foreign                                kafkacert.Pair // certificates of clients
	plain, ssl, mutual, sasl, saslSSL, unreachable []string
}

func startSecured(t *testing.T) *secured {
	t.Helper()
	s := &secured{t: t}
	var errs [6]error
	s.authority, errs[0] = kafkacert.NewAuthority("test authority")
	s.stranger, errs[1] = kafkacert.NewAuthority("stranger")
	server, err := s.authority.Sign("broker", false, "127.0.0.1", "broker.example")
	errs[2] = err
	s.client, errs[3] = s.authority.Sign("client", false)
	s.foreign, errs[4] = s.stranger.Sign("client", false)
	if err := errors.Join(errs[:]...); err != nil {
		t.Fatal(err)
	}
	c, err := kafkacluster.Start(t.Context(), kafkacluster.Config{
		Brokers: 1, Dir: t.TempDir(),
		Listeners: []kafkacluster.Listener{
			{Protocol: "SSL"}, {Protocol: "SSL", ClientCertificates: true}, {Protocol: "SASL_PLAINTEXT"}, {Protocol: "SASL_SSL"},
		},
		TLS:   kafkacluster.TLS{Certificate: server.Certificate, Key: server.Key, Authority: s.authority.Certificate},
		Users: map[string]string{"alice": password, "bob": "bobs"},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	s.plain = c.Addresses()
	s.ssl, s.mutual, s.sasl, s.saslSSL = c.ListenerAddresses(0), c.ListenerAddresses(1), c.ListenerAddresses(2), c.ListenerAddresses(3)
	l, err := net.Listen("tcp4", "127.0.0.1:0") // a port where nobody is
	if err != nil {
		t.Fatal(err)
	}
	s.unreachable = []string{l.Addr().String()}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return s
}

// tls trusts an authority, and shows a certificate.
func (s *secured) tls(authority *kafkacert.Authority, show ...kafkacert.Pair) *tls.Config {
	s.t.Helper()
	pool := x509.NewCertPool()
	if authority != nil {
		pool.AppendCertsFromPEM([]byte(authority.Certificate))
	}
	c := &tls.Config{RootCAs: pool}
	for _, p := range show {
		pair, err := tls.X509KeyPair([]byte(p.Certificate), []byte(p.Key))
		if err != nil {
			s.t.Fatal(err)
		}
		c.Certificates = append(c.Certificates, pair)
	}
	return c
}

// TestSecurity uses both clients on every kind of listener, and meets every
// refusal of one.
func TestSecurity(t *testing.T) {
	s := startSecured(t)
	named := s.tls(s.authority)
	named.ServerName = "broker.example"
	misnamed := s.tls(s.authority)
	misnamed.ServerName = "other.example"
	insecure := s.tls(nil)
	insecure.InsecureSkipVerify = true

	for name, cfg := range map[string]Config{
		"TLS":                    {Brokers: s.ssl, TLS: s.tls(s.authority)},
		"TLS by another name":    {Brokers: s.ssl, TLS: named},
		"TLS without checks":     {Brokers: s.ssl, TLS: insecure},
		"client certificate":     {Brokers: s.mutual, TLS: s.tls(s.authority, s.client)},
		"PLAIN":                  {Brokers: s.sasl, SASL: alice(Plain)},
		"SCRAM-SHA-256":          {Brokers: s.sasl, SASL: alice(ScramSHA256)},
		"SCRAM-SHA-512":          {Brokers: s.sasl, SASL: alice(ScramSHA512)},
		"PLAIN over TLS":         {Brokers: s.saslSSL, TLS: s.tls(s.authority), SASL: alice(Plain)},
		"SCRAM-SHA-256 over TLS": {Brokers: s.saslSSL, TLS: s.tls(s.authority), SASL: alice(ScramSHA256)},
		"SCRAM-SHA-512 over TLS": {Brokers: s.saslSSL, TLS: s.tls(s.authority), SASL: alice(ScramSHA512)},
	} {
		t.Run("accepted/"+name, func(t *testing.T) { useAll(t, cfg) })
	}

	text, err := os.ReadFile("../../../docs/errors.md")
	if err != nil {
		t.Fatal(err)
	}
	// What docs/errors.md gives the messages of, word for word.
	documented := map[string]string{"untrusted": "untrusted certificate", "plaintext to TLS": "TLS is off, and needed", "wrong SCRAM-SHA-512": "wrong password"}
	wrong := func(mechanism string) SASL {
		return SASL{Mechanism: mechanism, Username: "alice", Password: "not-" + password}
	}
	for name, tt := range map[string]struct {
		cfg  Config
		kind error
		want string
	}{
		"nobody there":           {Config{Brokers: s.unreachable}, transport.ErrUnreachable, "check the address"},
		"nobody there, TLS":      {Config{Brokers: s.unreachable, TLS: s.tls(s.authority)}, transport.ErrUnreachable, "check the address"},
		"untrusted":              {Config{Brokers: s.ssl, TLS: s.tls(s.stranger)}, transport.ErrTLS, "TLS.CAFile"},
		"another name":           {Config{Brokers: s.ssl, TLS: misnamed}, transport.ErrTLS, "TLS.ServerName"},
		"TLS to plaintext":       {Config{Brokers: s.plain, TLS: s.tls(s.authority)}, transport.ErrTLS, "switch TLS off"},
		"plaintext to TLS":       {Config{Brokers: s.ssl}, transport.ErrTLS, "switch TLS on"},
		"no client certificate":  {Config{Brokers: s.mutual, TLS: s.tls(s.authority)}, transport.ErrTLS, "TLS.CertFile"},
		"foreign certificate":    {Config{Brokers: s.mutual, TLS: s.tls(s.authority, s.foreign)}, transport.ErrTLS, "TLS.CertFile"},
		"no SASL":                {Config{Brokers: s.sasl}, transport.ErrAuthentication, "may want SASL"},
		"no SASL over TLS":       {Config{Brokers: s.saslSSL, TLS: s.tls(s.authority)}, transport.ErrAuthentication, "may want SASL"},
		"SASL to plaintext":      {Config{Brokers: s.plain, SASL: alice(Plain)}, transport.ErrAuthentication, "leave out SASL"},
		"wrong PLAIN":            {Config{Brokers: s.sasl, SASL: wrong(Plain)}, transport.ErrAuthentication, `password of user "alice"`},
		"wrong SCRAM-SHA-256":    {Config{Brokers: s.sasl, SASL: wrong(ScramSHA256)}, transport.ErrAuthentication, `password of user "alice"`},
		"wrong SCRAM-SHA-512":    {Config{Brokers: s.saslSSL, TLS: s.tls(s.authority), SASL: wrong(ScramSHA512)}, transport.ErrAuthentication, `password of user "alice"`},
		"unknown user":           {Config{Brokers: s.sasl, SASL: SASL{Mechanism: ScramSHA512, Username: "eve", Password: password}}, transport.ErrAuthentication, `password of user "eve"`},
		"SASL over no TLS":       {Config{Brokers: s.saslSSL, SASL: alice(Plain)}, transport.ErrTLS, "switch TLS on"},
		"one of several refuses": {Config{Brokers: append(s.unreachable, s.sasl...), SASL: wrong(Plain)}, transport.ErrAuthentication, `password of user "alice"`},
	} {
		t.Run("refused/"+name, func(t *testing.T) {
			var log bytes.Buffer
			cfg := tt.cfg
			cfg.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: levelTrace}))
			c, err := New(t.Context(), cfg)
			if err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			err = c.Ping(limited(t))
			if took := time.Since(began); took > 12*time.Second {
				t.Errorf("it took %v to say so", took)
			}
			if err := c.Close(); err != nil {
				t.Error(err)
			}
			if !errors.Is(err, tt.kind) || err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), cfg.Brokers[0]) {
				t.Errorf("got: %v\nwant %v with %q and the address", err, tt.kind, tt.want)
			}
			if name := documented[name]; name != "" {
				row := fmt.Sprintf("| %s | `connect: %s` |", name, strings.ReplaceAll(err.Error(), cfg.Brokers[0], "HOST:PORT"))
				if !strings.Contains(string(text), row) {
					t.Errorf("docs/errors.md lacks the row\n%s", row)
				}
			}
			for _, s := range []string{log.String(), fmt.Sprint(err), fmt.Sprintf("%v %+v %#v", cfg, cfg, cfg)} {
				if strings.Contains(s, password) {
					t.Errorf("the password is in: %s", s)
				}
			}
			t.Log(err)
		})
	}
	t.Run("one of several answers", func(t *testing.T) {
		useAll(t, Config{Brokers: append(s.unreachable, s.sasl...), SASL: alice(ScramSHA512)})
	})
}
