package views

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

// tls returns the server's configuration, nil without certificate files.
func (s Server) tls() (*tls.Config, error) {
	if s.CertFile == "" && s.KeyFile == "" {
		return nil, nil
	}
	if s.CertFile == "" || s.KeyFile == "" {
		return nil, errors.New("http: CertFile and KeyFile go together: one is missing")
	}
	c := &certificate{certFile: s.CertFile, keyFile: s.KeyFile, log: s.Logger, now: time.Now}
	if err := c.load(); err != nil {
		return nil, err
	}
	return &tls.Config{
		MinVersion:     tls.VersionTLS12,
		NextProtos:     []string{"http/1.1"},
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return c.current(), nil },
	}, nil
}

// certificateEvery is how often the files are looked at, when clients come.
const certificateEvery = time.Second

// certificate is read from files again when they change.
type certificate struct {
	certFile, keyFile string
	log               *slog.Logger
	now               func() time.Time

	mu      sync.Mutex
	cert    *tls.Certificate
	version [2]fileVersion
	looked  time.Time
}

type fileVersion struct {
	modified time.Time
	size     int64
}

func (c *certificate) load() error {
	version := c.versions() // first: a change meanwhile is seen at the next look
	cert, err := tls.LoadX509KeyPair(c.certFile, c.keyFile)
	if err != nil {
		return fmt.Errorf("http: certificate %s with key %s: %w", c.certFile, c.keyFile, err)
	}
	c.cert, c.version, c.looked = &cert, version, c.now()
	return nil
}

func (c *certificate) versions() (v [2]fileVersion) {
	for i, name := range []string{c.certFile, c.keyFile} {
		if info, err := os.Stat(name); err == nil {
			v[i] = fileVersion{info.ModTime(), info.Size()}
		}
	}
	return v
}

// current returns the certificate of the files, or the last one that was whole.
func (c *certificate) current() *tls.Certificate {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	if now.Sub(c.looked) < certificateEvery {
		return c.cert
	}
	c.looked = now
	if v := c.versions(); v != c.version {
		if err := c.load(); err != nil {
			c.version = v // logged once for each change
			c.log.Error("http: the certificate changed and cannot be used; the last one stays", "error", err)
		} else {
			c.log.Info("http: certificate loaded again", "file", c.certFile)
		}
	}
	return c.cert
}
