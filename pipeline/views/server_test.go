package views_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/millrace/millrace/pipeline/views"
)

func hello() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") })
}

func TestToken(t *testing.T) {
	metrics := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "numbers") })
	_, h := start(t)
	a, _ := serve(t, views.Server{Handler: h, Token: "secret-token", Open: []string{"/healthz"}, Metrics: metrics, Profiling: true})
	for _, tt := range []struct {
		path, auth string
		want       int
	}{
		{"/v1/tables", "", 401},
		{"/v1/tables", "Bearer secret-token", 200},
		{"/v1/tables", "bearer secret-token", 200},
		{"/v1/tables", "Bearer secret-tokem", 401},
		{"/v1/tables", "Bearer secret", 401},
		{"/v1/tables", "Bearer", 401},
		{"/v1/tables", "Basic c2VjcmV0LXRva2Vu", 401},
		{"/metrics", "", 401},
		{"/metrics", "Bearer secret-token", 200},
		{"/debug/pprof/", "", 401},
		{"/debug/pprof/", "Bearer secret-token", 200},
		{"/debug/pprof/heap", "Bearer secret-token", 200},
		{"/healthz", "", 200},
		{"/healthz/../v1/tables", "", 401},
		{"/readyz", "", 401},
		{"/nothing", "", 401},
		{"/nothing", "Bearer secret-token", 404},
	} {
		r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+a+tt.path, nil)
		if tt.auth != "" {
			r.Header.Set("Authorization", tt.auth)
		}
		resp, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if resp.StatusCode != tt.want {
			t.Errorf("%s with %q: %s, want %d", tt.path, tt.auth, resp.Status, tt.want)
		}
		if tt.want == 401 && (!strings.HasPrefix(resp.Header.Get("WWW-Authenticate"), "Bearer ") || strings.Contains(string(body), "secret")) {
			t.Errorf("%s with %q: %v %s", tt.path, tt.auth, resp.Header, body)
		}
	}
	a, _ = serve(t, views.Server{Handler: h})
	resp, err := http.Get("http://" + a + "/debug/pprof/")
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != 404 {
		t.Errorf("profiles that nobody asked for: %s", resp.Status)
	}
}

// keyPair writes a certificate for the loopback.
func keyPair(t *testing.T, dir, name string) (certFile, keyFile string, pool *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	certFile, keyFile = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for file, block := range map[string]*pem.Block{certFile: {Type: "CERTIFICATE", Bytes: der}, keyFile: {Type: "PRIVATE KEY", Bytes: keyDER}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cert, _ := x509.ParseCertificate(der)
	pool = x509.NewCertPool()
	pool.AddCert(cert)
	return certFile, keyFile, pool
}

func TestTLS(t *testing.T) {
	dir := t.TempDir()
	certFile, keyFile, pool := keyPair(t, dir, "first")
	a, _ := serve(t, views.Server{Handler: hello(), CertFile: certFile, KeyFile: keyFile})
	name := func(pool *x509.CertPool) (string, error) {
		client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, DisableKeepAlives: true}}
		resp, err := client.Get("https://" + a + "/")
		if err != nil {
			return "", err
		}
		defer resp.Body.Close()
		if b, err := io.ReadAll(resp.Body); err != nil || string(b) != "hello" {
			return "", fmt.Errorf("body %q, %w", b, err)
		}
		return resp.TLS.PeerCertificates[0].Subject.CommonName, nil
	}
	if got, err := name(pool); err != nil || got != "first" {
		t.Fatalf("certificate %q, %v", got, err)
	}
	_, _, pool = keyPair(t, dir, "second")
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(20 * time.Second); ; <-tick.C {
		if got, err := name(pool); err == nil && got == "second" {
			break
		} else if time.Now().After(end) {
			t.Fatalf("after the files changed: certificate %q, %v", got, err)
		}
	}
	if err := (views.Server{Address: "127.0.0.1:0", Handler: hello(), CertFile: certFile}).Run(t.Context()); err == nil || !strings.Contains(err.Error(), "KeyFile") {
		t.Errorf("a certificate without a key: %v", err)
	}
	if err := (views.Server{Address: "127.0.0.1:0", Handler: hello(), CertFile: certFile, KeyFile: certFile}).Run(t.Context()); err == nil || !strings.Contains(err.Error(), certFile) {
		t.Errorf("a key that is none: %v", err)
	}
}

// A token that goes over the network in the clear is warned of.
func TestTokenWithoutTLSIsWarnedOf(t *testing.T) {
	var log syncBuffer
	_, stop := serve(t, views.Server{Address: "0.0.0.0:0", Handler: hello(), Token: "x", Logger: slog.New(slog.NewTextHandler(&log, nil))})
	if err := stop(); err != nil || !strings.Contains(log.String(), "in the clear") {
		t.Errorf("%v, log %q", err, log.String())
	}
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

func TestServe(t *testing.T) {
	_, h := start(t)
	ctx, cancel := context.WithCancel(t.Context())
	address := make(chan net.Addr, 1)
	done := make(chan error, 1)
	go func() { done <- views.Serve(ctx, ":0", h, func(a net.Addr) { address <- a }) }()
	a := (<-address).String()
	if !strings.HasPrefix(a, "127.0.0.1:") {
		t.Errorf("listens at %s, want the loopback", a)
	}
	if err := views.Serve(ctx, a, h, nil); err == nil || !strings.Contains(err.Error(), a) {
		t.Errorf("a taken port: %v", err)
	}
	resp, err := http.Get("http://" + a + "/healthz")
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
	http.DefaultClient.CloseIdleConnections()
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
