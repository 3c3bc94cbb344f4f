package web_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/millrace/millrace/apps/rss-articles/internal/web"
)

func TestGuard(t *testing.T) {
	ok := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })
	h, open := web.Guard(ok, "rss.example.org"), web.Guard(ok, "*")
	for _, tt := range []struct {
		name, method, host string
		header             []string
		want               int
	}{
		{"by address", "GET", "127.0.0.1:8080", nil, 200},
		{"IPv6", "GET", "[::1]:8080", nil, 200},
		{"IPv6 without a port", "GET", "[::1]", nil, 200},
		{"localhost", "GET", "localhost:8080", nil, 200},
		{"LOCALHOST.", "GET", "LOCALHOST.", nil, 200},
		{"a name that was given", "GET", "RSS.example.org", nil, 200},
		{"DNS rebinding", "GET", "evil.example:8080", nil, 421},
		{"a name that looks like an address", "GET", "127.0.0.1.evil.example", nil, 421},
		{"no host", "GET", "", nil, 421},
		{"another program", "PUT", "127.0.0.1:8080", nil, 200},
		{"our page", "PUT", "127.0.0.1:8080", []string{"Origin", "http://127.0.0.1:8080", "Sec-Fetch-Site", "same-origin"}, 200},
		{"our page, old browser", "PUT", "127.0.0.1:8080", []string{"Origin", "http://127.0.0.1:8080"}, 200},
		{"another site", "POST", "127.0.0.1:8080", []string{"Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site"}, 403},
		{"another site, old browser", "POST", "127.0.0.1:8080", []string{"Origin", "https://evil.example"}, 403},
		{"another port", "DELETE", "127.0.0.1:8080", []string{"Origin", "http://127.0.0.1:9999", "Sec-Fetch-Site", "same-site"}, 403},
		{"a sandboxed frame", "POST", "127.0.0.1:8080", []string{"Origin", "null"}, 403},
		{"a link from another site", "GET", "127.0.0.1:8080", []string{"Sec-Fetch-Site", "cross-site"}, 200},
	} {
		r := httptest.NewRequest(tt.method, "/x", nil)
		r.Host = tt.host
		for i := 0; i+1 < len(tt.header); i += 2 {
			r.Header.Set(tt.header[i], tt.header[i+1])
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != tt.want {
			t.Errorf("%s: %d, want %d", tt.name, w.Code, tt.want)
		}
		if w.Header().Get("Content-Security-Policy") == "" {
			t.Errorf("%s: no policy", tt.name)
		}
	}
	r := httptest.NewRequest("GET", "/", nil)
	r.Host = "any.example"
	w := httptest.NewRecorder()
	if open.ServeHTTP(w, r); w.Code != 200 {
		t.Errorf("any host: %d", w.Code)
	}
}
