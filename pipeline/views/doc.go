// Package views answers queries about a service over HTTP:
//
//	GET /v1/tables                      the names of the tables
//	GET /v1/tables/{table}              entries, by ?from=&to= or ?prefix=, ?limit=
//	GET /v1/tables/{table}/{key}        the value at a key
//	GET /v1/topology                    the topology: JSON, or text and Mermaid by
//	                                    ?format=text|mermaid or the Accept header
//	GET /v1/status                      what each processor is doing
//	GET /healthz                        200 while the service is alive
//	GET /readyz                         200 when it is ready, else 503
//
// Values are JSON. Reads see what was committed and has reached the service's
// view of the table. Errors are application/problem+json (RFC 9457). [Handler]
// is an http.Handler for your own server; [Serve] is a server with bounds on
// sizes and times that listens on the loopback unless it is told otherwise.
package views
