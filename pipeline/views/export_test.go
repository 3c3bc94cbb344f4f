package views

import (
	"net/http"
	"time"
)

// NewHandler is Handler with another heartbeat.
func NewHandler(s Service, beat time.Duration) http.Handler { return newHandler(s, beat) }

// Routes are the patterns of the handler.
func Routes() (patterns []string) {
	for p := range (handler{}).routes() {
		patterns = append(patterns, p)
	}
	return patterns
}

// OpenAPIDocument is the description that is served.
func OpenAPIDocument() []byte { return openAPIDocument }

const MaxStreams = maxStreams
