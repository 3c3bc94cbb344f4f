package web

import (
	"embed"
	"io/fs"
	"net/http"

	"github.com/millrace/millrace/pipeline/views"
)

//go:embed static
var static embed.FS

// files serves the page. Browsers ask each time whether it is new, so that a
// newer program is never seen with an older page.
func files() http.Handler {
	sub, err := fs.Sub(static, "static")
	if err != nil {
		return http.NotFoundHandler() // a constant, valid path: not possible
	}
	server := http.FileServerFS(sub)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := r.URL.Path[1:]
		if name == "" {
			name = "index.html"
		}
		if info, err := fs.Stat(sub, name); err != nil || info.IsDir() {
			views.WriteProblem(w, http.StatusNotFound, "there is no "+r.URL.Path)
			return
		}
		w.Header().Set("Cache-Control", "no-cache")
		server.ServeHTTP(w, r)
	})
}
