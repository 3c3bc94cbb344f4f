// Package views answers queries about a service over HTTP:
//
//	GET /v1/tables                      the names of the tables
//	GET /v1/tables/{table}              entries, by ?from=&to= or ?prefix=, ?limit=
//	GET /v1/tables/{table}/{key}        the value at a key
//	GET /v1/topology                    the topology: JSON, or text and Mermaid by
//	                                    ?format=text|mermaid or the Accept header
//	GET /v1/status                      what each processor is doing
//	GET /v1/openapi.json                this API, as OpenAPI 3
//	GET /healthz                        200 while the service is alive
//	GET /readyz                         200 when it is ready, else 503 with how far
//	                                    restores are, or with what fails
//
// Values are JSON. Reads see what was committed and has reached the service's
// view of the table. A page of entries ends at its limit or at about 4 MiB.
// Values and pages have an ETag for If-None-Match. Errors are
// application/problem+json (RFC 9457).
//
// # Live changes
//
// A table or a key that is asked for with "Accept: text/event-stream", as a
// browser's EventSource does, is followed by server-sent events:
//
//	reset    forget what you have
//	row      an entry: {"key": …, "value": …}
//	ready    these were all: {"rows": 2}
//	change   an entry has a new value: {"key": …, "value": …}
//	delete   an entry is gone: {"key": …}
//	end      the stream ends; the detail of the problem says why
//
// No change is left out between the rows and the changes. A client that comes
// back begins with reset again: there are no event ids, and Last-Event-ID is
// not looked at. A client for which more than 4 MiB of changes wait, or that
// does not take what is written within 10 seconds, is dropped. There can be 100
// streams at once.
//
// # Servers
//
// [Handler] is an http.Handler for your own server. [Server] is one with
// bounds on sizes and times, on the loopback unless it is told otherwise, with
// a token and TLS on demand. A server of your own that has a WriteTimeout does
// not end the streams: they set deadlines of their own.
package views
