package views

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"slices"
	"strings"
)

// RequireToken lets through only requests with "Authorization: Bearer token"
// (RFC 6750), and those for the open paths, such as /healthz and /readyz for
// an orchestrator. Others get 401. Without TLS, who can read the network can
// read the token.
func RequireToken(h http.Handler, token string, open ...string) http.Handler {
	want := sha256.Sum256([]byte(token))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if slices.Contains(open, r.URL.Path) {
			h.ServeHTTP(w, r)
			return
		}
		scheme, given, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		if !strings.EqualFold(scheme, "Bearer") {
			w.Header().Set("WWW-Authenticate", `Bearer realm="millrace"`)
			WriteProblem(w, http.StatusUnauthorized, "send the token as Authorization: Bearer TOKEN")
			return
		}
		// Of equal length, so that the time tells nothing, not even the length.
		if got := sha256.Sum256([]byte(strings.TrimSpace(given))); subtle.ConstantTimeCompare(got[:], want[:]) != 1 {
			w.Header().Set("WWW-Authenticate", `Bearer realm="millrace", error="invalid_token"`)
			WriteProblem(w, http.StatusUnauthorized, "the token is not the right one")
			return
		}
		h.ServeHTTP(w, r)
	})
}
