package kafka

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/IBM/sarama"
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"
)

// The SASL mechanisms, by their registered names.
const (
	Plain       = "PLAIN"         // RFC 4616: the password itself, so that it needs TLS
	ScramSHA256 = "SCRAM-SHA-256" // RFC 5802, RFC 7677
	ScramSHA512 = "SCRAM-SHA-512"
)

// SASL says who a client is. It never prints the password.
type SASL struct {
	Mechanism string // empty: no authentication
	Username  string
	Password  string
}

func (s SASL) String() string {
	if s.Mechanism == "" {
		return "no SASL"
	}
	return fmt.Sprintf("SASL %s as user %q", s.Mechanism, s.Username)
}

// GoString implements fmt.GoStringer.
func (s SASL) GoString() string { return s.String() }

// LogValue implements slog.LogValuer.
func (s SASL) LogValue() slog.Value { return slog.StringValue(s.String()) }

// mechanism is franz-go's form; nil without authentication.
func (s SASL) mechanism() sasl.Mechanism {
	auth := scram.Auth{User: s.Username, Pass: s.Password}
	switch s.Mechanism {
	case Plain:
		return plain.Auth{User: s.Username, Pass: s.Password}.AsMechanism()
	case ScramSHA256:
		return auth.AsSha256Mechanism()
	case ScramSHA512:
		return auth.AsSha512Mechanism()
	}
	return nil
}

func (s SASL) validate() error {
	switch {
	case s.Mechanism == "":
		if s.Username != "" || s.Password != "" {
			return fmt.Errorf("SASL has a user and no mechanism: use %s, %s or %s", ScramSHA512, ScramSHA256, Plain)
		}
		return nil
	case s.mechanism() == nil:
		return fmt.Errorf("SASL mechanism %q is unknown: use %s, %s or %s", s.Mechanism, ScramSHA512, ScramSHA256, Plain)
	case s.Username == "" || s.Password == "":
		return fmt.Errorf("SASL mechanism %s needs a user and a password", s.Mechanism)
	}
	return nil
}

// configure tells sarama.
func (s SASL) configure(sc *sarama.Config) {
	if s.Mechanism == "" {
		return
	}
	sc.Net.SASL.Enable = true
	sc.Net.SASL.Handshake = true
	sc.Net.SASL.Version = sarama.SASLHandshakeV1
	sc.Net.SASL.Mechanism = sarama.SASLMechanism(s.Mechanism)
	sc.Net.SASL.User, sc.Net.SASL.Password = s.Username, s.Password
	if s.Mechanism != Plain {
		sc.Net.SASL.SCRAMClientGeneratorFunc = func() sarama.SCRAMClient { return &scramClient{mechanism: s.mechanism()} }
	}
}

// scramClient lets sarama speak SCRAM by franz-go's implementation: sarama has
// none.
type scramClient struct {
	mechanism sasl.Mechanism
	session   sasl.Session
	first     []byte
	done      bool
}

// Begin implements sarama.SCRAMClient. The mechanism knows the user.
func (c *scramClient) Begin(_, _, _ string) (err error) {
	c.session, c.first, err = c.mechanism.Authenticate(context.Background(), "")
	return err
}

// Step implements sarama.SCRAMClient. The first challenge is empty.
func (c *scramClient) Step(challenge string) (string, error) {
	if c.first != nil {
		first := c.first
		c.first = nil
		return string(first), nil
	}
	done, response, err := c.session.Challenge([]byte(challenge))
	c.done = done
	return string(response), err
}

// Done implements sarama.SCRAMClient.
func (c *scramClient) Done() bool { return c.done }
