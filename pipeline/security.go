package pipeline

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"

	"github.com/millrace/millrace/internal/transport/kafka"
)

// TLS says how connections to the brokers are encrypted, and whom they trust.
// Any field that is set switches it on. Files are PEM.
type TLS struct {
	// Enabled switches TLS on with nothing else to say: the brokers'
	// certificates are checked against the authorities of the system.
	Enabled bool
	// CAFile holds the certificates of the authorities to trust instead.
	CAFile string
	// CertFile and KeyFile are the client's certificate and its private key,
	// for brokers that want one. They are read again for every connection, so
	// that a renewed certificate needs no restart.
	CertFile, KeyFile string
	// ServerName is the name in the brokers' certificates, if it is not the
	// host of their addresses.
	ServerName string
	// InsecureSkipVerify takes any certificate of anybody: for a try on one's
	// own machine.
	InsecureSkipVerify bool
}

func (t TLS) on() bool { return t != TLS{} }

// config returns the client's configuration, or all that is wrong, by field.
func (t TLS) config() (*tls.Config, []fieldError) {
	if !t.on() {
		return nil, nil
	}
	var errs []fieldError
	c := &tls.Config{ServerName: t.ServerName, InsecureSkipVerify: t.InsecureSkipVerify, MinVersion: tls.VersionTLS12}
	if t.CAFile != "" {
		switch b, err := os.ReadFile(t.CAFile); {
		case err != nil:
			errs = append(errs, fieldError{"TLS.CAFile", err})
		default:
			c.RootCAs = x509.NewCertPool()
			if !c.RootCAs.AppendCertsFromPEM(b) {
				errs = append(errs, fieldError{"TLS.CAFile", fmt.Errorf("no certificate in PEM in %s", t.CAFile)})
			}
		}
		if t.InsecureSkipVerify {
			errs = append(errs, fieldError{"TLS.InsecureSkipVerify", errors.New("it makes TLS.CAFile useless: use one of them")})
		}
	}
	switch {
	case t.CertFile == "" && t.KeyFile == "":
	case t.KeyFile == "":
		errs = append(errs, fieldError{"TLS.KeyFile", errors.New("TLS.CertFile needs its private key")})
	case t.CertFile == "":
		errs = append(errs, fieldError{"TLS.CertFile", errors.New("TLS.KeyFile needs its certificate")})
	default:
		load := func() (*tls.Certificate, error) {
			pair, err := tls.LoadX509KeyPair(t.CertFile, t.KeyFile)
			return &pair, err
		}
		if _, err := load(); err != nil {
			errs = append(errs, fieldError{"TLS.CertFile", err})
		}
		c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return load() }
	}
	return c, errs
}

// SASL says who the client is to the brokers.
type SASL struct {
	// Mechanism is PLAIN, which needs TLS to be safe, SCRAM-SHA-256 or
	// SCRAM-SHA-512. Empty: no authentication.
	Mechanism string
	// Username is the user's name.
	Username string
	// Password is the user's password.
	Password Secret
	// PasswordFile is a file with the password, instead; a line's end at its
	// end does not count.
	PasswordFile string
}

// maxPasswordFile bounds what is read of a password file.
const maxPasswordFile = 4 << 10

// config returns the transport's form, or all that is wrong, by field.
func (s SASL) config() (k kafka.SASL, errs []fieldError) {
	bad := func(field, format string, args ...any) {
		errs = append(errs, fieldError{field, fmt.Errorf(format, args...)})
	}
	k = kafka.SASL{Mechanism: s.Mechanism, Username: s.Username, Password: string(s.Password)}
	switch s.Mechanism {
	case kafka.Plain, kafka.ScramSHA256, kafka.ScramSHA512:
	case "":
		if s != (SASL{}) {
			bad("SASL.Mechanism", "it is missing: use %s, %s or %s", kafka.ScramSHA512, kafka.ScramSHA256, kafka.Plain)
		}
		return k, errs
	default:
		bad("SASL.Mechanism", "%q is unknown: use %s, %s or %s", s.Mechanism, kafka.ScramSHA512, kafka.ScramSHA256, kafka.Plain)
	}
	if s.Username == "" {
		bad("SASL.Username", "it is missing")
	}
	switch {
	case s.Password != "" && s.PasswordFile != "":
		bad("SASL.PasswordFile", "there is SASL.Password already: use one of them")
	case s.PasswordFile != "":
		b, err := os.ReadFile(s.PasswordFile)
		k.Password = strings.TrimRight(string(b), "\r\n")
		switch {
		case err != nil:
			bad("SASL.PasswordFile", "%w", err)
		case len(b) > maxPasswordFile:
			bad("SASL.PasswordFile", "%s has %d bytes: that is no password", s.PasswordFile, len(b))
		case k.Password == "":
			bad("SASL.PasswordFile", "%s is empty", s.PasswordFile)
		}
	case s.Password == "":
		bad("SASL.Password", "it is missing")
	}
	return k, errs
}

// fieldError is what is wrong with one field of a configuration.
type fieldError struct {
	field string
	err   error
}

// Secret is a text that is never printed: however it is formatted, logged or
// marshalled, it shows as "[secret]". Convert it to a string to use it.
type Secret string

const hidden = "[secret]"

// String implements fmt.Stringer.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return hidden
}

// GoString implements fmt.GoStringer.
func (s Secret) GoString() string { return fmt.Sprintf("%q", s.String()) }

// Format implements fmt.Formatter, for all verbs.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(s.String())) }

// LogValue implements slog.LogValuer.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText implements encoding.TextMarshaler.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }
