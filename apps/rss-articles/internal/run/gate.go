package run

import (
	"net/http"
	"sync/atomic"

	"github.com/millrace/millrace/pipeline/views"
)

// gate answers from the first moment on, and passes on to the app's handler
// once there is one.
type gate struct{ next atomic.Pointer[http.Handler] }

func (g *gate) open(h http.Handler) { g.next.Store(&h) }

func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if h := g.next.Load(); h != nil {
		(*h).ServeHTTP(w, r)
		return
	}
	if r.URL.Path == "/healthz" {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = w.Write([]byte("ok\n")) // the client has gone
		return
	}
	w.Header().Set("Retry-After", "1")
	views.WriteProblem(w, http.StatusServiceUnavailable, "the app is starting")
}
