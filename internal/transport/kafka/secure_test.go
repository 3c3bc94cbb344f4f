package kafka

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millrace/millrace/internal/kafkacluster/kafkacert"
	"github.com/millrace/millrace/internal/transport"
)

const password = "s3cret-of-alice"

func alice(mechanism string) SASL {
	return SASL{Mechanism: mechanism, Username: "alice", Password: password}
}

// useAll uses everything that connects: administration, a producer, a table
// reader and a group.
func useAll(t *testing.T, cfg Config) {
	t.Helper()
	c := newTestCluster(t, cfg.Brokers, func(to *Config) { to.TLS, to.SASL = cfg.TLS, cfg.SASL })
	ctx := limited(t)
	if err := c.Ping(ctx); err != nil {
		t.Fatal(err)
	}
	topic := newTopic(t, c, 1)
	send(t, c, topic, 0, "a", "b")
	n := 0
	err := c.ReadTable(ctx, transport.TopicPartition{Topic: topic}, 0, 2, func(b transport.TableBatch) error {
		n += len(b.Records)
		return nil
	})
	if err != nil || n != 2 {
		t.Errorf("read %d records, %v", n, err)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	g, err := c.Join(ctx, transport.GroupConfig{Group: unique(t, "group"), Topics: []string{topic}})
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	fetches, err := g.Poll(ctx)
	if err != nil || len(fetches) != 1 {
		t.Fatalf("poll: %v, %v", fetches, err)
	}
	if err := g.Commit(ctx, transport.Offsets{topic: {0: 2}}); err != nil {
		t.Error(err)
	}
}

// certificates are an authority's, for embedded brokers.
type certificates struct {
	t         *testing.T
	authority *kafkacert.Authority
}

func newCertificates(t *testing.T) certificates {
	t.Helper()
	a, err := kafkacert.NewAuthority("test authority")
	if err != nil {
		t.Fatal(err)
	}
	return certificates{t, a}
}

func (c certificates) pair(expired bool, hosts ...string) tls.Certificate {
	c.t.Helper()
	p, err := c.authority.Sign("somebody", expired, hosts...)
	if err != nil {
		c.t.Fatal(err)
	}
	pair, err := tls.X509KeyPair([]byte(p.Certificate), []byte(p.Key))
	if err != nil {
		c.t.Fatal(err)
	}
	return pair
}

func (c certificates) pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM([]byte(c.authority.Certificate))
	return pool
}

// TestSecurityOfEmbeddedBrokers is TestSecurity for where real brokers are not:
// both clients on every kind of listener, and those refusals that embedded
// brokers give as real ones do.
func TestSecurityOfEmbeddedBrokers(t *testing.T) {
	certs, strangers := newCertificates(t), newCertificates(t)
	server := &tls.Config{Certificates: []tls.Certificate{certs.pair(false, "127.0.0.1", "broker.example")}}
	mutual := server.Clone()
	mutual.ClientAuth, mutual.ClientCAs = tls.RequireAndVerifyClientCert, certs.pool()
	expired := &tls.Config{Certificates: []tls.Certificate{certs.pair(true, "127.0.0.1")}}
	users := []kfake.Opt{kfake.EnableSASL()}
	for _, m := range []string{Plain, ScramSHA256, ScramSHA512} {
		users = append(users, kfake.Superuser(m, "alice", password))
	}
	plain := newFake(t).ListenAddrs()
	overTLS := newFake(t, kfake.TLS(server)).ListenAddrs()
	withCerts := newFake(t, kfake.TLS(mutual)).ListenAddrs()
	tooOld := newFake(t, kfake.TLS(expired)).ListenAddrs()
	sasl := newFake(t, users...).ListenAddrs()
	both := newFake(t, append(users, kfake.TLS(server))...).ListenAddrs()

	trusting := &tls.Config{RootCAs: certs.pool()}
	showing := trusting.Clone()
	showing.Certificates = []tls.Certificate{certs.pair(false)}
	foreign := trusting.Clone()
	foreign.Certificates = []tls.Certificate{strangers.pair(false)}
	misnamed := trusting.Clone()
	misnamed.ServerName = "other.example"
	for name, cfg := range map[string]Config{
		"TLS":                    {Brokers: overTLS, TLS: trusting},
		"client certificate":     {Brokers: withCerts, TLS: showing},
		"PLAIN":                  {Brokers: sasl, SASL: alice(Plain)},
		"SCRAM-SHA-256":          {Brokers: sasl, SASL: alice(ScramSHA256)},
		"SCRAM-SHA-512 over TLS": {Brokers: both, TLS: trusting, SASL: alice(ScramSHA512)},
	} {
		t.Run("accepted/"+name, func(t *testing.T) { useAll(t, cfg) })
	}

	for name, tt := range map[string]struct {
		cfg  Config
		kind error
		want string
	}{
		"untrusted":             {Config{Brokers: overTLS, TLS: &tls.Config{RootCAs: strangers.pool()}}, transport.ErrTLS, "TLS.CAFile"},
		"another name":          {Config{Brokers: overTLS, TLS: misnamed}, transport.ErrTLS, "TLS.ServerName"},
		"expired":               {Config{Brokers: tooOld, TLS: trusting}, transport.ErrTLS, "renew it"},
		"no client certificate": {Config{Brokers: withCerts, TLS: trusting}, transport.ErrTLS, "TLS.CertFile"},
		"foreign certificate":   {Config{Brokers: withCerts, TLS: foreign}, transport.ErrTLS, "TLS.CertFile"},
		"no SASL":               {Config{Brokers: sasl}, transport.ErrAuthentication, "may want SASL"},
	} {
		t.Run("refused/"+name, func(t *testing.T) {
			c := newTestCluster(t, tt.cfg.Brokers, func(to *Config) { to.TLS, to.SASL = tt.cfg.TLS, tt.cfg.SASL })
			err := c.Ping(limited(t))
			if err == nil || !errors.Is(err, tt.kind) || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), tt.cfg.Brokers[0]) {
				t.Errorf("got: %v\nwant %v with %q and the address", err, tt.kind, tt.want)
			}
			if strings.Contains(err.Error(), password) {
				t.Errorf("the password is in: %v", err)
			}
		})
	}
	t.Run("one of several answers", func(t *testing.T) {
		c := newTestCluster(t, append([]string{nobody(t)}, plain...))
		if err := c.Ping(limited(t)); err != nil {
			t.Error(err)
		}
	})
	t.Run("nobody answers", func(t *testing.T) {
		addresses := []string{nobody(t), nobody(t)}
		err := newTestCluster(t, addresses).Ping(limited(t))
		for _, a := range addresses {
			if !errors.Is(err, transport.ErrUnreachable) || !strings.Contains(err.Error(), a) {
				t.Errorf("%v, want ErrUnreachable of %s", err, a)
			}
		}
	})
}

// nobody returns an address where nobody listens.
func nobody(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err == nil {
		err = l.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return l.Addr().String()
}

// A peer that is no broker is told from one that refuses, within the context's
// time, and its connection is closed.
func TestHandshakeWithNoBroker(t *testing.T) {
	for name, tt := range map[string]struct {
		serve func(net.Conn)
		kind  error
		want  string
	}{
		"says nothing": {func(c net.Conn) { _, _ = io.Copy(io.Discard, c) }, transport.ErrUnreachable, "that the port speaks TLS"},
		"hangs up":     {func(c net.Conn) { _, _ = c.Read(make([]byte, 1)) }, transport.ErrTLS, "does not seem to speak TLS"},
		"speaks other": {func(c net.Conn) {
			_, _ = io.WriteString(c, "220 mail.example ESMTP\r\n")
			_, _ = io.Copy(io.Discard, c)
		}, transport.ErrTLS, "does not seem to speak TLS"},
		"damaged bytes": {func(c net.Conn) { _, _ = c.Write([]byte{22, 3, 3, 0, 4, 2, 0, 0, 0}); _, _ = io.Copy(io.Discard, c) }, transport.ErrTLS, "check the TLS settings"},
	} {
		t.Run(name, func(t *testing.T) {
			l, err := net.Listen("tcp4", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			served := make(chan struct{})
			go func() {
				defer close(served)
				if c, err := l.Accept(); err == nil {
					tt.serve(c) // ends with the client's connection, too
					_ = c.Close()
				}
			}()
			cfg := Config{TLS: &tls.Config{}, Dial: (&net.Dialer{}).DialContext}
			bound := limited(t)
			if name == "says nothing" {
				var cancel context.CancelFunc
				bound, cancel = context.WithTimeout(bound, 100*time.Millisecond)
				defer cancel()
			}
			conn, err := cfg.dial(bound, "tcp", l.Addr().String())
			if err == nil {
				_ = conn.Close()
			}
			if !errors.Is(err, tt.kind) || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), l.Addr().String()) {
				t.Errorf("got: %v\nwant %v with %q", err, tt.kind, tt.want)
			}
			<-served
			_ = l.Close()
		})
	}
}

// Groups are reset while nobody is in them, and only then.
func TestMaintenance(t *testing.T) {
	c := newTestCluster(t, brokers(t))
	topic, group := newTopic(t, c, 2), unique(t, "group")
	send(t, c, topic, 0, numbered("v", 5)...)
	if ids, err := c.Members(limited(t), group); err != nil || len(ids) != 0 {
		t.Errorf("members of a group that is not there: %v, %v", ids, err)
	}
	if err := c.SetGroupOffsets(limited(t), group, transport.Offsets{}); err != nil {
		t.Errorf("no offsets: %v", err)
	}
	if err := c.SetGroupOffsets(limited(t), group, transport.Offsets{topic: {0: 3, 1: 0}}); err != nil {
		t.Fatal(err)
	}
	if o, err := c.GroupOffsets(limited(t), group); err != nil || o[topic][0] != 3 {
		t.Errorf("offsets %v, %v", o, err)
	}
	_, m, stop := joinAndPoll(t, c, group, topic)
	waitFor(t, "the member gets what comes after its offset", func() bool { return m.get().records > 1 })
	if n := m.get().records; n != 2 {
		t.Errorf("%d records from offset 3 to 5", n)
	}
	var busy *transport.GroupInUseError
	if err := c.SetGroupOffsets(limited(t), group, transport.Offsets{topic: {0: 0}}); !errors.As(err, &busy) || busy.Group != group || len(busy.Members) != 1 {
		t.Errorf("offsets of a group in use: %v", err)
	}
	if err := c.DeleteGroup(limited(t), group); !errors.As(err, &busy) || busy.Group != group {
		t.Errorf("deletion of a group in use: %v", err)
	}
	stop()
	waitFor(t, "the member is gone", func() bool {
		ids, err := c.Members(limited(t), group)
		return err == nil && len(ids) == 0
	})
	if err := c.DeleteGroup(limited(t), group); err != nil {
		t.Error(err)
	}
	if err := c.DeleteGroup(limited(t), group); err != nil {
		t.Errorf("deleted again: %v", err)
	}
	if o, err := c.GroupOffsets(limited(t), group); err != nil || len(o[topic]) != 0 {
		t.Errorf("offsets after the deletion: %v, %v", o, err)
	}
	for range 2 { // what is gone is deleted
		if err := c.DeleteTopic(limited(t), topic); err != nil {
			t.Error(err)
		}
	}
	if infos, err := c.Describe(limited(t), topic); err != nil || len(infos) != 0 {
		t.Errorf("after its deletion: %v, %v", infos, err)
	}
}

// Each way to be refused has its remedy.
func TestConnectErrors(t *testing.T) {
	eof := &kgo.ErrFirstReadEOF{}
	known := &transport.ConnectError{Address: "b:1", Kind: transport.ErrTLS, Err: io.EOF}
	for name, tt := range map[string]struct {
		cfg  Config
		err  error
		kind error
		want string
	}{
		"password":           {Config{SASL: alice(Plain)}, kerr.SaslAuthenticationFailed, transport.ErrAuthentication, `password of user "alice"`},
		"mechanism":          {Config{SASL: alice(Plain)}, kerr.UnsupportedSaslMechanism, transport.ErrAuthentication, "does not offer PLAIN"},
		"no authentication":  {Config{SASL: alice(Plain)}, kerr.IllegalSaslState, transport.ErrAuthentication, "leave out SASL"},
		"hung up, with SASL": {Config{SASL: alice(Plain)}, eof, transport.ErrAuthentication, "may not authenticate"},
		"hung up":            {Config{}, eof, transport.ErrAuthentication, "may want SASL or TLS"},
		"hung up, with TLS":  {Config{TLS: &tls.Config{}}, io.EOF, transport.ErrAuthentication, "may want SASL, or"},
		"an answer of TLS":   {Config{}, errors.New("the bytes look like a tls alert"), transport.ErrTLS, "switch TLS on"},
		"an alert":           {Config{}, &net.OpError{Op: "remote error", Err: io.EOF}, transport.ErrTLS, "TLS.CertFile"},
		"told before":        {Config{}, known, transport.ErrTLS, "b:1"},
		"anything else":      {Config{}, syscall.EHOSTUNREACH, transport.ErrUnreachable, "check the address"},
	} {
		err := tt.cfg.connectError("b:1", fmt.Errorf("wrapped: %w", tt.err))
		if !errors.Is(err, tt.kind) || !errors.Is(err, tt.err) || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), "b:1") {
			t.Errorf("%s: %v\nwant %v with %q", name, err, tt.kind, tt.want)
		}
	}
}

// What a poll meets either ends it, in words that name the place, or passes.
func TestFetchErrors(t *testing.T) {
	c := newTestCluster(t, brokers(t))
	topic := newTopic(t, c, 1)
	g, err := c.Join(t.Context(), transport.GroupConfig{Group: "g", InstanceID: "i-1", Topics: []string{topic}})
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	m := g.(*member)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	session := func(err error) error { return &kgo.ErrGroupSession{Err: err} }
	for name, tt := range map[string]struct {
		ctx  context.Context
		err  error
		kind error // nil: it passes
		want string
	}{
		"closed":                    {t.Context(), kgo.ErrClientClosed, transport.ErrClosed, ""},
		"the poll's own end":        {ended, context.Canceled, nil, ""},
		"replaced by its instance":  {t.Context(), session(kerr.FencedInstanceID), transport.ErrInstanceIDTaken, "group g, instance id i-1"},
		"no right to join":          {t.Context(), session(kerr.GroupAuthorizationFailed), kerr.GroupAuthorizationFailed, "group g"},
		"a session that was lost":   {t.Context(), session(kerr.UnknownMemberID), nil, ""},
		"a topic that was deleted":  {t.Context(), kerr.UnknownTopicID, transport.ErrUnknownTopic, "topic " + topic + ", partition 0 was deleted"},
		"a leader that moved":       {t.Context(), kerr.NotLeaderForPartition, nil, ""},
		"no right to read":          {t.Context(), kerr.TopicAuthorizationFailed, kerr.TopicAuthorizationFailed, "fetch topic " + topic + ", partition 0"},
		"before the first, or last": {t.Context(), kerr.OffsetOutOfRange, kerr.OffsetOutOfRange, "reset its offset"},
	} {
		err := m.fetchError(tt.ctx, topic, 0, tt.err)
		if tt.kind == nil && err != nil || tt.kind != nil && (!errors.Is(err, tt.kind) || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%s: %v\nwant %v with %q", name, err, tt.kind, tt.want)
		}
	}
}
