package web

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/millrace/millrace/pipeline/views"
)

// csp lets the page load its own files and talk to its own server, and nothing
// else: what a feed says cannot make the browser fetch or run anything.
const csp = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'; " +
	"require-trusted-types-for 'script'; trusted-types 'none'"

// Guard protects a server without a login from the pages of other sites, which
// a browser lets send requests to it:
//
//   - A request that changes something is refused if it comes from another
//     origin, by its Sec-Fetch-Site or Origin header (CSRF).
//   - A request for another host name than those of this server is refused: a
//     name that somebody points at 127.0.0.1 makes their page one of our origin
//     (DNS rebinding). IP addresses and localhost are always this server's;
//     with "*" among hosts every name is.
//
// It also sets the headers that tell browsers what the page may do.
func Guard(h http.Handler, hosts ...string) http.Handler {
	origin := http.NewCrossOriginProtection()
	origin.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		views.WriteProblem(w, http.StatusForbidden, "the request comes from another site's page")
	}))
	next := origin.Handler(h)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("Content-Security-Policy", csp)
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("Referrer-Policy", "no-referrer")
		header.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()")
		header.Set("Cross-Origin-Opener-Policy", "same-origin")
		header.Set("Cross-Origin-Resource-Policy", "same-origin")
		if !ours(r.Host, hosts) {
			views.WriteProblem(w, http.StatusMisdirectedRequest, fmt.Sprintf(
				"this server is not %q: use its IP address, or name the host with -host", r.Host))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// ours says whether a Host header names this server.
func ours(host string, names []string) bool {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if _, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil {
		return true // an address cannot be pointed elsewhere
	}
	return host == "localhost" || slices.Contains(names, "*") ||
		slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, host) })
}
