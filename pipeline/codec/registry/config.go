package registry

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Config configures a Registry.
type Config struct {
	// URLs are the registry's, such as http://localhost:8081. Of several, the
	// next is asked when one cannot be reached.
	URLs []string

	Username, Password string // for basic authentication
	Token              string // for a bearer token, instead

	TLS *tls.Config // for https. Default: that of net/http
	// Transport sends the requests instead of the Registry's own. It is not
	// closed.
	Transport http.RoundTripper

	// Timeout bounds all requests that one value waits for. It is waited out
	// with the partition's lock held, which holds up commits: keep it short.
	// Default 2 s.
	Timeout time.Duration
	// RetryAfter is how long the registry is left alone after it did not
	// answer: values that need it fail at once meanwhile. Default 1 s.
	RetryAfter time.Duration
	// UnknownFor is how long an id that the registry does not know is not
	// asked for again. Default 30 s.
	UnknownFor time.Duration

	// Schemas bounds the schemas that each codec keeps for decoding, and the
	// ids that it knows to be unknown. Default 1,000.
	Schemas int
	// SchemaBytes bounds an answer of the registry. Default 4 MiB.
	SchemaBytes int64

	// Now is the clock. Default time.Now.
	Now func() time.Time
}

func (c Config) withDefaults() Config {
	setDefault(&c.Timeout, 2*time.Second)
	setDefault(&c.RetryAfter, time.Second)
	setDefault(&c.UnknownFor, 30*time.Second)
	setDefault(&c.Schemas, 1000)
	setDefault(&c.SchemaBytes, 4<<20)
	if c.Now == nil {
		c.Now = time.Now
	}
	return c
}

func setDefault[T comparable](p *T, v T) {
	var zero T
	if *p == zero {
		*p = v
	}
}

// validate returns all that is wrong, joined.
func (c Config) validate() error {
	var errs []error
	bad := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("schema registry: "+format, args...))
	}
	if len(c.URLs) == 0 {
		bad("URLs: no URL")
	}
	for _, s := range c.URLs {
		u, err := url.Parse(s)
		switch {
		case err != nil:
			bad("URLs: %w", err)
		case u.Scheme != "http" && u.Scheme != "https", u.Host == "":
			bad("URLs: %q is not of the form http://host:port", s)
		case u.User != nil:
			bad("URLs: %s has credentials: set Username and Password instead", u.Redacted())
		}
	}
	if c.Token != "" && c.Username != "" {
		bad("Token, Username: one of the two")
	}
	if c.Transport != nil && c.TLS != nil {
		bad("Transport, TLS: a Transport has a TLS configuration of its own")
	}
	for name, d := range map[string]time.Duration{"Timeout": c.Timeout, "RetryAfter": c.RetryAfter, "UnknownFor": c.UnknownFor} {
		if d < 0 {
			bad("%s: %v is negative", name, d)
		}
	}
	if c.Schemas < 0 || c.SchemaBytes < 0 {
		bad("Schemas, SchemaBytes: %d, %d: negative", c.Schemas, c.SchemaBytes)
	}
	return errors.Join(errs...)
}

// trim removes slashes at the ends of URLs.
func trim(urls []string) []string {
	out := make([]string, len(urls))
	for i, u := range urls {
		out[i] = strings.TrimRight(u, "/")
	}
	return out
}
